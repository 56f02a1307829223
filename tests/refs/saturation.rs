//! More references than a count can count.

use kref::report::{Kind, collect};
use kref::{Ref, RefCount};

/// Sets the count of a value to what billions of forgotten clones would make of it.
fn set_count<T>(value: &Ref<T>, count: u32) {
    let place = Ref::as_ptr(value).cast::<RefCount>().wrapping_sub(1);
    // SAFETY: the count ends where the value begins, and no other thread knows of it.
    unsafe { &*place }.set(count);
}

#[test]
fn a_count_that_overflows_keeps_the_value_forever() {
    let mut value = Ref::new(String::from("kept"));
    set_count(&value, RefCount::MAX);
    let other = collect(|| [value.clone(), value.clone()]).0;
    assert_eq!(Ref::count_hint(&value), RefCount::SATURATED);

    // No number of drops destroys it, and nobody is told that it is the only reference.
    for _ in 0..3 {
        // SAFETY: a saturated count counts any number of references.
        drop(unsafe { Ref::from_raw(Ref::as_ptr(&value)) });
        assert_eq!(Ref::count_hint(&value), RefCount::SATURATED);
    }
    assert_eq!(Ref::get_mut(&mut value), None);
    let value = Ref::try_unwrap(value).unwrap_err();
    let value = Ref::try_unique(value).unwrap_err();
    assert!(
        other
            .into_iter()
            .all(|other| Ref::into_inner(other).is_none())
    );
    assert_eq!(*value, "kept");
    assert_eq!(Ref::count_hint(&value), RefCount::SATURATED);

    // It leaks, unless a test tidies up.
    set_count(&value, 1);
}

/// The first reference too many saturates the count. If it were counted instead, a drop that finds such a count could not tell
/// it from one that others have dropped since.
#[test]
fn one_reference_too_many_saturates() {
    let value = Ref::new(());
    set_count(&value, RefCount::MAX);
    let ((), told) = collect(|| {
        for _ in 0..3 {
            drop(value.clone());
        }
    });
    assert_eq!(Ref::count_hint(&value), RefCount::SATURATED);
    assert_eq!(told.len(), 1, "{told:?}");
    set_count(&value, 1);
}

#[test]
fn each_misuse_is_reported_once() {
    let value = Ref::new(());
    set_count(&value, RefCount::MAX);
    let ((), told) = collect(|| {
        for _ in 0..3 {
            std::mem::forget(value.clone());
        }
        set_count(&value, 0); // as after one put too many
        // SAFETY: none; this is the misuse.
        drop(unsafe { Ref::from_raw(Ref::as_ptr(&value)) });
        drop(value.clone());
    });
    let kinds: Vec<Kind> = told.iter().map(|report| report.kind).collect();
    assert_eq!(kinds, [Kind::Overflow, Kind::Underflow]);
    set_count(&value, 1);
}
