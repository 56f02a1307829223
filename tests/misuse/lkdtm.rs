//! The refcount tests of the kernel's crash test module (lkdtm), one by one: the same misuse, and what is left.
//!
//! The names are those of lkdtm's tests. The guide's page for kernel developers has them in a table. Two of lkdtm's
//! tests have no twin: `REFCOUNT_TIMING` and `ATOMIC_TIMING` are benchmarks, see `benches/refcount.rs`.

use kref::RefCount;
use kref::report::Kind;

use crate::{MAX, only_report, reports};

fn saturated(count: &RefCount) -> bool {
    count.count() == RefCount::SATURATED
}

/// A count that was saturated by an overflow.
fn leaked() -> RefCount {
    RefCount::new(RefCount::SATURATED)
}

/// Checks that `f` causes one report of this kind, and leaves the count saturated.
#[track_caller]
fn saturates(old: u32, kind: Kind, f: impl FnOnce(&RefCount)) {
    let count = RefCount::new(old);
    assert_eq!(only_report(|| f(&count)), (kind, old));
    assert!(saturated(&count));
}

/// Checks that `f` leaves a saturated count as it is, and that it is not reported again.
#[track_caller]
fn stays_saturated(f: impl FnOnce(&RefCount)) {
    let count = leaked();
    assert!(reports(|| f(&count)).is_empty());
    assert!(saturated(&count));
}

#[test]
fn refcount_inc_overflow() {
    saturates(MAX, Kind::Overflow, |count| {
        count.inc();
        count.inc();
    });
}

#[test]
fn refcount_add_overflow() {
    let count = RefCount::new(MAX - 1);
    assert!(reports(|| count.add(1)).is_empty());
    assert_eq!(only_report(|| count.add(4)), (Kind::Overflow, MAX));
    assert!(saturated(&count));
}

#[test]
fn refcount_inc_not_zero_overflow() {
    saturates(MAX, Kind::Overflow, |count| assert!(count.inc_not_zero()));
}

#[test]
fn refcount_add_not_zero_overflow() {
    saturates(MAX, Kind::Overflow, |count| assert!(count.add_not_zero(6)));
}

#[test]
fn refcount_dec_zero() {
    let count = RefCount::new(2);
    assert!(reports(|| count.dec()).is_empty());
    assert_eq!(only_report(|| count.dec()), (Kind::DecToZero, 1));
    assert!(saturated(&count));
}

#[test]
fn refcount_dec_negative() {
    saturates(0, Kind::Underflow, |count| count.dec());
}

#[test]
fn refcount_dec_and_test_negative() {
    saturates(0, Kind::Underflow, |count| assert!(!count.dec_and_test()));
}

#[test]
fn refcount_sub_and_test_negative() {
    saturates(3, Kind::Underflow, |count| assert!(!count.sub_and_test(5)));
}

#[test]
fn refcount_sub_and_test_zero() {
    saturates(0, Kind::Underflow, |count| assert!(!count.sub_and_test(1)));
}

#[test]
fn refcount_inc_zero() {
    // A try-get refuses, and only a plain increment is a misuse.
    let count = RefCount::new(0);
    assert!(reports(|| assert!(!count.inc_not_zero())).is_empty());
    assert_eq!(count.count(), 0);
    assert_eq!(only_report(|| count.inc()), (Kind::IncFromZero, 0));
    assert!(saturated(&count));
}

#[test]
fn refcount_add_zero() {
    let count = RefCount::new(0);
    assert!(reports(|| assert!(!count.add_not_zero(3))).is_empty());
    assert_eq!(count.count(), 0);
    assert_eq!(only_report(|| count.add(3)), (Kind::IncFromZero, 0));
    assert!(saturated(&count));
}

#[test]
fn refcount_inc_saturated() {
    stays_saturated(|count| count.inc());
}

#[test]
fn refcount_dec_saturated() {
    stays_saturated(|count| count.dec());
}

#[test]
fn refcount_add_saturated() {
    stays_saturated(|count| count.add(8));
}

#[test]
fn refcount_inc_not_zero_saturated() {
    stays_saturated(|count| assert!(count.inc_not_zero()));
}

#[test]
fn refcount_add_not_zero_saturated() {
    stays_saturated(|count| assert!(count.add_not_zero(7)));
}

#[test]
fn refcount_dec_and_test_saturated() {
    stays_saturated(|count| assert!(!count.dec_and_test()));
}

#[test]
fn refcount_sub_and_test_saturated() {
    stays_saturated(|count| assert!(!count.sub_and_test(8)));
}
