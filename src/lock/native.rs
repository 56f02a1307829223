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
//! 3. If the lock was not taken since the thread last looked, the thread that has it is slow, or not running. The thread looks a few times
//!    more, yields, and sleeps in parking_lot's queue, for [`NAP`] at most, and then begins here again.
//!
//! # How a thread is woken
//!
//! A thread that is about to sleep sets `awaited`, and looks at the lock once more when it is in the queue. A thread that unlocks looks at
//! `awaited` and then unlocks, in two plain instructions, and does not touch the lock any more. If `awaited` is set in between, the
//! other thread is overlooked: the next thread that unlocks wakes it, as `awaited` stays set. If no thread comes, it wakes by itself. *That
//! is why it naps*: to be certain at each unlock would take an instruction that locks the bus, for every thread.
//!
//! Once in half a millisecond, or so, the lock is not released but given to the thread that slept longest: parking_lot's queue says
//! when. So no thread is kept out for good.
//!
//! # Orderings
//!
//! Of the lock: see `word.rs`. A lock that is handed over is published by the waking of the thread, which is Release and Acquire, as
//! it is where parking_lot hands its own locks over. The other fields order nothing. `turns` and `contention` are written by the thread that has the lock and read
//! by others as a hint. `awaited` is set by a thread that will look at it again under the lock of the queue, and cleared by the thread
//! that has the lock, under the lock of the queue. All Relaxed.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU16};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use parking_lot_core::{
    DEFAULT_PARK_TOKEN, DEFAULT_UNPARK_TOKEN, ParkResult, SpinWait, UnparkResult, UnparkToken,
};

use super::word::Word;
use super::{Lock, LockBackend};
use crate::atomic::Native;
use crate::atomic::pace::pause;

/// How long a short pause is, in calls of [`spin_loop`](core::hint::spin_loop): enough for some locks and unlocks.
const SHORT: u32 = 4;
/// How long the longest pause between two looks at a busy shard is.
const LONGEST: u32 = 64;
/// How often a lock is taken in a short pause if two threads have met by chance: an insertion and a last put of the other.
const BY_CHANCE: u16 = 2;
/// How many turns others have in a busy shard before a thread that waits takes its own.
const TURNS: u16 = 128;
/// How many short pauses a thread makes, at most.
const PAUSES: u32 = 8;

/// How long a thread sleeps before it looks again by itself.
const NAP: Duration = Duration::from_millis(1);

/// What a thread is told that has been given the lock.
const HANDED_OVER: UnparkToken = UnparkToken(1);

/// The lock of a shard. Its unlock is a plain store.
#[derive(Debug)]
pub struct ShardLock {
    word: Word<Native>,
    /// How often it was taken, wrapping around.
    turns: AtomicU16,
    /// How often it was found taken, as far as 8 bits go.
    contention: AtomicU8,
    /// Whether threads sleep, or are about to.
    awaited: AtomicBool,
}

/// The lock of a shard, held.
///
/// # Invariants
///
/// The lock is this guard's, and lives until it has unlocked it.
#[derive(Debug)]
pub struct ShardGuard<'a> {
    /// Not a reference: the lock may be freed before `drop` returns. The pointer keeps the guard on its thread, too.
    lock: NonNull<ShardLock>,
    borrowed: PhantomData<&'a ShardLock>,
}

// SAFETY: one thread at a time has set the word, and that pairs with its being cleared: see `word.rs`.
unsafe impl Lock for ShardLock {
    type Guard<'a> = ShardGuard<'a>;

    #[inline]
    fn lock(&self) -> ShardGuard<'_> {
        if !self.word.try_lock() {
            self.contend();
        }
        // Relaxed: the lock orders the writes.
        self.turns.store(self.turns().wrapping_add(1), Relaxed);
        ShardGuard {
            lock: NonNull::from(self),
            borrowed: PhantomData,
        }
    }
}

impl ShardLock {
    #[inline]
    fn turns(&self) -> u16 {
        // Relaxed: a hint, or the lock is held.
        self.turns.load(Relaxed)
    }

    /// Takes the lock, which was found taken.
    #[cold]
    #[inline(never)]
    fn contend(&self) {
        self.wait();
        // Relaxed, both: as `turns`.
        let contention = self.contention.load(Relaxed);
        self.contention.store(contention.saturating_add(1), Relaxed);
    }

    fn wait(&self) {
        let mut seen = self.turns();
        for _ in 0..PAUSES {
            pause(SHORT);
            if self.word.try_lock() {
                return;
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
        self.sleep();
    }

    /// Waits until others had [`TURNS`] turns, or have none.
    fn give_way(&self, since: u16) {
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

    fn sleep(&self) {
        let mut spin = SpinWait::new();
        while !self.word.try_lock() {
            if spin.spin() {
                continue;
            }
            // Relaxed, both: see "Orderings".
            self.awaited.store(true, Relaxed);
            let is_to_sleep = || self.awaited.load(Relaxed) && self.word.is_locked();
            let until = Some(Instant::now() + NAP);
            // SAFETY: the key is an address that is the lock's; the closures neither panic nor park.
            let result = unsafe {
                parking_lot_core::park(
                    self.key(),
                    is_to_sleep,
                    || {},
                    |_, _| {},
                    DEFAULT_PARK_TOKEN,
                    until,
                )
            };
            if result == ParkResult::Unparked(HANDED_OVER) {
                return;
            }
            spin.reset();
        }
    }

    /// What threads that sleep are queued by.
    fn key(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Unlocks. The caller has the lock, which may be gone when this returns: all its bytes are in cells.
    #[inline]
    fn unlock(&self) {
        // Relaxed: see "Orderings".
        if self.awaited.load(Relaxed) {
            self.unlock_and_wake();
        } else {
            self.word.unlock();
        }
    }

    /// Unlocks, and wakes the thread that has slept longest, or gives it the lock.
    #[cold]
    #[inline(never)]
    fn unlock_and_wake(&self) {
        let unlock = |result: UnparkResult| {
            if !result.have_more_threads {
                // Relaxed: see "Orderings".
                self.awaited.store(false, Relaxed);
            }
            if result.unparked_threads > 0 && result.be_fair {
                return HANDED_OVER;
            }
            self.word.unlock();
            DEFAULT_UNPARK_TOKEN
        };
        // SAFETY: the key is an address that is the lock's; the closure neither panics nor parks. After it has unlocked, only
        // the address is used.
        unsafe { parking_lot_core::unpark_one(self.key(), unlock) };
    }
}

impl Drop for ShardGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the invariant.
        unsafe { self.lock.as_ref() }.unlock();
    }
}

std::thread_local! {
    /// Its address is the thread's identity.
    static IDENTITY: u8 = const { 0 };
}

// SAFETY: the unlock ends with a store to the word, and uses the address of it at most afterwards, to find the queue. All
// bytes of the word are in a cell. A mutex and a condition variable make the signal; thread-locals of two threads that run
// at the same time have different addresses.
unsafe impl LockBackend for Native {
    type Lock = ShardLock;
    type Signal = (Mutex<bool>, Condvar);
    type ThreadId = usize;

    // An `AtomicPtr` has the layout of a pointer.
    const NULL_IS_ZERO: bool = true;

    fn new_lock() -> Self::Lock {
        ShardLock {
            word: Word::new(),
            turns: AtomicU16::new(0),
            contention: AtomicU8::new(0),
            awaited: AtomicBool::new(false),
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

    #[inline]
    fn current_thread() -> usize {
        IDENTITY.with(|identity| ptr::from_ref(identity).addr())
    }

    #[inline]
    fn contention(lock: &ShardLock) -> u32 {
        // Relaxed: a hint.
        lock.contention.load(Relaxed).into()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::thread;

    use super::*;

    /// A number that is changed under the lock, by a load and a store.
    fn add(lock: &ShardLock, number: &AtomicU64) {
        let _held = lock.lock();
        // Relaxed, both: the lock is held.
        number.store(number.load(Relaxed) + 1, Relaxed);
    }

    #[test]
    fn no_increment_is_lost() {
        const EACH: u64 = if cfg!(miri) { 50 } else { 20_000 };
        let (lock, number) = (Native::new_lock(), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..EACH).for_each(|_| add(&lock, &number)));
            }
        });
        assert_eq!(number.into_inner(), 4 * EACH);
    }

    /// Threads that have slept get the lock from one another, each time that one of them is slow under it.
    #[test]
    fn threads_that_sleep_are_woken() {
        let (lock, number) = (Native::new_lock(), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..5 {
                        let _held = lock.lock();
                        thread::sleep(Duration::from_micros(300 * round));
                        // Relaxed, both: the lock is held.
                        number.store(number.load(Relaxed) + 1, Relaxed);
                    }
                });
            }
        });
        assert_eq!(number.into_inner(), 20);
        assert!(Native::contention(&lock) > 0);
    }

    /// A thread that unlocks without having seen that another sleeps: that one gets the lock all the same.
    #[test]
    fn a_thread_that_was_overlooked_wakes_by_itself() {
        let (lock, has_entered) = (Native::new_lock(), AtomicBool::new(false));
        thread::scope(|scope| {
            let held = lock.lock();
            scope.spawn(|| {
                let _held = lock.lock();
                // Relaxed: joined below.
                has_entered.store(true, Relaxed);
            });
            while !lock.awaited.load(Relaxed) {
                thread::yield_now();
            }
            // Time for it to fall asleep; if it has not, the test proves less.
            thread::sleep(Duration::from_micros(200));
            core::mem::forget(held);
            lock.word.unlock();
        });
        assert!(has_entered.into_inner());
    }

    /// The lock may be freed before `drop` of the guard returns.
    #[test]
    fn a_guard_has_no_reference_and_a_lock_is_small() {
        assert_eq!(size_of::<ShardLock>(), 8);
        assert_eq!(size_of::<ShardGuard<'_>>(), size_of::<usize>());
    }
}
