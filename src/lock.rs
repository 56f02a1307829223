//! What a put needs of a lock: to take it, and to hand the guard on.
//!
//! | lock | guard | feature |
//! |---|---|---|
//! | [`std::sync::Mutex`] | [`std::sync::MutexGuard`] | `std` |
//! | [`std::sync::RwLock`], taken exclusively | [`std::sync::RwLockWriteGuard`] | `std` |
//! | `lock_api::Mutex` (parking_lot, spin, ...) | `lock_api::MutexGuard` | `lock_api` |
//! | `lock_api::RwLock`, taken exclusively | `lock_api::RwLockWriteGuard` | `lock_api` |
//! | `loom::sync::Mutex`; `loom::sync::RwLock`, taken exclusively | loom's | `loom` |
//!
//! A lock of std that a panicking thread has poisoned is taken over: a count is consistent at every
//! moment, so there is nothing that the panic can have left half done in it. What the lock protects
//! besides is the caller's: who must know of a panic asks the lock itself (`Mutex::is_poisoned`).
//!
//! # Examples
//!
//! A lock of your own:
//!
//! ```
//! use kref::lock::Lock;
//! use std::sync::{Mutex, MutexGuard, PoisonError};
//!
//! struct Table(Mutex<Vec<u32>>);
//!
//! // SAFETY: the guard is the mutex's own, which excludes every other guard until it is dropped.
//! unsafe impl Lock for Table {
//!     type Guard<'a> = MutexGuard<'a, Vec<u32>>;
//!
//!     fn lock(&self) -> Self::Guard<'_> {
//!         self.0.lock().unwrap_or_else(PoisonError::into_inner)
//!     }
//! }
//! ```

#[cfg(feature = "registry")]
mod native;

#[cfg(feature = "registry")]
use crate::atomic::Backend;

/// Describes a lock whose exclusive side yields a guard.
///
/// # Safety
///
/// Callers build memory safety on the exclusion, so the implementor owes:
///
/// - from the return of [`lock`](Self::lock) until the guard is dropped no other guard of the same
///   lock exists, exclusive or shared, in any thread, the calling one included (a re-entrant lock
///   does not qualify);
/// - whatever happened before a guard was dropped happens before the next [`lock`](Self::lock)
///   returns (release and acquire);
/// - if [`lock`](Self::lock) unwinds, the lock is not held;
/// - unlocking touches nothing of the lock any more once another thread can take it: that thread may
///   be the one that destroys it. (The mutexes of std and parking_lot, and spin locks, are so.)
pub unsafe trait Lock {
    /// The lock, held; dropping it unlocks.
    type Guard<'a>
    where
        Self: 'a;

    /// Takes the lock exclusively, waiting for it as long as it takes.
    ///
    /// # Panics
    ///
    /// May panic or deadlock, as the lock itself does, when the calling thread already holds it.
    fn lock(&self) -> Self::Guard<'_>;
}

/// Names the lock and the signal that the maps of live objects ([`Registry`](crate::Registry),
/// [`Interner`](crate::Interner)) use besides a [`Backend`]'s atomics.
///
/// It is implemented for [`Native`](crate::atomic::Native) and, with the feature `loom`, for
/// `atomic::Loom`. Implement it for others only to run the maps in another model checker.
///
/// # Safety
///
/// Besides what [`Lock`] and [`Backend`] ask for: a signal waits until it is set, and two threads that
/// run at the same time have different identities; and `NULL_IS_ZERO` is true only if that is so.
#[cfg(feature = "registry")]
pub unsafe trait LockBackend: Backend {
    /// The lock of a shard.
    type Lock: Lock + Send + Sync;
    /// An event that happens once, and that threads wait for.
    type Signal: Send + Sync;
    /// The identity of a thread.
    type ThreadId: Copy + Eq + Send + Sync;

    /// Whether a [`Backend::Ptr`] that holds a null pointer consists of zero bytes, so that the allocator can
    /// make an array of them, which for a large one costs nothing until it is used.
    const NULL_IS_ZERO: bool = false;

    /// Creates a lock, unlocked.
    fn new_lock() -> Self::Lock;
    /// Creates a signal, not set.
    fn new_signal() -> Self::Signal;
    /// Waits until the signal is set.
    fn wait(signal: &Self::Signal);
    /// Sets the signal and wakes whoever waits. What happened before happens before their return.
    fn set(signal: &Self::Signal);
    /// Returns the identity of the calling thread.
    fn current_thread() -> Self::ThreadId;
}

#[cfg(feature = "std")]
mod for_std {
    use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

    use super::Lock;

    // SAFETY: a mutex has one guard at a time, and unlocking it happens before the next lock.
    unsafe impl<T: ?Sized> Lock for Mutex<T> {
        type Guard<'a>
            = MutexGuard<'a, T>
        where
            Self: 'a;

        fn lock(&self) -> MutexGuard<'_, T> {
            self.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    // SAFETY: a write guard excludes all others, and unlocking happens before the next lock.
    unsafe impl<T: ?Sized> Lock for RwLock<T> {
        type Guard<'a>
            = RwLockWriteGuard<'a, T>
        where
            Self: 'a;

        fn lock(&self) -> RwLockWriteGuard<'_, T> {
            self.write().unwrap_or_else(PoisonError::into_inner)
        }
    }
}

#[cfg(feature = "lock_api")]
mod for_lock_api {
    use lock_api::{Mutex, MutexGuard, RawMutex, RawRwLock, RwLock, RwLockWriteGuard};

    use super::Lock;

    // SAFETY: `RawMutex` is an unsafe trait that promises exclusion and publication.
    unsafe impl<R: RawMutex, T: ?Sized> Lock for Mutex<R, T> {
        type Guard<'a>
            = MutexGuard<'a, R, T>
        where
            Self: 'a;

        fn lock(&self) -> MutexGuard<'_, R, T> {
            self.lock()
        }
    }

    // SAFETY: `RawRwLock` is an unsafe trait that promises exclusion and publication.
    unsafe impl<R: RawRwLock, T: ?Sized> Lock for RwLock<R, T> {
        type Guard<'a>
            = RwLockWriteGuard<'a, R, T>
        where
            Self: 'a;

        fn lock(&self) -> RwLockWriteGuard<'_, R, T> {
            self.write()
        }
    }
}
