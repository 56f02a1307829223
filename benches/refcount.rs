//! What a reference costs: [`RefCount`] and [`Kref`] beside raw atomics, `Weak` and a lock.

mod common;

use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex, Weak};

use common::Row;
use crossbeam_utils::CachePadded;
use kref::{Kref, RefCount};

/// The floor: on x86-64 `lock inc` and `lock dec`, whose flags say no more than "was it the last?".
const RAW: &str = "raw add + sub";
/// The floor of a count that is checked: both old values are looked at, which takes `lock xadd`.
const RAW_OLD: &str = "raw add + sub, old values used";
const UPGRADE: &str = "Weak::upgrade + drop";
const LOCK_PAIRS: &str = "two lock pairs";

fn main() {
    let rows = [1, 2].into_iter().flat_map(rows).collect();
    common::run("refcount", rows);
}

/// All threads use the same count and the same lock, except where an object is new.
fn rows(threads: usize) -> Vec<Row> {
    let one_or_two = |one, two| if threads == 1 { one } else { two };
    vec![
        Row::new(RAW, threads, {
            let count = CachePadded::new(AtomicU32::new(1));
            move |_, iterations| {
                let count = black_box(&count);
                for _ in 0..iterations {
                    count.fetch_add(1, Relaxed);
                    if count.fetch_sub(1, Release) == 1 {
                        last_reference();
                    }
                }
            }
        }),
        Row::new(RAW_OLD, threads, {
            let count = CachePadded::new(AtomicU32::new(1));
            move |_, iterations| {
                let count = black_box(&count);
                let mut seen = 0;
                for _ in 0..iterations {
                    seen |= count.fetch_add(1, Relaxed);
                    seen |= count.fetch_sub(1, Release);
                }
                black_box(seen);
            }
        }),
        Row::new("inc + dec_and_test", threads, {
            let count = CachePadded::new(RefCount::new(1));
            move |_, iterations| {
                let count = black_box(&count);
                for _ in 0..iterations {
                    count.inc();
                    if count.dec_and_test() {
                        last_reference();
                    }
                }
            }
        })
        .against(RAW, 1.03)
        .against(RAW_OLD, 1.03),
        Row::new(UPGRADE, threads, {
            let strong = Arc::new(CachePadded::new(()));
            move |_, iterations| {
                let weak: Weak<_> = black_box(Arc::downgrade(&strong));
                for _ in 0..iterations {
                    match weak.upgrade() {
                        Some(strong) => drop(strong),
                        None => last_reference(),
                    }
                }
            }
        }),
        Row::new("inc_not_zero + dec_and_test", threads, {
            let count = CachePadded::new(RefCount::new(1));
            move |_, iterations| {
                let count = black_box(&count);
                for _ in 0..iterations {
                    if !count.inc_not_zero() || count.dec_and_test() {
                        last_reference();
                    }
                }
            }
        })
        .against(UPGRADE, 1.0)
        .against(RAW, None),
        Row::new("get + put_lock, not the last", threads, {
            let object = CachePadded::new(Kref::new());
            let lock = CachePadded::new(Mutex::new(()));
            move |_, iterations| {
                let (object, lock) = black_box((&object, &lock));
                for _ in 0..iterations {
                    object.get();
                    if object.put_lock(&**lock).is_some() {
                        last_reference();
                    }
                }
            }
        })
        .against(RAW, one_or_two(1.42, 1.55)),
        Row::new("get + lock, put, unlock", threads, {
            let object = CachePadded::new(Kref::new());
            let lock = CachePadded::new(Mutex::new(()));
            move |_, iterations| {
                let (object, lock) = black_box((&object, &lock));
                for _ in 0..iterations {
                    object.get();
                    let _guard = lock.lock().unwrap();
                    if object.put() {
                        last_reference();
                    }
                }
            }
        })
        .against(RAW, None),
        Row::new(LOCK_PAIRS, threads, {
            let lock = CachePadded::new(Mutex::new(()));
            move |_, iterations| {
                let lock = black_box(&lock);
                for _ in 0..iterations {
                    drop(lock.lock().unwrap());
                    drop(lock.lock().unwrap());
                }
            }
        }),
        // As where an object is listed under the lock and its only reference is dropped.
        Row::new("lock pair + put_lock, the last", threads, {
            let lock = CachePadded::new(Mutex::new(()));
            move |_, iterations| {
                let lock = black_box(&lock);
                for _ in 0..iterations {
                    let guard = lock.lock().unwrap();
                    let object = Kref::new();
                    drop(guard);
                    match black_box(&object).put_lock(&**lock) {
                        Some(guard) => drop(guard),
                        None => last_reference(),
                    }
                }
            }
        })
        .against(LOCK_PAIRS, None),
    ]
}

/// What none of the loops reaches.
#[cold]
fn last_reference() {
    unreachable!("every row holds a reference of its own");
}
