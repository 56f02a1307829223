//! A freeze that loses, and misuse while the count is frozen.

use kref::RefCount;
use kref::report::Kind;

use crate::{MAX, Misuse, only_report, reports};

#[test]
fn a_freeze_that_loses_changes_nothing() {
    let told = reports(|| {
        for (start, n) in [
            (2, 1),
            (2, 3),
            (0, 0),
            (2, 0),
            (MAX, MAX + 1),
            (RefCount::SATURATED, RefCount::SATURATED),
            (RefCount::SATURATED, u32::MAX),
        ] {
            let count = RefCount::new(start);
            assert!(count.try_freeze(n).is_none());
            assert_eq!(count.count(), start);
        }
    });
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn misuse_while_frozen_stays_saturated_when_the_guard_goes() {
    let misuses: [(Misuse<'_>, Kind); 4] = [
        (&|count| count.inc(), Kind::IncFromZero),
        (&|count| count.add(2), Kind::IncFromZero),
        (&|count| assert!(!count.dec_and_test()), Kind::Underflow),
        (&|count| assert!(count.dec_not_one()), Kind::Underflow),
    ];
    for (misuse, kind) in misuses {
        let count = RefCount::new(2);
        let frozen = count.try_freeze(2).unwrap();
        assert_eq!(only_report(|| misuse(&count)), (kind, 0));
        assert!(reports(|| drop(frozen)).is_empty());
        assert!(count.is_saturated());

        count.set(2);
        let frozen = count.try_freeze(2).unwrap();
        reports(|| misuse(&count));
        assert!(reports(|| frozen.unfreeze(1)).is_empty());
        assert!(count.is_saturated());
    }
}

#[test]
fn a_count_that_changed_while_frozen_is_reported_where_it_was_frozen() {
    let count = RefCount::new(2);
    let frozen_line = line!() + 1;
    let frozen = count.try_freeze(2).unwrap();
    count.set(7);
    let told = reports(|| drop(frozen));
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].kind, told[0].value), (Kind::ChangedWhileFrozen, 7));
    assert_eq!(told[0].location.file(), file!());
    assert_eq!(told[0].location.line(), frozen_line);
    assert!(count.is_saturated());
}

#[test]
fn a_forgotten_guard_leaves_the_object_dead() {
    let count = RefCount::new(1);
    std::mem::forget(count.try_freeze(1));
    assert!(!count.inc_not_zero());
    assert_eq!(count.count(), 0);
}
