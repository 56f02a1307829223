//! An event that happens once, for which threads and tasks wait.
//!
//! # Who owns what
//!
//! The event lies in an `Arc`. The thread that ends it has one, and each waiter has one, so that no
//! memory of theirs depends on the node that the event is about: the node may be freed before the
//! waiters run.
//!
//! # Why no wake-up is lost
//!
//! The outcome and the wakers are under one lock. A task that polls finds the outcome there, or leaves its
//! waker there; the thread that ends the event writes the outcome and takes the wakers in the same critical section.
//! So each waker was left before the outcome and is woken, or comes after it and finds it. A thread that blocks waits
//! for the backend's signal, which stays set.
//!
//! All waiters are woken. Which of them goes on is decided when they enter the map again; so a waiter that
//! was cancelled takes no other waiter's wake-up with it.
//!
//! # User code
//!
//! Wakers are user code: they may call the map, wake by running the task at once, and panic. They are cloned, woken and
//! dropped with no lock held. If one panics, the others are still woken, and then the panic goes on.
//!
//! # If a thread stops here forever
//!
//! In `end`, before the critical section: the waiters wait on, as for a constructor that does not end. After it: those
//! that were not woken yet do. No other thread waits: the lock is held for a few instructions and one allocation.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::mem;
use core::task::{Context, Poll, Waker};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::locked::Locked;
use crate::lock::LockBackend;

/// An event that ends with an outcome.
pub(crate) struct Event<O, B: LockBackend> {
    /// For threads; set after the outcome was written.
    signal: B::Signal,
    state: Locked<State<O>, B>,
}

struct State<O> {
    outcome: Option<O>,
    /// For tasks, by ticket, in the order in which they came.
    wakers: BTreeMap<Ticket, Waker>,
    /// The next ticket.
    next: Ticket,
}

/// Names a task's place among the wakers of an event.
pub(crate) type Ticket = u64;

impl<O: Copy, B: LockBackend> Event<O, B> {
    pub(crate) fn new() -> Arc<Self> {
        let state = State {
            outcome: None,
            wakers: BTreeMap::new(),
            next: 0,
        };
        Arc::new(Self {
            signal: B::new_signal(),
            state: Locked::new(state),
        })
    }

    /// Ends the event, once, and wakes all waiters. The caller holds no lock: wakers are user code.
    ///
    /// # Panics
    ///
    /// Panics with the first panic of a waker, after all of them were woken; not if the thread panics already.
    pub(crate) fn end(&self, outcome: O) {
        let wakers = self.state.with(|state| {
            debug_assert!(state.outcome.is_none(), "an event ends once");
            state.outcome = Some(outcome);
            mem::take(&mut state.wakers)
        });
        // Also if the signal should panic.
        let _wakers = WakeAll(wakers);
        B::set(&self.signal);
    }

    pub(crate) fn outcome(&self) -> Option<O> {
        self.state.with(|state| state.outcome)
    }

    /// Blocks the thread until the event has ended.
    pub(crate) fn wait(&self) -> O {
        if let Some(outcome) = self.outcome() {
            return outcome;
        }
        B::wait(&self.signal);
        self.outcome()
            .expect("the signal is set behind the outcome")
    }

    /// Returns the outcome, or leaves the task's waker. `ticket` is the caller's, `None` at first.
    pub(crate) fn poll(&self, ticket: &mut Option<Ticket>, cx: &mut Context<'_>) -> Poll<O> {
        let known = self.state.with(|state| match state.outcome {
            Some(outcome) => Some(Poll::Ready(outcome)),
            None => {
                let left = ticket.and_then(|ticket| state.wakers.get(&ticket));
                left.is_some_and(|left| left.will_wake(cx.waker()))
                    .then_some(Poll::Pending)
            }
        });
        if let Some(known) = known {
            return known;
        }
        let mut waker = Some(cx.waker().clone());
        let mut replaced = None;
        let poll = self.state.with(|state| {
            if let Some(outcome) = state.outcome {
                return Poll::Ready(outcome);
            }
            let ticket = *ticket.get_or_insert_with(|| {
                state.next += 1;
                state.next
            });
            replaced = waker
                .take()
                .and_then(|waker| state.wakers.insert(ticket, waker));
            Poll::Pending
        });
        // With no lock held.
        drop((replaced, waker));
        poll
    }

    /// Takes the waker back that was left with this ticket.
    pub(crate) fn forget(&self, ticket: Ticket) {
        let waker = self.state.with(|state| state.wakers.remove(&ticket));
        // With no lock held.
        drop(waker);
    }
}

/// Wakers, of which each is woken when this is dropped, whatever the others do.
struct WakeAll(BTreeMap<Ticket, Waker>);

impl Drop for WakeAll {
    fn drop(&mut self) {
        let mut first = None;
        for waker in mem::take(&mut self.0).into_values() {
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
                match first {
                    None => first = Some(panic),
                    // Its destructor could panic once more.
                    Some(_) => mem::forget(panic),
                }
            }
        }
        match first {
            Some(panic) if thread::panicking() => mem::forget(panic),
            Some(panic) => resume_unwind(panic),
            None => {}
        }
    }
}
