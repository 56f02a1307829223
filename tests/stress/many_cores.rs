//! Sharded counts on real threads: kills, resurrections, clones that wander from thread to thread; drains.

use std::cell::UnsafeCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

use kref::{Drain, ShardedRef};

use crate::{ROUNDS, Random, SLOTS, THREADS, in_threads};

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// Each thread writes a cell of its own; the destructor reads them all.
struct Object([UnsafeCell<u32>; THREADS]);

// SAFETY: a thread writes only its own cell, and the destructor comes after all of that.
unsafe impl Sync for Object {}

impl Object {
    fn new() -> Self {
        ALIVE.fetch_add(1, Relaxed);
        Self([const { UnsafeCell::new(0) }; THREADS])
    }
    fn touch(&self, thread: usize) {
        // SAFETY: the thread's own cell.
        unsafe { *self.0[thread].get() += 1 };
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let sum: u32 = self.0.iter_mut().map(|cell| *cell.get_mut()).sum();
        assert!(sum < u32::MAX);
        ALIVE.fetch_sub(1, Relaxed);
    }
}

#[test]
fn handles_wander_and_counts_are_killed_and_resurrected() {
    let slots: [Mutex<Option<ShardedRef<Object>>>; SLOTS] = Default::default();
    in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut held: Vec<ShardedRef<Object>> = Vec::new();
        for _ in ROUNDS {
            let slot = &slots[random.below(SLOTS)];
            match random.below(12) {
                0 => *slot.lock().unwrap() = Some(ShardedRef::new(Object::new())),
                1 => drop(slot.lock().unwrap().take()),
                2..=4 => held.extend(slot.lock().unwrap().as_ref().and_then(ShardedRef::try_get)),
                5 => held.extend(held.first().cloned()),
                6 => {
                    held.first().map(ShardedRef::kill);
                }
                7 => {
                    held.first().map(ShardedRef::resurrect);
                }
                8 => {
                    // To another thread, which drops it.
                    let mut slot = slot.lock().unwrap();
                    if slot.is_none() {
                        *slot = held.pop();
                    }
                }
                _ if held.is_empty() => {}
                _ => {
                    let handle = held.swap_remove(random.below(held.len()));
                    handle.touch(thread);
                }
            }
            if held.len() > 8 {
                held.clear();
            }
        }
    });
    drop(slots);
    assert_eq!(ALIVE.load(Relaxed), 0);
}

/// Every round a drain of its own, on the waiter's stack: a wake-up that is lost would hang the test.
#[test]
fn drains_end_while_tokens_are_dropped() {
    let rounds = ROUNDS.end / 100;
    let begun = Mutex::new(Vec::new());
    let done = AtomicU32::new(0);
    in_threads(|thread| {
        if thread > 0 {
            while done.load(Relaxed) < rounds {
                // Not under the lock.
                let token = begun.lock().unwrap().pop();
                drop(token);
                std::thread::yield_now();
            }
            return;
        }
        for _ in 0..rounds {
            let drain = Drain::new();
            begun
                .lock()
                .unwrap()
                .extend((0..THREADS).map(|_| drain.token()));
            drain.wait();
            assert!(drain.is_drained());
            done.fetch_add(1, Relaxed);
        }
    });
}
