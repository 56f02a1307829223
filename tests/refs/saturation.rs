//! More references than a count can count.

use kref::{Ref, RefCount};

/// Sets the count of a value to what billions of forgotten clones would make of it.
fn set_count<T>(value: &Ref<T>, count: u32) {
    let place = Ref::as_ptr(value).cast::<RefCount>().wrapping_sub(1);
    // SAFETY: the count ends where the value begins, and no other thread knows of it.
    unsafe { &*place }.set(count);
}

#[test]
fn a_count_that_overflows_keeps_the_value_for_ever() {
    kref::report::set_hook(|_| {});
    let mut value = Ref::new(String::from("kept"));
    set_count(&value, RefCount::MAX);
    let other = value.clone();
    assert_eq!(Ref::count_hint(&other), RefCount::SATURATED);

    // No number of drops destroys it, and nobody is told that he has it alone.
    for _ in 0..3 {
        // SAFETY: a saturated count counts any number of references.
        drop(unsafe { Ref::from_raw(Ref::as_ptr(&value)) });
    }
    assert_eq!(Ref::get_mut(&mut value), None);
    let value = Ref::try_unwrap(value).unwrap_err();
    let value = Ref::try_unique(value).unwrap_err();
    assert_eq!(Ref::into_inner(other), None);
    assert_eq!(*value, "kept");
    assert_eq!(Ref::count_hint(&value), RefCount::SATURATED);

    // It leaks, unless a test tidies up.
    set_count(&value, 1);
}
