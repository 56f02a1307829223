//! Nodes that are busy, and how callers wait for them.
//!
//! A node is *busy* from its insertion as `Building` until its value is there or its construction was given up. A
//! caller that wants its key in between gets a [`Busy`], and waits for the node's [`Event`].
//!
//! # Who owns what
//!
//! The builder has a reference to the node, and each [`Busy`] has one. So a waiter gets the object that was
//! built, even if the builder has dropped its own reference by then. A node has an event only if a thread or task waits
//! for it: the first waiter makes it, and enters it in [`Builders`], under the lock of the node's shard. At its end the
//! builder takes it out there, unlocks, and then ends the event: wakers are user code.
//!
//! # The thread of a builder
//!
//! A constructor that is called and returns (`get_or_insert_with`) runs on one thread, and what it calls on that thread
//! would wait for itself if it waited for the constructor's key. So that thread is noted, and such a wait panics. A reservation
//! and an asynchronous constructor have no thread: what waits for them on the thread that made them may be another task.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::ptr::NonNull;
use core::task::{Context, Poll};

use super::counted::Counted;
use super::event::{Event, Ticket};
use super::node::Node;
use super::payload::Payload;
use crate::lock::LockBackend;

/// How the time ends in which a node is busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was built, and has been listed.
    Built,
    /// It has left the map, and its key is vacant.
    Gone,
}

/// The end of a node's being busy.
pub(super) type Ended<B> = Event<Outcome, B>;

/// What there is to wait for.
pub(super) struct Watch<B: LockBackend> {
    /// The thread that would wait for itself.
    thread: Option<B::ThreadId>,
    ended: Arc<Ended<B>>,
}

/// What a shard knows of its busy nodes; used under the lock.
pub(super) struct Builders<B: LockBackend> {
    /// The threads on which constructors run. As many as there are threads here, and deeper where constructors nest, of
    /// which the innermost is the last.
    threads: Vec<(NonNull<Node<B>>, B::ThreadId)>,
    /// The events of the nodes that have waiters.
    awaited: BTreeMap<NonNull<Node<B>>, Arc<Ended<B>>>,
}

impl<B: LockBackend> Builders<B> {
    pub(super) fn new() -> Self {
        Self {
            threads: Vec::new(),
            awaited: BTreeMap::new(),
        }
    }

    /// Notes on which thread a node is being built, if on one.
    pub(super) fn begin(&mut self, node: NonNull<Node<B>>, thread: Option<B::ThreadId>) {
        self.threads.extend(thread.map(|thread| (node, thread)));
    }

    fn place(&self, node: NonNull<Node<B>>) -> Option<usize> {
        self.threads.iter().rposition(|(other, _)| *other == node)
    }

    /// Returns what there is to wait for: the event is `fresh`, unless the node has one already.
    pub(super) fn watch(&mut self, node: NonNull<Node<B>>, fresh: Arc<Ended<B>>) -> Watch<B> {
        Watch {
            thread: self.place(node).map(|place| self.threads[place].1),
            ended: self.awaited.entry(node).or_insert(fresh).clone(),
        }
    }

    /// Forgets a node, which is not busy any more. Returns the event to end after unlocking, if the node has
    /// waiters.
    #[must_use = "those who wait have to be woken"]
    pub(super) fn end(&mut self, node: NonNull<Node<B>>) -> Option<Arc<Ended<B>>> {
        if let Some(place) = self.place(node) {
            self.threads.swap_remove(place);
        }
        self.awaited.remove(&node)
    }

    /// Takes over what `from` knows of some nodes.
    pub(super) fn take(&mut self, from: &mut Self, is_meant: impl Fn(NonNull<Node<B>>) -> bool) {
        let (meant, others) = mem::take(&mut from.threads)
            .into_iter()
            .partition(|&(node, _)| is_meant(node));
        (self.threads, from.threads) = (meant, others);
        let (meant, others) = mem::take(&mut from.awaited)
            .into_iter()
            .partition(|&(node, _)| is_meant(node));
        (self.awaited, from.awaited) = (meant, others);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.threads.is_empty() && self.awaited.is_empty()
    }

    pub(super) fn shrink(&mut self) {
        self.threads.shrink_to_fit();
    }
}

/// A node that is busy, or was when this was made.
pub(crate) struct Busy<P: Payload, B: LockBackend> {
    /// A reference to the node, which is listed if it was built; taken when that was told.
    node: Option<Counted<P, B>>,
    watch: Watch<B>,
    ticket: Option<Ticket>,
}

impl<P: Payload, B: LockBackend> Busy<P, B> {
    pub(super) fn new(node: Counted<P, B>, watch: Watch<B>) -> Self {
        Self {
            node: Some(node),
            watch,
            ticket: None,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.watch.ended.outcome().is_some()
    }

    /// Waits until the node is not busy any more. Returns it if it was built.
    ///
    /// # Panics
    ///
    /// Panics on the thread that builds it, which would wait for itself.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Option<Counted<P, B>> {
        assert!(
            self.watch.thread != Some(B::current_thread()) || self.is_done(),
            "the constructor of a value asked the registry for the same key (or its destructor, where keys are exclusive)"
        );
        let outcome = self.watch.ended.wait();
        self.built(outcome)
    }

    /// Like [`wait`](Self::wait), for a task. Polled again after it was ready, it returns no node.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Counted<P, B>>> {
        let poll = self.watch.ended.poll(&mut self.ticket, cx);
        poll.map(|outcome| self.built(outcome))
    }

    fn built(&mut self, outcome: Outcome) -> Option<Counted<P, B>> {
        let node = self.node.take();
        node.filter(|_| outcome == Outcome::Built)
    }
}

impl<P: Payload, B: LockBackend> Drop for Busy<P, B> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.watch.ended.forget(ticket);
        }
    }
}
