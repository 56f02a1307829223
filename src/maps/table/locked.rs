//! A value behind a backend's lock.

use core::cell::UnsafeCell;

use crate::lock::{Lock, LockBackend};

/// A value that is used with its lock held.
///
/// # Invariants
///
/// There is a reference to the value only in [`with`](Self::with), while the lock is held.
pub(crate) struct Locked<T, B: LockBackend> {
    lock: B::Lock,
    value: UnsafeCell<T>,
}

impl<T, B: LockBackend> Locked<T, B> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            lock: B::new_lock(),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value, for a caller that has it exclusively.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Calls `f` with the value. No user code may run in `f`.
    ///
    /// The caller keeps the memory beyond the call: unlocking may touch the lock after another thread has taken it.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _held = self.lock.lock();
        // SAFETY: the lock is held, so that there is no other reference.
        f(unsafe { &mut *self.value.get() })
    }
}

// SAFETY: the value is used by one thread at a time, and the lock publishes it to the next.
unsafe impl<T: Send, B: LockBackend> Sync for Locked<T, B> {}
