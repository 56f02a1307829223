//! Sole ownership: claimed, lost, and given back.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use kref::{Ref, UniqueRef};

use crate::tools::Canary;

#[test]
fn the_only_reference_is_told_so_and_others_are_not() {
    let mut a = Ref::new(1);
    *Ref::get_mut(&mut a).unwrap() = 2;
    let b = a.clone();
    assert_eq!(Ref::get_mut(&mut a), None);
    let a = Ref::try_unwrap(a).unwrap_err();
    let mut a = Ref::try_unique(a).unwrap_err();
    assert_eq!(Ref::count_hint(&a), 2);
    drop(b);
    assert_eq!(Ref::get_mut(&mut a), Some(&mut 2));
    assert_eq!(Ref::try_unwrap(a), Ok(2));
}

#[test]
fn the_last_into_inner_gets_the_value() {
    let a = Ref::new(String::from("value"));
    let b = a.clone();
    assert_eq!(Ref::into_inner(a), None);
    assert_eq!(Ref::into_inner(b).unwrap(), "value");
}

#[test]
fn make_mut_clones_only_what_is_shared() {
    let mut a = Ref::new(vec![1]);
    let address = Ref::as_ptr(&a);
    Ref::make_mut(&mut a).push(2);
    assert_eq!(Ref::as_ptr(&a), address);

    let b = a.clone();
    Ref::make_mut(&mut a).push(3);
    assert_ne!(Ref::as_ptr(&a), address);
    assert_eq!(*a, [1, 2, 3]);
    assert_eq!(*b, [1, 2]);
    assert_eq!((Ref::count_hint(&a), Ref::count_hint(&b)), (1, 1));
    assert_eq!(Ref::unwrap_or_clone(b), [1, 2]);
}

#[test]
fn a_value_moves_through_all_states_in_one_place() {
    let destroyed = AtomicUsize::new(0);
    let mut unique = UniqueRef::new([Canary(&destroyed), Canary(&destroyed)]);
    let address: *const _ = &*unique;
    unique.swap(0, 1);
    let shared = Ref::from(unique);
    assert_eq!(Ref::as_ptr(&shared), address);
    assert_eq!(Ref::count_hint(&shared), 1);
    let other = shared.clone();
    drop(shared);
    let unique = Ref::try_unique(other).unwrap();
    assert_eq!(&*unique as *const _, address);
    assert_eq!(destroyed.load(Relaxed), 0);
    drop(unique);
    assert_eq!(destroyed.load(Relaxed), 2);
}

#[test]
fn a_slice_is_filled_in_place() {
    let mut letters = UniqueRef::<[char]>::new_uninit_slice(3);
    for (place, letter) in letters.iter_mut().zip('a'..) {
        place.write(letter);
    }
    // SAFETY: all three were written.
    let mut letters = unsafe { letters.assume_init() };
    letters.reverse();
    assert_eq!(*UniqueRef::share(letters), ['c', 'b', 'a']);
}

#[test]
fn a_pinned_value_does_not_move() {
    let pinned = Ref::pin(std::marker::PhantomPinned);
    let other: Pin<Ref<_>> = pinned.clone();
    assert!(std::ptr::eq(&*pinned, &*other));
}

/// `MaybeUninit` has a method `assume_init` as well, which copies the value out: it must not be the one.
#[test]
fn a_value_is_written_later() {
    let five: Ref<u32> = UniqueRef::share(UniqueRef::write(UniqueRef::new_uninit(), 5));
    assert_eq!(*five, 5);

    let mut room = UniqueRef::<u32>::new_uninit();
    room.write(6);
    // SAFETY: just written.
    let six: UniqueRef<u32> = unsafe { room.assume_init() };
    assert_eq!(*six, 6);

    let mut room = Ref::<u32>::new_uninit();
    Ref::get_mut(&mut room).unwrap().write(7);
    let other = room.clone();
    // SAFETY: just written.
    let seven: Ref<u32> = unsafe { room.assume_init() };
    assert_eq!((*seven, Ref::count_hint(&seven)), (7, 2));
    drop(other);
    assert_eq!(Ref::try_unwrap(seven), Ok(7));

    let mut room = Ref::<[char]>::new_uninit_slice(2);
    for place in Ref::get_mut(&mut room).unwrap() {
        place.write('x');
    }
    // SAFETY: just written.
    let letters: Ref<[char]> = unsafe { room.assume_init() };
    assert_eq!(*letters, ['x', 'x']);
}

#[test]
fn whoever_has_the_last_reference_to_a_written_value_destroys_it_by_its_type() {
    let destroyed = AtomicUsize::new(0);
    let mut room = Ref::<Canary<'_>>::new_uninit();
    Ref::get_mut(&mut room).unwrap().write(Canary(&destroyed));
    let uninit = room.clone();
    // SAFETY: just written.
    let canary = unsafe { room.assume_init() };
    drop(uninit);
    assert_eq!(destroyed.load(Relaxed), 0);
    drop(canary);
    assert_eq!(destroyed.load(Relaxed), 1);

    let mut room = UniqueRef::<Canary<'_>>::new_uninit();
    room.write(Canary(&destroyed));
    drop(room); // the memory goes, the value is not known to be there
    assert_eq!(destroyed.load(Relaxed), 1);
}

#[test]
fn a_pinned_owner_shares_in_place() {
    let unique = UniqueRef::pin(std::marker::PhantomPinned);
    let address = std::ptr::from_ref(&*unique);
    let shared: Pin<Ref<_>> = unique.into();
    assert!(std::ptr::eq(&*shared, address));
    let pinned: Pin<UniqueRef<u8>> = UniqueRef::new(5).into();
    assert_eq!(*pinned, 5);
}
