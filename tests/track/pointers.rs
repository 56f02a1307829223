//! Every way to take a reference, and every way to end one: the holders are as many as the references.

use std::mem::ManuallyDrop;
use std::task::Waker;

use kref::registry::{Borrowed, Entry};
use kref::track::{self, Kind, Tracked};
use kref::weak::WeakRef;
use kref::{Handle, Interned, Interner, Ref, Registry, ShardedRef, UniqueRef, Wake, unsize};

use crate::holders;

/// The place of the line that calls it, as `file:line`.
#[track_caller]
fn here() -> String {
    let location = std::panic::Location::caller();
    format!("{}:{}", location.file(), location.line())
}

fn newest<P: Tracked>(pointer: &P) -> String {
    let report = track::report_of(pointer);
    let location = report.holders().last().expect("a holder").location();
    format!("{}:{}", location.file(), location.line())
}

fn kinds<P: Tracked>(pointer: &P) -> Vec<Kind> {
    let report = track::report_of(pointer);
    report
        .holders()
        .iter()
        .map(|holder| holder.kind())
        .collect()
}

#[test]
fn a_ref_from_its_making_to_its_end() {
    let a = Ref::new(5);
    let b = a.clone();
    assert_eq!(holders(&a), 2);
    let c = Ref::try_unique(b).unwrap_err();
    assert_eq!(holders(&a), 2);
    drop(a);
    assert_eq!(holders(&c), 1);
    let unique = Ref::try_unique(c).unwrap();
    let d = UniqueRef::share(unique);
    assert_eq!(holders(&d), 1);
    let e = d.clone();
    assert_eq!(Ref::into_inner(d), None);
    assert_eq!(holders(&e), 1);
    assert_eq!(Ref::try_unwrap(e).unwrap(), 5);
}

#[test]
fn the_place_is_the_callers() {
    let (a, place) = (Ref::new(5), here());
    assert_eq!(newest(&a), place);
    let (b, place) = (a.clone(), here());
    assert_eq!(newest(&a), place);
    let (c, place) = (Ref::<str>::from("text"), here());
    assert_eq!(newest(&c), place);
    let (d, place) = (Vec::from([1, 2]).into_iter().collect::<Ref<[_]>>(), here());
    assert_ne!(newest(&d), place); // `collect` calls for it
    let (weak, place) = (WeakRef::new(5), here());
    assert_eq!(newest(&weak), place);
    let (_strong, place) = (WeakRef::downgrade(&weak).upgrade(), here());
    assert_eq!(newest(&weak), place);
    let (sharded, place) = (ShardedRef::from(Ref::new(5)), here());
    assert_eq!(newest(&sharded), place);
    let (_other, place) = (ShardedRef::try_get(&sharded), here());
    assert_eq!(newest(&sharded), place);

    let map = Registry::<u32, u32>::new();
    let (one, place) = (map.get_or_insert_with(1, |_| 1), here());
    assert_eq!(newest(&one), place);
    let (_again, place) = (map.get(&1), here());
    assert_eq!(newest(&one), place);
    let (_again, place) = (map.get_or_insert_with(1, |_| 1), here());
    assert_eq!(newest(&one), place);
    let (two, place) = (map.try_insert(2, 2).unwrap(), here());
    assert_eq!(newest(&two), place);
    let (_error, place) = (map.try_insert(2, 2).unwrap_err(), here());
    assert_eq!(newest(&two), place);
    let (three, place) = (map.insert(3, 3), here());
    assert_eq!(newest(&three), place);
    let (_again, place) = (map.entry(3), here());
    assert_eq!(newest(&three), place);
    let Entry::Vacant(reservation) = map.entry(4) else {
        panic!("nobody has it");
    };
    let (four, place) = (reservation.fulfil(4), here());
    assert_eq!(newest(&four), place);
    let (_again, place) = (map.unlist(&4), here());
    assert_eq!(newest(&four), place);
    let (_again, place) = (map.iter().next(), here());
    let handle = _again.as_ref().unwrap();
    assert_eq!(newest(handle), place);
    let (_again, place) = (Borrowed::to_handle(Handle::borrowed(&one)), here());
    assert_eq!(newest(&one), place);

    let names = Interner::<str>::new();
    let (name, place) = (names.intern_ref("kref"), here());
    assert_eq!(newest(&name), place);
    let (_again, place) = (names.get("kref"), here());
    assert_eq!(newest(&name), place);
    let (_again, place) = (names.intern_ref("kref"), here());
    assert_eq!(newest(&name), place);
    let values = Interner::<u32>::new();
    let (value, place) = (values.intern(7), here());
    assert_eq!(newest(&value), place);
    drop(b);
}

#[test]
fn conversions_keep_the_record() {
    let (text, place) = (Ref::<str>::from("text"), here());
    let bytes = Ref::<[u8]>::from(text);
    let text = Ref::<str>::try_from(bytes).unwrap();
    assert_eq!((newest(&text), holders(&text)), (place, 1));

    let (five, place) = (Ref::new(5_u8), here());
    let any: Ref<dyn std::any::Any + Send + Sync> = unsize!(five);
    let any = Ref::downcast::<u16>(any).unwrap_err();
    let five = Ref::downcast::<u8>(any).unwrap();
    assert_eq!((newest(&five), holders(&five)), (place, 1));
    assert_eq!(kinds(&five), [Kind::Pointer]);

    let (pair, place) = (Ref::<[u8]>::from([1, 2]), here());
    let pair = Ref::<[u8; 2]>::try_from(pair).unwrap();
    assert_eq!((newest(&pair), holders(&pair)), (place, 1));

    let (mut room, place) = (Ref::<u8>::new_uninit(), here());
    Ref::get_mut(&mut room).unwrap().write(5);
    // SAFETY: it was just written.
    let five = unsafe { room.assume_init() };
    assert_eq!((newest(&five), holders(&five)), (place, 1));

    let (weak, place) = (WeakRef::new(5_u8), here());
    let any: WeakRef<dyn std::any::Any + Send + Sync> = unsize!(weak);
    let weak = WeakRef::downcast::<u8>(any).unwrap();
    assert_eq!((newest(&weak), holders(&weak)), (place, 1));
}

/// What every raw pointer does, whatever it was.
macro_rules! raw {
    ($first:expr, $Pointer:ty) => {{
        let first: $Pointer = $first;
        let tagged = <$Pointer>::clone_for(&first, "raw");
        let (raw, place) = (<$Pointer>::into_raw(tagged), here());
        assert_eq!(newest(&first), place);
        assert_eq!(kinds(&first), [Kind::Pointer, Kind::Raw]);
        assert!(<$Pointer>::is_held_by(&first, "raw"));

        // To clone what is raw.
        // SAFETY: the raw reference is not dropped.
        let lent = ManuallyDrop::new(unsafe { <$Pointer>::from_raw(raw) });
        let clone = <$Pointer>::clone(&lent);
        assert_eq!(holders(&first), 3);
        drop(clone);
        assert_eq!(holders(&first), 2);

        // SAFETY: once.
        let back = unsafe { <$Pointer>::from_raw(raw) };
        assert_eq!(kinds(&first), [Kind::Pointer, Kind::TakenBack]);
        let raw = <$Pointer>::into_raw(back);
        assert_eq!(kinds(&first), [Kind::Pointer, Kind::Raw]);
        // SAFETY: once.
        let (back, place) = (unsafe { <$Pointer>::from_raw(raw) }, here());
        assert_eq!(newest(&first), place);
        assert!(<$Pointer>::is_held_by(&first, "raw"));
        drop(back);
        assert_eq!(kinds(&first), [Kind::Pointer]);
        assert!(!<$Pointer>::is_held_by(&first, "raw"));
    }};
}

#[test]
fn raw_references_are_held() {
    raw!(Ref::new(5), Ref<i32>);
    raw!(WeakRef::new(5), WeakRef<i32>);
    let map = Registry::new();
    raw!(map.insert(1, 2), Handle<i32, i32>);
    let names = Interner::<str>::new();
    raw!(names.intern_ref("kref"), Interned<str>);
}

#[test]
fn several_raw_references_are_as_many() {
    let first = Ref::new(5);
    let raws: Vec<_> = (0..4).map(|_| Ref::into_raw(first.clone())).collect();
    // SAFETY: each once.
    let mut back: Vec<_> = raws
        .iter()
        .map(|&raw| unsafe { Ref::from_raw(raw) })
        .collect();
    let again = Ref::into_raw(back.pop().unwrap());
    drop(back.pop());
    assert_eq!(holders(&first), 4);
    let raw = kinds(&first).into_iter().filter(|&kind| kind == Kind::Raw);
    assert_eq!(raw.count(), 1);
    drop(back);
    // SAFETY: once.
    drop(unsafe { Ref::from_raw(again) });
    assert_eq!(holders(&first), 1);
}

/// One raw reference that was taken back twice, and given away once: it is still one.
#[test]
fn a_lent_reference_may_be_given_away_again() {
    let first = Ref::new(5);
    let raw = Ref::into_raw(first.clone());
    // SAFETY: of this one and the next, one is dropped.
    let lent = ManuallyDrop::new(unsafe { Ref::from_raw(raw) });
    // SAFETY: as above.
    let real = unsafe { Ref::from_raw(raw) };
    let _ = Ref::into_raw(ManuallyDrop::into_inner(lent));
    drop(real);
    assert_eq!(kinds(&first), [Kind::Pointer]);
    let raw = Ref::into_raw(first.clone());
    assert_eq!(kinds(&first), [Kind::Pointer, Kind::Raw]);
    // SAFETY: once.
    drop(unsafe { Ref::from_raw(raw) });
    assert_eq!(holders(&first), 1);
}

#[test]
fn a_forgotten_reference_is_held() {
    let first = Ref::new(5);
    std::mem::forget(Ref::clone_for(&first, "forgotten"));
    assert!(Ref::is_held_by(&first, "forgotten"));
    assert!(!Ref::is_held_by(&first, "other"));
}

#[test]
fn a_sharded_ref_and_the_ref_in_it() {
    let value = Ref::new(5);
    let owner = ShardedRef::from(value.clone());
    assert_eq!((holders(&value), holders(&owner)), (2, 1));
    let user = ShardedRef::clone_for(&owner, "user");
    assert!(ShardedRef::is_held_by(&owner, "user"));
    drop(owner);
    assert_eq!(holders(&user), 1);
    let inner = ShardedRef::into_inner(user).expect("the last one");
    assert_eq!(holders(&value), 2);
    let owner = ShardedRef::from(inner);
    let value_again = ShardedRef::into_ref(owner);
    assert_eq!((holders(&value), holders(&value_again)), (2, 2));
}

#[test]
fn wakers_are_raw_references() {
    struct Task;
    impl Wake for Task {
        fn wake(_: Ref<Self>) {}
    }
    let task = Ref::new(Task);
    let waker = Waker::from(task.clone());
    let other = waker.clone();
    waker.wake_by_ref();
    assert_eq!(holders(&task), 3);
    assert_eq!(kinds(&task), [Kind::Pointer, Kind::Raw, Kind::Raw]);
    other.wake();
    drop(waker);
    assert_eq!(holders(&task), 1);
}

#[cfg(feature = "arc-swap")]
#[test]
fn references_in_an_arc_swap() {
    let first = Ref::new(5);
    let swap: arc_swap::ArcSwapAny<Ref<i32>> = arc_swap::ArcSwapAny::new(first.clone());
    assert_eq!(holders(&first), 2);
    for _ in 0..3 {
        let full = swap.load_full();
        assert_eq!(holders(&first), 3);
        drop(full);
    }
    drop(swap.swap(Ref::new(6)));
    assert_eq!(holders(&first), 1);
}

#[test]
fn weak_references_are_not_holders() {
    let strong = WeakRef::new(5);
    let weak = WeakRef::downgrade(&strong);
    assert_eq!(holders(&strong), 1);
    let again = weak.upgrade().unwrap();
    assert_eq!(WeakRef::into_inner(strong), None);
    assert_eq!(holders(&again), 1);
    let mut again = again;
    *WeakRef::make_mut(&mut again) += 1; // moves the value, as there is a `Weak`
    assert_eq!(holders(&again), 1);
    assert_eq!(WeakRef::try_unwrap(again).unwrap(), 6);
}

/// An address is used again: the next object at it has its own holders only.
#[test]
fn the_next_object_at_an_address_is_another() {
    let map = Registry::<u32, u32>::new();
    for n in 0..100 {
        let one = Handle::clone_for(&map.insert(n, n), "first");
        assert_eq!(holders(&one), 1);
        let boxed = Ref::new([n; 16]);
        assert_eq!(holders(&boxed), 1);
    }
}

/// When a destructor runs, all references are gone, and so are the records.
#[test]
fn nothing_is_held_when_the_destructor_runs() {
    struct Checks(track::AllDropped);
    impl Drop for Checks {
        fn drop(&mut self) {
            assert!(self.0.left().is_empty(), "{:#}", self.0.left());
        }
    }
    let check = || Checks(track::assert_all_dropped());
    let value = Ref::new(check());
    drop((value.clone(), value));
    let value = WeakRef::new(check());
    drop((value.clone(), value));
    let value = ShardedRef::new(check());
    drop((value.clone(), value));
    let map = Registry::<u32, Checks>::new();
    let value = map.insert(1, check());
    drop((value.clone(), map.get(&1), value));
}

#[test]
fn a_reference_that_is_dropped_when_its_thread_ends() {
    std::thread_local! {
        static KEPT: std::cell::RefCell<Option<Ref<i32>>> = const { std::cell::RefCell::new(None) };
    }
    let first = Ref::new(5);
    let theirs = first.clone();
    let ended = std::thread::spawn(move || KEPT.set(Some(theirs))).join();
    ended.unwrap();
    assert_eq!(holders(&first), 1);
}
