//! The [`Lock`] trait: which locks [`Kref::put_lock`](crate::Kref::put_lock) and its relatives
//! accept.
//!
//! | lock | guard | feature |
//! |---|---|---|
//! | [`std::sync::Mutex`] | [`std::sync::MutexGuard`] | `std` |
//! | [`std::sync::RwLock`], taken exclusively | [`std::sync::RwLockWriteGuard`] | `std` |
//! | `lock_api::Mutex` (parking_lot, spin, ...) | `lock_api::MutexGuard` | `lock_api` |
//! | `lock_api::RwLock`, taken exclusively | `lock_api::RwLockWriteGuard` | `lock_api` |
//! | `loom::sync::Mutex`; `loom::sync::RwLock`, taken exclusively | loom's | `loom` |
//!
//! A lock of std that a panicking thread has poisoned is taken over. A count is consistent at every
//! moment, so the panic can have left nothing half done in the count. For the data that the lock
//! protects, that is your decision: call `Mutex::is_poisoned` if it matters.
//!
//! # How long a lock has to live
//!
//! A lock has to outlive the call that is given it, and the drop of the guard. No lock of this table may
//! be freed by the thread that takes it next, while the thread that had it before is still on its way out of
//! the unlock: to unlock is more than the store that lets the next thread in.
//!
//! ```text
//! A                                          B
//! -                                          -
//! drop(guard): the store that unlocks
//!                                            lock, unlock
//!                                            free the lock
//! A is still inside `drop(guard)`, which
//! has a reference to the lock, and may read it
//! ```
//!
//! std's `RwLock` reads its state after that store, to see which thread to wake. `lock_api` makes no promise for the
//! locks that are built on it. std's `Mutex` and that of parking_lot read nothing more, but the compiler may
//! assume of the reference in the guard that the memory stays until `drop` returns. See [`Kref::put_lock`](crate::Kref::put_lock)
//! for what this means where the lock lies in an object that is itself counted.
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
mod word;

#[cfg(feature = "registry")]
use crate::atomic::Backend;

/// Describes a lock whose exclusive side yields a guard.
///
/// # Safety
///
/// Callers build memory safety on the exclusion. The implementor must uphold:
///
/// - from the return of [`lock`](Self::lock) until the guard is dropped no other guard of the same
///   lock exists, exclusive or shared, in any thread, the calling one included. (So a re-entrant lock
///   does not qualify. A holder that has the guard unlock in between, by `Condvar::wait`,
///   `MutexGuard::unlocked` or `RwLockWriteGuard::downgrade`, has dropped it in this sense. Code of this crate
///   does not do that.);
/// - whatever happened before a guard was dropped happens before the next [`lock`](Self::lock)
///   returns (release and acquire).
///
/// Nothing is asked of a [`lock`](Self::lock) that unwinds: it has returned no guard. (If it leaves the lock locked, the next call waits
/// forever, as it would for a guard that was forgotten.) Nor is anything asked of what an unlock touches: a lock
/// outlives the drop of its guard, see [the module](self#how-long-a-lock-has-to-live).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a lock that a put can take",
    label = "not a `kref::lock::Lock`",
    note = "`std::sync::Mutex` and `RwLock` are locks, with kref's feature `std`",
    note = "the locks of `parking_lot` and every other `lock_api` lock are, with kref's feature `lock_api`; of the crate `spin` that is `spin::lock_api::Mutex`, not `spin::Mutex`"
)]
pub unsafe trait Lock {
    /// The guard, which holds the lock; dropping it unlocks.
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
/// [`Interner`](crate::Interner)) use in addition to a [`Backend`]'s atomics.
///
/// It is implemented for [`Native`](crate::atomic::Native) and, with the feature `loom`, for
/// `atomic::Loom`. Implement it for others only to run the maps in another model checker.
///
/// # Safety
///
/// In addition to what [`Lock`] and [`Backend`] ask for, the implementor must uphold:
///
/// - an unlock of [`Self::Lock`](Self::Lock) touches nothing of the lock any more once another thread can take
///   the lock. The maps rely on it: a lock lies in the table, and if the registry is gone, the next thread that takes
///   the lock may be the one that frees the table;
/// - for the same reason the functions in which the unlock then still is have no reference argument to bytes of the lock
///   outside `UnsafeCell`, padding included: the compiler assumes of such a reference that the memory stays
///   until the function returns. (Or no other thread runs before the drop of the guard has returned, as in a
///   model checker whose threads are coroutines.);
/// - a signal waits until it is set;
/// - two threads that run at the same time have different identities;
/// - `NULL_IS_ZERO` is `true` only if a null pointer is all zeroes there.
///
/// [`Lock::lock`] of [`Self::Lock`](Self::Lock) may unwind.
#[cfg(feature = "registry")]
pub unsafe trait LockBackend: Backend {
    /// The lock of a shard.
    type Lock: Lock + Send + Sync;
    /// An event that happens once, and that threads wait for.
    type Signal: Send + Sync;
    /// The identity of a thread.
    type ThreadId: Copy + Eq + Send + Sync;

    /// Whether a [`Backend::Ptr`] that holds a null pointer consists of zero bytes, so that the allocator can
    /// make an array of them. A large array then costs nothing until it is used.
    const NULL_IS_ZERO: bool = false;

    /// Creates a lock, unlocked.
    fn new_lock() -> Self::Lock;
    /// Creates a signal, not set.
    fn new_signal() -> Self::Signal;
    /// Waits until the signal is set.
    fn wait(signal: &Self::Signal);
    /// Sets the signal and wakes every thread that waits. What happened before happens before their
    /// return.
    fn set(signal: &Self::Signal);
    /// Returns the identity of the calling thread.
    fn current_thread() -> Self::ThreadId;
    /// Returns how often a thread has found the lock taken; a hint. A map whose only lock is contended makes more.
    ///
    /// Not counted, unless the implementor does.
    fn contention(lock: &Self::Lock) -> u32 {
        let _ = lock;
        0
    }
}

#[cfg(feature = "std")]
mod for_std {
    use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

    use super::Lock;

    // SAFETY: std documents both: a mutex has one guard at a time, which "ensures exclusive access", and it synchronizes,
    // or it could not lend a `T` that is only `Send` to one thread after the other. A poisoned
    // mutex is locked all the same, and `into_inner` of the error is its guard.
    unsafe impl<T: ?Sized> Lock for Mutex<T> {
        type Guard<'a>
            = MutexGuard<'a, T>
        where
            Self: 'a;

        fn lock(&self) -> MutexGuard<'_, T> {
            self.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    // SAFETY: as above, of the write guard: it excludes readers and writers.
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

    // SAFETY: `RawMutex` is an unsafe trait, and asks that "the mutex is actually exclusive". It does not mention
    // ordering, but `lock_api::Mutex` lends a `T` that is only `Send` to one thread after the other on the strength
    // of it, so an implementor that did not synchronize would be unsound by itself. It says nothing of what
    // `unlock` touches, nor of a `lock` that unwinds, and neither is asked for here.
    unsafe impl<R: RawMutex, T: ?Sized> Lock for Mutex<R, T> {
        type Guard<'a>
            = MutexGuard<'a, R, T>
        where
            Self: 'a;

        fn lock(&self) -> MutexGuard<'_, R, T> {
            self.lock()
        }
    }

    // SAFETY: as above. `RawRwLock` asks that "an exclusive lock can't be acquired while an exclusive or shared lock exists",
    // and the same the other way round.
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
