//! A value that is being made, with no lock held.
//!
//! # A lock that unwinds
//!
//! It is asked a second time, see `table/ending.rs`: until a construction has ended, others wait for it.
//!
//! # Wakers that unwind
//!
//! They run when the construction has ended and the lock was released, and all of them do. Then the panic goes on.

use core::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::entry::Entry;
use crate::lock::LockBackend;
use crate::maps::table::{Counted, Outcome, Panicked, go_on};

/// An entry whose value is being made by the owner of this. If it is dropped unfinished, because the constructor
/// failed, panicked or was cancelled, the key is vacant again, and the waiters look again.
///
/// # Invariants
///
/// The entry is `Building`, and this is its only builder.
pub(super) struct Building<K, V, B: LockBackend> {
    /// Dropped, or moved out, when the construction has ended, and not before.
    entry: ManuallyDrop<Counted<Entry<K, V>, B>>,
}

impl<K, V, B: LockBackend> Building<K, V, B> {
    /// # Safety
    ///
    /// The entry was inserted as `Building`, and has no other builder.
    pub(super) unsafe fn new(entry: Counted<Entry<K, V>, B>) -> Self {
        Self {
            entry: ManuallyDrop::new(entry),
        }
    }

    pub(super) fn key(&self) -> &K {
        Entry::key(&self.entry)
    }

    /// Lists the entry with its value.
    ///
    /// # Panics
    ///
    /// Panics as a lock or a waker does. The entry was listed then, and its reference is given up.
    pub(super) fn finish(self, value: V) -> Counted<Entry<K, V>, B> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: this is its builder, and ends here.
        unsafe { Entry::build(&this.entry, value) };
        let ended = this.end(Outcome::Built);
        // SAFETY: `this` is not dropped, so that the entry is moved out once.
        let entry = unsafe { ManuallyDrop::take(&mut this.entry) };
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
        entry
    }

    /// Ends the construction, and wakes the waiters. Returns the panic of the lock's first attempt, or of a waker, if
    /// one unwound.
    ///
    /// # Panics
    ///
    /// If the lock unwinds twice: then the construction has not ended.
    #[inline]
    fn end(&self, outcome: Outcome) -> Panicked {
        let (mut guard, locked) = self.entry.lock_to_end();
        // SAFETY: this is its builder, and the value was written if it was built.
        let ended = unsafe { guard.end_building(&self.entry, outcome == Outcome::Built) };
        drop(guard);
        let Some(ended) = ended else {
            return locked;
        };
        // With no lock held: wakers are user code.
        let woken = catch_unwind(AssertUnwindSafe(|| ended.end(outcome)));
        match locked {
            Ok(()) => woken,
            Err(panic) => {
                // The destructor of a second panic could panic once more.
                core::mem::forget(woken);
                Err(panic)
            }
        }
    }
}

impl<K, V, B: LockBackend> Drop for Building<K, V, B> {
    fn drop(&mut self) {
        let ended = self.end(Outcome::Gone);
        // SAFETY: once, here, as `finish` does not drop `self`.
        unsafe { ManuallyDrop::drop(&mut self.entry) };
        go_on(ended);
    }
}
