//! What a drain and its tokens share: the word, and the list of wakers. The [module](super) has the theory.
#![forbid(unsafe_code)]

use core::mem;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::task::{Poll, Waker};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::atomic::{Atomic, AtomicBits, AtomicExt, AtomicInt, Backend};
use crate::report::{Kind, report};

/// The bit that says that a waiter may be there.
const WAITING: usize = 1;
/// The bit that says that `try_token` gives out no more tokens.
pub(super) const CLOSED: usize = 2;
/// One token.
pub(super) const STEP: usize = 4;
/// From here on the word counts nothing any more: the drain waits forever.
pub(super) const TOO_MANY: usize = 1 << (usize::BITS - 2);
/// The middle of what is above that.
const SATURATED: usize = 5 << (usize::BITS - 3);

/// Returns how many tokens there are.
pub(super) const fn tokens(word: usize) -> usize {
    word / STEP
}

/// What a drain and its tokens share.
pub(crate) struct Shared<B: Backend> {
    pub(super) word: B::Usize,
    /// No atomic of the backend is used while it is locked, so to a model checker each access is one step.
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// Each with its number, or none for `&Drain`.
    wakers: Vec<(Option<u64>, Waker)>,
    next: u64,
}

impl<B: Backend> Shared<B> {
    pub(super) fn new() -> Self {
        Self {
            word: B::Usize::new(0),
            waiters: Mutex::new(Waiters::default()),
        }
    }

    /// Counts one token more.
    #[track_caller]
    pub(super) fn add(&self) {
        // Relaxed: the caller has the drain or a token; what is done with the token is ordered by its drop.
        let found = self.word.fetch_add(STEP, Relaxed);
        if found >= TOO_MANY {
            self.saturate();
        }
    }

    /// Makes the drain wait forever, as so many tokens can only have been forgotten.
    #[cold]
    #[track_caller]
    pub(super) fn saturate(&self) {
        let pinned = |word: usize| Some(SATURATED | word & (CLOSED | WAITING));
        // Relaxed: nobody is ever woken again.
        let (Ok(found) | Err(found)) = self.word.cas_loop(Relaxed, pinned);
        if found < 2 * TOO_MANY {
            report(Kind::Overflow, u32::MAX);
        }
    }

    /// Counts one token less. The caller has a reference to the shared part, also afterwards.
    #[inline]
    pub(super) fn sub(&self) {
        // Release: pairs with the Acquire of the waiters.
        let found = self.word.fetch_sub(STEP, Release);
        if found & !CLOSED == STEP | WAITING {
            self.wake_all();
        } else if found >= TOO_MANY {
            // However many are dropped, the word does not come down again.
            self.saturate();
        }
    }

    /// Takes the waker of this number off the list.
    pub(super) fn forget(&self, number: u64) {
        let waker = self.lock().remove(number);
        drop(waker);
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks whether there are no tokens, and leaves the waker if there are. `number` is the waiter's, if it has one.
    pub(super) fn poll(&self, waker: &Waker, number: Option<&mut Option<u64>>) -> Poll<()> {
        // Acquire: pairs with the Release of the drops of the tokens.
        if tokens(self.word.load(Acquire)) == 0 {
            return Poll::Ready(());
        }
        let waker = waker.clone();
        // What is replaced is dropped at the end: a destructor that panics must not leave a waker without its bit.
        let _replaced = self.lock().put(waker, number);
        // Acquire: as above. It comes after the waker was left.
        if tokens(self.word.fetch_or(WAITING, Acquire)) == 0 {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Wakes all waiters. The caller has a reference to the shared part.
    #[cold]
    #[inline(never)]
    fn wake_all(&self) {
        // Relaxed: the lock comes after it, see the head of the file.
        self.word.fetch_and(!WAITING, Relaxed);
        let wakers = mem::take(&mut self.lock().wakers);
        // A waker that panics does not keep the others asleep. What it panicked with may panic in its destructor, so
        // only the first goes on, and the others are leaked.
        let mut first = None;
        for (_, waker) in wakers {
            match catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                Err(panic) if first.is_none() => first = Some(panic),
                Err(panic) => mem::forget(panic),
                Ok(()) => {}
            }
        }
        match first {
            // Not a second panic in a thread that unwinds: the process would end.
            Some(panic) if thread::panicking() => mem::forget(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}

impl Waiters {
    /// Puts a waker on the list, in the place of the same waiter's. Returns what has to be dropped without the lock.
    fn put(&mut self, waker: Waker, number: Option<&mut Option<u64>>) -> Option<Waker> {
        let place = match &number {
            None => self
                .wakers
                .iter_mut()
                .find(|(number, other)| number.is_none() && other.will_wake(&waker)),
            Some(None) => None,
            Some(own) => self.wakers.iter_mut().find(|(number, _)| *number == **own),
        };
        if let Some((_, other)) = place {
            return Some(mem::replace(other, waker));
        }
        let number = number.map(|own| {
            *own.get_or_insert_with(|| {
                self.next += 1;
                self.next
            })
        });
        self.wakers.push((number, waker));
        None
    }

    fn remove(&mut self, number: u64) -> Option<Waker> {
        let place = self.wakers.iter().position(|(own, _)| *own == Some(number));
        place.map(|place| self.wakers.swap_remove(place).1)
    }
}
