//! Lookups without a lock, in memory that is used again, and frozen counts.

use std::cell::UnsafeCell;
use std::thread;

use kref::{RcuRef, RefCount};

use crate::{ROUNDS, Random, SLOTS, THREADS, in_threads};

/// A count that can be looked for without a reference.
trait Count: Send + Sync {
    fn new(refs: u32) -> Self;
    fn get(&self) -> bool;
    fn put(&self) -> bool;
    fn set_release(&self, refs: u32);
}

impl Count for RefCount {
    fn new(refs: u32) -> Self {
        Self::new(refs)
    }
    fn get(&self) -> bool {
        self.inc_not_zero()
    }
    fn put(&self) -> bool {
        self.dec_and_test()
    }
    fn set_release(&self, refs: u32) {
        self.set_release(refs);
    }
}

impl Count for RcuRef {
    fn new(refs: u32) -> Self {
        Self::new(refs)
    }
    fn get(&self) -> bool {
        self.get()
    }
    fn put(&self) -> bool {
        self.put()
    }
    fn set_release(&self, refs: u32) {
        self.set_release(refs);
    }
}

/// Memory that is used again, for another object.
struct Slot<C> {
    refs: C,
    /// The same number twice, if the reader has seen all of the write.
    pair: UnsafeCell<[u64; 2]>,
}

// SAFETY: the pair is written by the thread that has the slot to itself, and read by threads that
// have a reference.
unsafe impl<C: Sync> Sync for Slot<C> {}

impl<C: Count> Slot<C> {
    fn new(refs: u32) -> Self {
        Self {
            refs: C::new(refs),
            pair: UnsafeCell::new([0; 2]),
        }
    }

    /// Reads the pair with a reference.
    fn check(&self) {
        // SAFETY: the caller has a reference, so nobody writes.
        let pair = unsafe { *self.pair.get() };
        assert_eq!(pair[0], pair[1]);
    }

    /// Writes the pair with the slot to oneself.
    fn fill(&self, value: u64) {
        // SAFETY: the caller excludes all others.
        unsafe { *self.pair.get() = [value; 2] }
    }
}

/// Looks for objects, holds some, and fills in those that it was told are dead.
fn recycle<C: Count>() {
    let slots: [Slot<C>; SLOTS] = std::array::from_fn(|_| Slot::new(0));
    let free = in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut free: Vec<usize> = (thread..SLOTS).step_by(THREADS).collect();
        let mut held: Vec<usize> = Vec::new();
        for round in ROUNDS {
            if let Some(slot) = free.pop() {
                slots[slot].fill(u64::from(round));
                slots[slot].refs.set_release(1);
                held.push(slot);
            }
            let slot = random.below(SLOTS);
            if slots[slot].refs.get() {
                slots[slot].check();
                held.push(slot);
            }
            while held.len() > random.below(3) {
                let slot = held.swap_remove(random.below(held.len()));
                slots[slot].check();
                if slots[slot].refs.put() {
                    free.push(slot);
                }
            }
        }
        for slot in held {
            if slots[slot].refs.put() {
                free.push(slot);
            }
        }
        free
    });
    let mut free = free.concat();
    free.sort_unstable();
    assert_eq!(
        free,
        Vec::from_iter(0..SLOTS),
        "a slot was lost, or freed twice"
    );
}

#[test]
fn a_recycled_object_is_seen_as_it_was_filled_in() {
    recycle::<RefCount>();
}

#[test]
fn a_recycled_object_is_seen_as_it_was_filled_in_rcuref() {
    recycle::<RcuRef>();
}

#[test]
fn who_freezes_is_alone() {
    let object = Slot::<RefCount>::new(1);
    in_threads(|thread| {
        if thread % 2 == 0 {
            for _ in ROUNDS {
                if object.refs.inc_not_zero() {
                    object.check();
                    // The first reference is the test's, so this is never the last.
                    assert!(!object.refs.dec_and_test());
                }
            }
        } else {
            for round in ROUNDS.step_by(100) {
                let frozen = loop {
                    match object.refs.try_freeze(1) {
                        Some(frozen) => break frozen,
                        None => thread::yield_now(),
                    }
                };
                object.check();
                object.fill(u64::from(round));
                drop(frozen);
            }
        }
    });
    assert_eq!(object.refs.count(), 1);
}
