//! A lock for each key.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::mpsc;
use std::thread;

use kref::KeyLock;
use kref::registry::KeyGuard;

use crate::tasks::Tasks;

#[test]
fn one_at_a_time_for_a_key() {
    let locks = KeyLock::new();
    let inside = [const { AtomicU32::new(0) }; 3];
    let total = [const { AtomicU32::new(0) }; 3];
    thread::scope(|scope| {
        for thread in 0..4 {
            let (locks, inside, total) = (&locks, &inside, &total);
            scope.spawn(move || {
                for round in 0..2000 {
                    let key = (thread + round) % 3;
                    let guard = locks.lock(key);
                    assert_eq!(KeyGuard::key(&guard), &key);
                    assert_eq!(inside[key].fetch_add(1, SeqCst), 0);
                    let before = total[key].load(SeqCst);
                    total[key].store(before + 1, SeqCst);
                    inside[key].fetch_sub(1, SeqCst);
                }
            });
        }
    });
    assert_eq!(total.map(AtomicU32::into_inner).iter().sum::<u32>(), 8000);
    assert!(locks.is_empty());
}

#[test]
fn try_lock_does_not_wait() {
    let locks = KeyLock::new();
    let guard = locks.try_lock("a").expect("nobody has it");
    assert!(locks.try_lock("a").is_none());
    assert!(locks.is_locked("a") && !locks.is_locked("b"));
    let other = locks.try_lock("b").expect("another key");
    assert_eq!(locks.len(), 2);
    assert_eq!(
        format!("{guard:?} {locks:?}"),
        "KeyGuard(\"a\") KeyLock { len: 2, .. }"
    );
    drop(guard);
    assert_eq!(locks.len(), 1);
    assert!(locks.try_lock("a").is_some());
    drop(other);
    assert!(locks.is_empty());
}

#[test]
fn a_guard_outlives_the_lock_and_its_thread() {
    let locks = KeyLock::new();
    let guard = locks.lock(String::from("key"));
    drop(locks);
    let guard = thread::spawn(move || guard).join().unwrap();
    assert_eq!(KeyGuard::key(&guard), "key");
}

#[test]
fn a_panic_unlocks() {
    let locks = KeyLock::new();
    let panics = || {
        let _guard = locks.lock(1);
        panic!("inside");
    };
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert!(locks.is_empty());
    assert!(locks.try_lock(1).is_some());
}

/// First come, first served; and a thread that is handed the lock has it at once.
#[test]
fn in_the_order_in_which_they_came() {
    let locks = KeyLock::<u32>::new();
    let order = RefCell::new(Vec::new());
    let mut tasks = Tasks::default();
    let guard = locks.lock(1);
    for number in 0..4 {
        let (locks, order) = (&locks, &order);
        tasks.spawn(async move {
            let _guard = locks.lock_async(1).await;
            order.borrow_mut().push(number);
        });
        tasks.run();
    }
    drop(guard);
    assert!(locks.try_lock(1).is_none(), "it was handed on");
    assert_eq!(tasks.run(), 0);
    assert_eq!(order.take(), [0, 1, 2, 3]);
    assert!(locks.is_empty());
}

/// A task that is cancelled while it waits, or when it was handed the lock and has not run yet.
#[test]
fn cancelled_in_the_queue() {
    for cancelled in 0..3 {
        for handed in [false, true] {
            let locks = KeyLock::<u32>::new();
            let order = RefCell::new(Vec::new());
            let mut tasks = Tasks::default();
            let guard = locks.lock(1);
            for number in 0..3 {
                let (locks, order) = (&locks, &order);
                tasks.spawn(async move {
                    let _guard = locks.lock_async(1).await;
                    order.borrow_mut().push(number);
                });
            }
            assert_eq!(tasks.run(), 3);
            if handed {
                drop(guard);
                tasks.cancel(cancelled);
            } else {
                tasks.cancel(cancelled);
                assert_eq!(tasks.run(), 2);
                drop(guard);
            }
            assert_eq!(tasks.run(), 0);
            drop(tasks);
            let rest = (0..3)
                .filter(|number| *number != cancelled)
                .collect::<Vec<_>>();
            assert_eq!(order.take(), rest);
            assert!(locks.is_empty());
        }
    }
}

/// A thread that waits, and one that comes later and does not want to.
#[test]
fn a_thread_that_waits() {
    let locks = KeyLock::new();
    let guard = locks.lock(1);
    thread::scope(|scope| {
        let (begun, has_begun) = mpsc::channel();
        let waits = scope.spawn({
            let locks = &locks;
            move || {
                begun.send(()).unwrap();
                drop(locks.lock(1));
            }
        });
        has_begun.recv().unwrap();
        assert!(locks.try_lock(1).is_none());
        drop(guard);
        waits.join().unwrap();
    });
    assert!(locks.is_empty());
}
