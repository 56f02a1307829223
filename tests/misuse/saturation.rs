//! Too many references, and too few.

use std::sync::Barrier;
use std::thread;

use kref::report::{self, Kind, Report};
use kref::{Kref, RcuRef, RefCount};

use crate::{MAX, Misuse, Table, note, only_report, reports};

#[test]
fn leaked_gets_saturate_and_are_reported_once() {
    let leaks = if cfg!(miri) { 1_100 } else { 1_000_000 };
    let kref = Kref::from(RefCount::new(MAX - 1_000));
    let told = only_report(|| {
        for leak in 1..=leaks {
            kref.get();
            assert_eq!(kref.as_ref().is_saturated(), leak > 1_000);
        }
    });
    assert_eq!(told, (Kind::Overflow, MAX));
    // Nor do as many puts, and the reference that was there before, free it.
    let told = reports(|| (0..=leaks).for_each(|_| assert!(!kref.put())));
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(kref.count(), RefCount::SATURATED);
}

#[test]
fn every_increment_saturates_beyond_max() {
    let increments: [Misuse<'_>; 6] = [
        &|count| count.inc(),
        &|count| count.add(1),
        &|count| count.add(MAX),
        &|count| count.add(u32::MAX),
        &|count| assert!(count.inc_not_zero()),
        &|count| assert!(count.add_not_zero(u32::MAX)),
    ];
    for increment in increments {
        let count = RefCount::new(MAX);
        assert_eq!(only_report(|| increment(&count)), (Kind::Overflow, MAX));
        assert!(count.is_saturated());
        // The caller holds an object that leaks, and is not told again.
        assert!(reports(|| increment(&count)).is_empty());
        assert!(count.is_saturated());
    }
}

#[test]
fn a_limit_keeps_the_count_from_saturating() {
    let count = RefCount::new(MAX);
    let told = reports(|| {
        assert_eq!(count.add_not_zero_limited(1, u32::MAX), Err(MAX));
        assert_eq!(count.add_not_zero_limited(u32::MAX, u32::MAX), Err(MAX));
        assert_eq!(count.add_not_zero_limited(1, 5), Err(MAX));
    });
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(count.count(), MAX);
}

#[test]
fn threads_that_overflow_at_once_saturate() {
    const THREADS: u32 = 4;
    let rounds = if cfg!(miri) { 2 } else { 2_000 };
    for round in 0..rounds {
        // The step beyond MAX is that of another thread, and another of its gets, in each round.
        let count = RefCount::new(MAX - round % (3 * THREADS));
        let barrier = Barrier::new(THREADS as usize);
        let overflow = || {
            barrier.wait();
            reports(|| (0..4).for_each(|_| count.inc()))
        };
        let told: Vec<Report> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(overflow)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(count.is_saturated());
        // By increments alone MAX is passed once, so exactly one thread is told.
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((told[0].kind, told[0].value), (Kind::Overflow, MAX));
    }
}

#[test]
fn gets_and_puts_at_once_do_not_leave_saturation() {
    const THREADS: u32 = 4;
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let count = RefCount::new(MAX);
    count.inc();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let count = &count;
            scope.spawn(move || {
                report::set_hook(note);
                for _ in 0..rounds {
                    if thread % 2 == 0 {
                        count.inc();
                    } else {
                        assert!(!count.dec_and_test());
                    }
                    assert!(count.is_saturated());
                }
            });
        }
    });
}

#[test]
fn an_increment_from_zero_saturates() {
    let increments: [Misuse<'_>; 3] = [&|count| count.inc(), &|count| count.add(3), &|count| {
        count.add(u32::MAX)
    }];
    for increment in increments {
        let count = RefCount::new(0);
        assert_eq!(only_report(|| increment(&count)), (Kind::IncFromZero, 0));
        assert!(count.is_saturated());
    }
}

#[test]
fn a_put_below_zero_saturates_and_is_not_the_last() {
    let table = Table::new();
    let puts: [&dyn Fn(&RefCount) -> bool; 6] = [
        &|count| count.dec_and_test(),
        &|count| count.sub_and_test(1),
        &|count| count.sub_and_test(u32::MAX),
        &|count| !count.dec_not_one(),
        &|count| count.dec_and_lock(&table).is_some(),
        &|count| {
            count.dec();
            false
        },
    ];
    for put in puts {
        let count = RefCount::new(0);
        assert_eq!(only_report(|| assert!(!put(&count))), (Kind::Underflow, 0));
        assert!(count.is_saturated());
        assert!(reports(|| assert!(!put(&count))).is_empty());
        assert!(table.is_free());
    }
}

#[test]
fn a_try_get_and_a_try_put_of_a_dead_object_only_decline() {
    let count = RefCount::new(0);
    let told = reports(|| {
        assert!(!count.inc_not_zero());
        assert!(!count.add_not_zero(u32::MAX));
        assert_eq!(count.add_not_zero_limited(1, MAX), Err(0));
        assert!(!count.dec_if_one());
        assert!(count.try_freeze(1).is_none());
    });
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(count.count(), 0);
}

#[test]
fn a_decrement_to_zero_that_nobody_hears_of_saturates() {
    let count = RefCount::new(2);
    assert!(reports(|| count.dec()).is_empty());
    assert_eq!(only_report(|| count.dec()), (Kind::DecToZero, 1));
    assert!(count.is_saturated());
}

#[test]
fn more_than_there_are_cannot_be_dropped() {
    for (start, n) in [
        (2, 3),
        (2, MAX),
        (2, MAX + 1),
        (MAX, MAX + 1),
        (MAX, u32::MAX),
    ] {
        let count = RefCount::new(start);
        let told = only_report(|| assert!(!count.sub_and_test(n)));
        assert_eq!(told, (Kind::Underflow, start));
        assert!(count.is_saturated());
    }
}

#[test]
fn zero_references_change_nothing() {
    let operations: [Misuse<'_>; 4] = [
        &|count| count.add(0),
        &|count| assert!(!count.add_not_zero(0)),
        &|count| assert_eq!(count.add_not_zero_limited(0, 9), Err(count.count())),
        &|count| assert!(!count.sub_and_test(0)),
    ];
    for operation in operations {
        for start in [0, 1, MAX, RefCount::SATURATED] {
            let count = RefCount::new(start);
            assert_eq!(only_report(|| operation(&count)), (Kind::ZeroAmount, start));
            assert_eq!(count.count(), start);
        }
    }
}

#[test]
fn a_count_beyond_max_cannot_be_set() {
    let sets: [fn(&RefCount, u32); 3] = [
        |count, n| count.set(n),
        |count, n| count.set_release(n),
        |count, n| count.try_freeze(1).unwrap().unfreeze(n),
    ];
    for set in sets {
        for n in [MAX + 1, RefCount::SATURATED, u32::MAX] {
            let count = RefCount::new(1);
            assert_eq!(only_report(|| set(&count, n)), (Kind::Overflow, n));
            assert!(count.is_saturated());
        }
        let count = RefCount::new(1);
        assert!(reports(|| set(&count, MAX)).is_empty());
        assert_eq!(count.count(), MAX);
    }
    assert!(RefCount::new(MAX + 1).is_saturated());
    assert!(RefCount::from(u32::MAX).is_saturated());
}

#[test]
fn rcuref_saturates_beyond_max() {
    let count = RcuRef::new(RcuRef::MAX);
    assert_eq!(count.count_hint(), RcuRef::MAX);
    let told = only_report(|| assert!(count.get()));
    assert_eq!(told, (Kind::Overflow, RcuRef::MAX));
    // The caller holds an object that leaks, and is not told again.
    let told = reports(|| {
        for _ in 0..1_000 {
            assert!(count.get());
            assert!(!count.put());
            assert!(!count.put());
        }
    });
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(count.count_hint(), RcuRef::SATURATED);
}

#[test]
fn rcuref_is_not_set_beyond_max() {
    let count = RcuRef::new(1);
    let told = only_report(|| count.set_release(RcuRef::MAX + 1));
    assert_eq!(told, (Kind::Overflow, RcuRef::MAX + 1));
    assert!(count.is_saturated() && RcuRef::new(u32::MAX).is_saturated());
    assert!(reports(|| count.set_release(RcuRef::MAX)).is_empty());
    assert!(!count.is_saturated());
}

#[test]
fn a_put_of_a_dead_rcuref_is_told_and_is_not_the_last() {
    let count = RcuRef::new(1);
    assert!(count.put());
    for _ in 0..3 {
        let told = reports(|| assert!(!count.put()));
        let here = told[0].location.file();
        assert!(here.ends_with("saturation.rs"), "{here}");
        assert_eq!((told[0].kind, told[0].value), (Kind::Underflow, 0));
        assert!(!count.get());
    }
    assert_eq!(count.count_hint(), 0);
}
