//! Reports that one thread collects, without the hook.
#![cfg(feature = "std")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use kref::RefCount;
use kref::report::{Kind, Report, collect};

use crate::{MAX, reports};

fn overflow() {
    RefCount::new(MAX).inc();
}

fn underflow() {
    assert!(!RefCount::new(0).dec_and_test());
}

fn kinds(reports: &[Report]) -> Vec<Kind> {
    reports.iter().map(|report| report.kind).collect()
}

#[test]
fn what_is_collected_does_not_go_to_the_hook() {
    let told = reports(|| {
        let (result, collected) = collect(|| {
            overflow();
            underflow();
            7
        });
        assert_eq!(result, 7);
        assert_eq!(kinds(&collected), [Kind::Overflow, Kind::Underflow]);
        assert_eq!(collected[0].location.file(), file!());
        overflow();
    });
    assert_eq!(kinds(&told), [Kind::Overflow]);
}

#[test]
fn the_inner_of_two_calls_collects() {
    let (inner, outer) = collect(|| {
        overflow();
        let ((), inner) = collect(underflow);
        overflow();
        inner
    });
    assert_eq!(kinds(&inner), [Kind::Underflow]);
    assert_eq!(kinds(&outer), [Kind::Overflow, Kind::Overflow]);
}

#[test]
fn another_thread_goes_to_the_hook() {
    let ((), mine) = collect(|| {
        let theirs = thread::scope(|scope| scope.spawn(|| reports(underflow)).join().unwrap());
        assert_eq!(kinds(&theirs), [Kind::Underflow]);
    });
    assert!(mine.is_empty(), "{mine:?}");
}

#[test]
fn a_panic_ends_the_collection() {
    let told = reports(|| {
        let panics = || {
            collect(|| {
                overflow();
                panic!("of the test's own");
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        underflow();
    });
    assert_eq!(kinds(&told), [Kind::Underflow]);
}
