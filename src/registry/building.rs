//! A value that is being made by the user's constructor, with no lock held.
//!
//! # A lock that unwinds
//!
//! [`Lock::lock`](crate::lock::Lock::lock) may unwind, and the end of a construction needs the lock: until it has
//! had it, the node is in its chain, and others wait for it. So the lock is asked a second time, and the panic goes
//! on when the construction has ended. If the lock unwinds again, the node stays as it is for good: its reference
//! is kept, so that its memory is not another's, and the key stays busy.

use core::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::entry::Entry;
use crate::lock::LockBackend;
use crate::table::Counted;

/// An entry that the calling thread builds. If it is dropped unfinished, because the constructor
/// failed or panicked, the key is vacant again, and those who wait look again.
pub(super) struct Building<K, V, B: LockBackend> {
    /// Dropped, or moved out, when the construction has ended, and not before.
    entry: ManuallyDrop<Counted<Entry<K, V>, B>>,
}

impl<K, V, B: LockBackend> Building<K, V, B> {
    /// # Safety
    ///
    /// The entry was inserted as `Building` by this thread.
    pub(super) unsafe fn new(entry: Counted<Entry<K, V>, B>) -> Self {
        Self {
            entry: ManuallyDrop::new(entry),
        }
    }

    pub(super) fn key(&self) -> &K {
        Entry::key(&self.entry)
    }

    /// Lists the entry with its value.
    pub(super) fn finish(self, value: V) -> Counted<Entry<K, V>, B> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: this is its builder, and ends here.
        unsafe { Entry::build(&this.entry, value) };
        let ended = this.end(true);
        // SAFETY: `this` is not dropped, so that the entry is moved out once.
        let entry = unsafe { ManuallyDrop::take(&mut this.entry) };
        if let Err(panic) = ended {
            resume_unwind(panic);
        }
        entry
    }

    /// Ends the construction. Returns the panic of the lock's first attempt, if that unwound.
    ///
    /// # Panics
    ///
    /// If the lock unwinds twice: then the construction has not ended.
    fn end(&self, listed: bool) -> thread::Result<()> {
        let (mut guard, panic) = match catch_unwind(AssertUnwindSafe(|| self.entry.lock())) {
            Ok(guard) => (guard, Ok(())),
            Err(panic) => (self.entry.lock(), Err(panic)),
        };
        // SAFETY: this is its builder, and the value was written if it is to be listed.
        let done = unsafe { guard.end_building(&self.entry, listed) };
        drop(guard);
        if let Some(done) = done {
            B::set(&done);
        }
        panic
    }
}

impl<K, V, B: LockBackend> Drop for Building<K, V, B> {
    fn drop(&mut self) {
        let ended = self.end(false);
        // SAFETY: once, here, as `finish` does not drop `self`.
        unsafe { ManuallyDrop::drop(&mut self.entry) };
        match ended {
            Err(panic) if !thread::panicking() => resume_unwind(panic),
            _ => {}
        }
    }
}
