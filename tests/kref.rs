//! What users see of the types in addition to their operations: size, auto traits, conversions,
//! `Debug`.

use std::panic::{RefUnwindSafe, UnwindSafe};

use kref::atomic::Native;
use kref::{Frozen, HandBack, Kref, RcuRef, RefCount};

static SHARED: Kref = Kref::new();
const _: () = assert!(size_of::<Kref>() == 4 && align_of::<Kref>() == 4);
const _: () = assert!(size_of::<RefCount>() == 4 && align_of::<RefCount>() == 4);
const _: () = assert!(size_of::<RcuRef>() == 4 && align_of::<RcuRef>() == 4);

fn is_shared_and_unwind_safe<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

#[test]
fn counts_go_between_threads_and_through_panics() {
    is_shared_and_unwind_safe::<Kref>();
    is_shared_and_unwind_safe::<RefCount>();
    is_shared_and_unwind_safe::<RcuRef>();
    is_shared_and_unwind_safe::<Frozen<'_>>();
    is_shared_and_unwind_safe::<kref::report::Report>();
}

/// A count may be freed by another thread while a put still has `&self`, so no byte of it may be
/// outside an `UnsafeCell`; one that were would show as a niche.
#[test]
fn a_count_has_no_niche() {
    assert_eq!(size_of::<Option<Kref>>(), 8);
    assert_eq!(size_of::<Option<RefCount>>(), 8);
}

#[test]
fn a_count_lives_in_a_static() {
    SHARED.get();
    assert_eq!(SHARED.count(), 2);
    assert!(!SHARED.put());
}

#[test]
fn get_and_put_balance() {
    let kref = Kref::default();
    assert_eq!(kref.count(), 1);
    kref.get();
    assert!(kref.get_unless_zero());
    assert_eq!(kref.count(), 3);
    assert!(!kref.put());
    assert!(!kref.put());
    assert!(kref.put());
    assert!(!kref.get_unless_zero());
    assert_eq!(kref.count(), 0);
}

#[test]
fn a_kref_is_made_of_a_count_and_shows_it() {
    let kref = Kref::from(RefCount::from(5));
    assert_eq!(kref.count(), 5);
    assert!(kref.as_ref().try_freeze(5).is_some());
}

#[test]
fn a_new_object_has_one_reference() {
    static SHARED: HandBack = HandBack::new();
    assert_eq!(SHARED.count_hint(), 1);
    assert_eq!(HandBack::default().count_hint(), 1);
    assert_eq!(Kref::<Native>::new_in().count(), 1);
}

#[test]
fn debug_shows_the_count() {
    assert_eq!(format!("{:?}", Kref::new()), "Kref(RefCount(1))");
    assert_eq!(format!("{:?}", RefCount::new(0)), "RefCount(0)");
    assert_eq!(format!("{:?}", HandBack::new()), "HandBack(RefCount(1))");
    let max = format!("{:?}", RefCount::new(RefCount::MAX));
    assert_eq!(max, "RefCount(2147483647)");
    let saturated = format!("{:?}", RefCount::new(RefCount::SATURATED));
    assert_eq!(saturated, "RefCount(saturated)");
    assert_eq!(format!("{:?}", RcuRef::new(0)), "RcuRef(0)");
    let saturated = format!("{:?}", RcuRef::new(u32::MAX));
    assert_eq!(saturated, "RcuRef(saturated)");
    let count = RefCount::new(3);
    let frozen = count.try_freeze(3).unwrap();
    assert_eq!(format!("{frozen:?}"), "Frozen { refs: 3, .. }");
    assert_eq!(frozen.refs(), 3);
}
