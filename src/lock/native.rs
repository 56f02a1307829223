//! The lock, the signal and the identity of threads that the maps use by default.
//!
//! # How a thread waits for a shard
//!
//! A shard is locked for some ten nanoseconds. A thread that finds it locked has met another thread there in one of two ways:
//!
//! - *By chance*, in one of many shards. The other is gone in a moment, and it pays to look again soon.
//! - *In a busy shard*, where the thread that has just unlocked it locks it again at once: an object was inserted, its last put
//!   follows, and then the next insertion. A thread that gets the lock in that moment
//!   has to fetch the cache lines of the lock, the chain and the node, and the other fetches them back for its
//!   next step; both then wait for lines most of the time. It pays to let the other go on with the lines at hand.
//!
//! How long either takes in calls of `spin_loop` differs from one processor to the next by five times. So the
//! waiting is measured in what the others do: the lock counts how often it was taken.
//!
//! 1. The thread makes a short pause, and tries again. By chance, that was all.
//! 2. If the lock was taken more than [`BY_CHANCE`] times in the pause, the shard is busy: the thread waits until others had
//!    [`TURNS`] turns. It looks seldom, after pauses that double, as each look takes the line away from the others.
//! 3. If the lock was not taken since the thread last looked, the thread that has it is slow, or not running. The rest is parking_lot's: it
//!    looks a few times more, yields, and sleeps.
//!
//! # Orderings
//!
//! `turns` and `contention` are written by the thread that has the lock, which orders the writes, and read by others as a hint:
//! Relaxed.

use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU16, AtomicU32};
use std::sync::{Condvar, Mutex, PoisonError};

use super::{Lock, LockBackend};
use crate::atomic::Native;
use crate::atomic::pace::pause;

/// How long a short pause is, in calls of [`spin_loop`](core::hint::spin_loop): enough for some locks and unlocks.
const SHORT: u32 = 4;
/// How long the longest pause between two looks at a busy shard is.
const LONGEST: u32 = 64;
/// How often a lock is taken in a short pause if two threads have met by chance: an insertion and a last put of the other.
const BY_CHANCE: u32 = 2;
/// How many turns others have in a busy shard before a thread that waits takes its own.
const TURNS: u32 = 128;
/// How many short pauses a thread makes, at most.
const PAUSES: u32 = 8;

/// Wraps parking_lot's mutex.
#[derive(Debug)]
pub struct ShardLock {
    mutex: parking_lot::Mutex<()>,
    /// How often it was found taken, as far as 16 bits go.
    contention: AtomicU16,
    /// How often it was taken, wrapping around.
    turns: AtomicU32,
}

// SAFETY: parking_lot's mutex excludes and publishes, and its unlock writes the state last.
unsafe impl Lock for ShardLock {
    type Guard<'a> = parking_lot::MutexGuard<'a, ()>;

    #[inline]
    fn lock(&self) -> Self::Guard<'_> {
        let guard = match self.mutex.try_lock() {
            Some(guard) => guard,
            None => self.contend(),
        };
        // Relaxed: the lock orders the writes, for both.
        self.turns.store(self.turns().wrapping_add(1), Relaxed);
        guard
    }
}

impl ShardLock {
    fn turns(&self) -> u32 {
        // Relaxed: a hint, or the lock is held.
        self.turns.load(Relaxed)
    }

    #[cold]
    #[inline(never)]
    fn contend(&self) -> parking_lot::MutexGuard<'_, ()> {
        let guard = self.wait();
        // Relaxed, both: as `turns`.
        let contention = self.contention.load(Relaxed);
        self.contention.store(contention.saturating_add(1), Relaxed);
        guard
    }

    fn wait(&self) -> parking_lot::MutexGuard<'_, ()> {
        let mut seen = self.turns();
        for _ in 0..PAUSES {
            pause(SHORT);
            if let Some(guard) = self.mutex.try_lock() {
                return guard;
            }
            let turns = self.turns();
            match turns.wrapping_sub(seen) {
                0 => break,
                1..=BY_CHANCE => seen = turns,
                _ => {
                    self.give_way(turns);
                    break;
                }
            }
        }
        self.mutex.lock()
    }

    /// Waits until others had [`TURNS`] turns, or have none.
    fn give_way(&self, since: u32) {
        let (mut seen, mut length) = (since, SHORT);
        loop {
            length = (2 * length).min(LONGEST);
            pause(length);
            let turns = self.turns();
            if turns == seen || turns.wrapping_sub(since) >= TURNS {
                return;
            }
            seen = turns;
        }
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
        ShardLock {
            mutex: parking_lot::Mutex::new(()),
            contention: AtomicU16::new(0),
            turns: AtomicU32::new(0),
        }
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

    fn contention(lock: &ShardLock) -> u32 {
        // Relaxed: a hint.
        lock.contention.load(Relaxed).into()
    }
}
