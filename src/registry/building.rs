//! A value that is being made by the user's constructor, with no lock held.

use core::mem::ManuallyDrop;

use super::entry::Entry;
use crate::lock::LockBackend;
use crate::table::Counted;

/// An entry that the calling thread builds. If it is dropped unfinished, because the constructor
/// failed or panicked, the key is vacant again, and those who wait look again.
pub(super) struct Building<K, V, B: LockBackend> {
    entry: Counted<Entry<K, V>, B>,
}

impl<K, V, B: LockBackend> Building<K, V, B> {
    /// # Safety
    ///
    /// The entry was inserted as `Building` by this thread.
    pub(super) unsafe fn new(entry: Counted<Entry<K, V>, B>) -> Self {
        Self { entry }
    }

    pub(super) fn key(&self) -> &K {
        Entry::key(&self.entry)
    }

    /// Lists the entry with its value.
    pub(super) fn finish(self, value: V) -> Counted<Entry<K, V>, B> {
        let this = ManuallyDrop::new(self);
        // SAFETY: this is its builder, and ends here.
        unsafe { Entry::build(&this.entry, value) };
        this.end(true);
        // SAFETY: `this` is not dropped, so that the entry is moved out once.
        unsafe { core::ptr::read(&raw const this.entry) }
    }

    fn end(&self, listed: bool) {
        // SAFETY: this is its builder, and the value was written if it is to be listed. The guard is
        // dropped at the end of the statement.
        let done = unsafe { self.entry.lock().end_building(&self.entry, listed) };
        if let Some(done) = done {
            B::set(&done);
        }
    }
}

impl<K, V, B: LockBackend> Drop for Building<K, V, B> {
    fn drop(&mut self) {
        self.end(false);
    }
}
