//! One value after another, found by weak pointers only, while their last users drop them.

use std::cell::UnsafeCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::weak::{Weak, WeakRef};

use crate::{ROUNDS, Random, SLOTS, THREADS, in_threads};

/// What each thread has done with the value, in memory that is not atomic.
struct Value<'a> {
    done: [UnsafeCell<u32>; THREADS],
    total: &'a AtomicU32,
}

// SAFETY: each thread writes a cell of its own, and the destructor reads them all.
unsafe impl Sync for Value<'_> {}

impl Drop for Value<'_> {
    fn drop(&mut self) {
        let done: u32 = self.done.iter_mut().map(|done| *done.get_mut()).sum();
        self.total.fetch_add(done, Relaxed);
    }
}

/// Whatever the threads have done with the values is seen by their destructors.
#[test]
fn values_that_weak_pointers_find() {
    let total = AtomicU32::new(0);
    let slots: [Mutex<Weak<Value<'_>>>; SLOTS] = Default::default();
    let done = in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut uses = 0;
        for _ in ROUNDS {
            let slot = &slots[random.below(SLOTS)];
            let weak = slot.lock().unwrap().clone();
            let value = match random.below(2) {
                0 => weak.upgrade(),
                _ => weak.upgrade_if_live(),
            };
            let value = value.unwrap_or_else(|| {
                let new = WeakRef::new(Value {
                    done: Default::default(),
                    total: &total,
                });
                *slot.lock().unwrap() = WeakRef::downgrade(&new);
                new
            });
            // SAFETY: no other thread uses this cell while there is a reference.
            unsafe { *value.done[thread].get() += 1 };
            uses += 1;
            drop(WeakRef::into_inner(value));
        }
        uses
    });
    drop(slots);
    assert_eq!(total.load(Relaxed), done.iter().sum::<u32>());
}
