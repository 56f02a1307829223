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
