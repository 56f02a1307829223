//! The word of a shard's lock.
//!
//! It is set by a compare-exchange, and cleared by the thread that has set it, and by no other. So a plain store clears it: an
//! instruction that locks the bus, as other locks have it on the way out too, would make a critical section of a few
//! instructions twice as expensive. (Theirs have to find out in the same instruction whether a thread sleeps. How it is found
//! out here is told in `native.rs`.)
//!
//! # Orderings
//!
//! Acquire where it is set, Release where it is cleared: what was done under the lock happens before what the next thread does
//! under it. The model is in `tests/model/shard_lock.rs`.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::atomic::{Atomic, Backend};

const FREE: u32 = 0;
const LOCKED: u32 = 1;

/// The word. All its bytes are in a cell: a reference to it does not promise that the memory stays.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Word<B: Backend>(B::U32);

impl<B: Backend> Word<B> {
    pub(super) fn new() -> Self {
        Self(B::U32::new(FREE))
    }

    /// Takes the lock if it is free.
    #[inline]
    pub(super) fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release in `unlock`, so that what was done under the lock is seen. Relaxed if it fails: nothing
        // is read then.
        self.0
            .compare_exchange(FREE, LOCKED, Acquire, Relaxed)
            .is_ok()
    }

    /// Whether a thread has the lock; a hint.
    pub(super) fn is_locked(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Relaxed) == LOCKED
    }

    /// Unlocks. The caller has the lock, and does not use the word any more.
    #[inline]
    pub(super) fn unlock(&self) {
        // Release: pairs with the Acquire in `try_lock`, so that what was done under the lock is seen. A store, as nobody else
        // writes the word while it is set.
        self.0.store(FREE, Release);
    }
}
