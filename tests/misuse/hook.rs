//! What the hook is told, and what becomes of the count when the hook panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kref::report::{Kind, Report};
use kref::{Kref, RefCount};

use crate::{HOOK_PANICS, MAX, Misuse, Table, Thief, reports};

/// Asserts that the misuse is reported at the line where this macro is called.
macro_rules! assert_reported_here {
    ($kind:ident, $misuse:expr) => {{
        let told = reports(|| _ = $misuse);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].kind, Kind::$kind);
        assert_eq!(
            (told[0].location.file(), told[0].location.line()),
            (file!(), line!())
        );
    }};
}

#[test]
fn the_location_is_the_caller_of_ref_count() {
    let table = Table::new();
    let count = RefCount::new;
    assert_reported_here!(IncFromZero, count(0).inc());
    assert_reported_here!(Overflow, count(MAX).inc());
    assert_reported_here!(ZeroAmount, count(1).add(0));
    assert_reported_here!(IncFromZero, count(0).add(1));
    assert_reported_here!(Overflow, count(MAX).add(1));
    assert_reported_here!(Overflow, count(MAX).inc_not_zero());
    assert_reported_here!(Overflow, count(MAX).add_not_zero(2));
    assert_reported_here!(ZeroAmount, count(1).add_not_zero(0));
    assert_reported_here!(ZeroAmount, count(1).add_not_zero_limited(0, 1));
    assert_reported_here!(Underflow, count(0).dec());
    assert_reported_here!(DecToZero, count(1).dec());
    assert_reported_here!(Underflow, count(0).dec_and_test());
    assert_reported_here!(Underflow, count(1).sub_and_test(2));
    assert_reported_here!(ZeroAmount, count(1).sub_and_test(0));
    assert_reported_here!(Underflow, count(0).dec_not_one());
    assert_reported_here!(Underflow, count(0).dec_and_lock(&table));
    assert_reported_here!(Overflow, count(0).set(MAX + 1));
    assert_reported_here!(Overflow, count(0).set_release(MAX + 1));
    assert_reported_here!(Overflow, count(1).try_freeze(1).unwrap().unfreeze(MAX + 1));
}

#[test]
fn the_location_is_the_caller_of_kref() {
    let table = Table::new();
    let kref = |n| Kref::from(RefCount::new(n));
    assert_reported_here!(IncFromZero, kref(0).get());
    assert_reported_here!(Overflow, kref(MAX).get());
    assert_reported_here!(Overflow, kref(MAX).get_unless_zero());
    assert_reported_here!(Underflow, kref(0).put());
    assert_reported_here!(Underflow, kref(0).put_lock(&table));
}

/// The second half of `put_lock`, under the lock, has a location too.
#[test]
fn the_location_gets_through_the_lock() {
    let kref = Kref::new();
    let thief = Thief(&kref, Table::new());
    assert_reported_here!(Underflow, kref.put_lock(&thief));
    assert!(kref.as_ref().is_saturated());
    assert!(thief.1.is_free());
}

#[test]
fn a_report_and_a_kind_read_as_a_sentence() {
    let told = reports(|| RefCount::new(0).inc());
    let report = told[0];
    let location = report.location;
    assert_eq!(
        report.to_string(),
        format!("reference count 0x0 at {location}: {}", report.kind)
    );
    let kinds = [
        (Kind::Overflow, "overflow"),
        (Kind::IncFromZero, "increment from zero"),
        (Kind::Underflow, "underflow"),
        (Kind::DecToZero, "decrement to zero"),
        (Kind::ZeroAmount, "zero references"),
        (Kind::ChangedWhileFrozen, "changed while frozen"),
    ];
    for (kind, starts_with) in kinds {
        assert!(
            kind.to_string().starts_with(starts_with),
            "{kind:?}: {kind}"
        );
    }
}

/// The panic of the hook comes out of `f`; what it was told is returned.
fn hook_panics(f: impl FnOnce()) -> Vec<Report> {
    reports(|| {
        HOOK_PANICS.set(true);
        let result = catch_unwind(AssertUnwindSafe(f));
        HOOK_PANICS.set(false);
        assert!(result.is_err(), "the hook's panic was lost");
    })
}

#[test]
fn a_hook_that_panics_leaves_the_count_saturated() {
    let table = Table::new();
    let misuses: [(u32, Misuse<'_>); 13] = [
        (0, &|count| count.inc()),
        (MAX, &|count| count.inc()),
        (0, &|count| count.add(1)),
        (MAX, &|count| count.add(1)),
        (MAX, &|count| assert!(!count.inc_not_zero())),
        (0, &|count| count.dec()),
        (1, &|count| count.dec()),
        (0, &|count| assert!(!count.dec_and_test())),
        (1, &|count| assert!(!count.sub_and_test(2))),
        (0, &|count| assert!(count.dec_and_lock(&table).is_none())),
        (1, &|count| count.set(MAX + 1)),
        (1, &|count| count.set_release(MAX + 1)),
        (1, &|count| count.try_freeze(1).unwrap().unfreeze(MAX + 1)),
    ];
    for (index, (start, misuse)) in misuses.into_iter().enumerate() {
        let count = RefCount::new(start);
        let told = hook_panics(|| misuse(&count));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(count.is_saturated(), "misuse {index}: {count:?}");
        assert!(table.is_free());
    }
}

#[test]
fn a_hook_that_panics_as_a_guard_goes_leaves_the_count_saturated() {
    let ends: [fn(kref::Frozen<'_>); 3] = [
        |frozen| drop(frozen),
        |frozen| frozen.unfreeze(1),
        |frozen| frozen.unfreeze(MAX + 1),
    ];
    for end in ends {
        let count = RefCount::new(1);
        let frozen = count.try_freeze(1).unwrap();
        count.set(2);
        let told = hook_panics(|| end(frozen));
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].kind, Kind::ChangedWhileFrozen);
        assert!(count.is_saturated());
    }
}

#[test]
fn a_hook_that_panics_under_the_lock_releases_it() {
    let kref = Kref::new();
    let thief = Thief(&kref, Table::new());
    hook_panics(|| assert!(kref.put_lock(&thief).is_none()));
    assert!(kref.as_ref().is_saturated());
    assert!(thief.1.is_free());
}
