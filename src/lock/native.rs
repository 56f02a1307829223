//! The lock, the signal and the identity of threads that the maps use by default.
//!
//! # How a thread waits for a shard
//!
//! A shard is locked for some ten nanoseconds, and often the thread that has just unlocked it locks it again
//! at once: an object was inserted, and its last put follows. A thread that gets the lock in that moment has
//! to fetch the cache lines of the lock, the chain and the node, and the other fetches them back for its
//! next step; both then wait for lines most of the time. So a thread looks at the lock seldom:
//!
//! 1. It finds the lock taken, and makes a short pause: enough if two threads have met by chance in one of
//!    many shards.
//! 2. It finds the lock taken again, so this shard is busy, and it makes a long pause. In the meantime the
//!    other gets some two hundred operations done with the lines at hand.
//! 3. The rest is parking_lot's: it looks a few times more, yields, and sleeps.
//!
//! One key that two threads insert and drop all the time takes a third less time than with step 3 alone. The
//! price is that a wait in a busy shard takes three microseconds where it might have taken half a microsecond.

use std::sync::{Condvar, Mutex, PoisonError};

use super::{Lock, LockBackend};
use crate::atomic::Native;
use crate::pace::pause;

/// How long the short pause is, in calls of [`spin_loop`](core::hint::spin_loop), each 26 nanoseconds on Zen 4.
const SHORT: u32 = 4;
/// How long the long one is. (With 16 it gets in too early; with 64 the gain is the same most of the time,
/// but half of it when the host is busy.)
const LONG: u32 = 128;

/// Wraps parking_lot's mutex.
#[derive(Debug)]
pub struct ShardLock(parking_lot::Mutex<()>);

// SAFETY: parking_lot's mutex excludes and publishes.
unsafe impl Lock for ShardLock {
    type Guard<'a> = parking_lot::MutexGuard<'a, ()>;

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        match self.0.try_lock() {
            Some(guard) => guard,
            None => self.wait(),
        }
    }
}

impl ShardLock {
    #[cold]
    #[inline(never)]
    fn wait(&self) -> parking_lot::MutexGuard<'_, ()> {
        pause(SHORT);
        if let Some(guard) = self.0.try_lock() {
            return guard;
        }
        pause(LONG);
        self.0.lock()
    }
}

std::thread_local! {
    /// Its address is the thread's identity.
    static IDENTITY: u8 = const { 0 };
}

// SAFETY: parking_lot's unlock (0.12, `raw_mutex.rs`) is a compare-exchange, or, where threads are parked, a store
// inside `unpark_one`; after either it uses the mutex's address at most, to find the queue. All of the mutex is
// one `AtomicU8` and a `()` in a cell. A mutex and a condition variable make the signal; thread-locals of two
// threads that run at the same time have different addresses.
unsafe impl LockBackend for Native {
    type Lock = ShardLock;
    type Signal = (Mutex<bool>, Condvar);
    type ThreadId = usize;

    // An `AtomicPtr` has the layout of a pointer.
    const NULL_IS_ZERO: bool = true;

    fn new_lock() -> Self::Lock {
        ShardLock(parking_lot::Mutex::new(()))
    }

    fn new_signal() -> Self::Signal {
        (Mutex::new(false), Condvar::new())
    }

    fn wait((is_set, condvar): &Self::Signal) {
        let guard = is_set.lock().unwrap_or_else(PoisonError::into_inner);
        let _set = condvar
            .wait_while(guard, |is_set| !*is_set)
            .unwrap_or_else(PoisonError::into_inner);
    }

    fn set((is_set, condvar): &Self::Signal) {
        *is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        condvar.notify_all();
    }

    fn current_thread() -> usize {
        IDENTITY.with(|identity| core::ptr::from_ref(identity).addr())
    }
}
