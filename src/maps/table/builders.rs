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

use alloc::boxed::Box;
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

/// Nodes that are being built, each on a thread.
pub(super) type Threads<B> = Vec<(NonNull<Node<B>>, <B as LockBackend>::ThreadId)>;

/// What a shard knows of its busy nodes; used under the lock.
pub(super) struct Builders<B: LockBackend> {
    /// A node that is being built, and the thread on which its constructor runs. Mostly there is one at a time: it has its place
    /// here, not in memory of its own, which would be one more cache line that goes from thread to thread.
    first: Option<(NonNull<Node<B>>, B::ThreadId)>,
    /// The others. As many as there are threads here, and deeper where constructors nest, of which the innermost is the last.
    threads: Threads<B>,
    /// The events of the nodes that have waiters, if any has.
    awaited: Option<Box<Awaited<B>>>,
}

type Awaited<B> = BTreeMap<NonNull<Node<B>>, Arc<Ended<B>>>;

impl<B: LockBackend> Builders<B> {
    pub(super) fn new() -> Self {
        Self {
            first: None,
            threads: Vec::new(),
            awaited: None,
        }
    }

    /// Notes on which thread a node is being built, if on one.
    pub(super) fn begin(&mut self, node: NonNull<Node<B>>, thread: Option<B::ThreadId>) {
        let noted = thread.map(|thread| (node, thread));
        if self.first.is_none() {
            self.first = noted;
        } else {
            self.threads.extend(noted);
        }
    }

    /// Whether [`begin`](Self::begin) needs no more memory.
    #[inline]
    pub(super) fn have_room(&self) -> bool {
        self.first.is_none() || self.threads.len() < self.threads.capacity()
    }

    /// How many threads there has to be memory for; nothing if there [is room](Self::have_room).
    pub(super) fn wants(&self) -> usize {
        if self.have_room() {
            0
        } else {
            2 * self.threads.len() + 2
        }
    }

    /// Takes memory for more threads, if it is more. Returns the memory that is not needed, to be freed after unlocking.
    #[must_use = "it is to be freed after unlocking"]
    pub(super) fn stock(&mut self, mut memory: Threads<B>) -> Threads<B> {
        if memory.capacity() > self.threads.capacity() {
            mem::swap(&mut memory, &mut self.threads);
            self.threads.append(&mut memory);
        }
        memory
    }

    /// The thread on which a node is being built, if on one.
    fn thread(&self, node: NonNull<Node<B>>) -> Option<B::ThreadId> {
        let mut noted = self.first.iter().chain(self.threads.iter().rev());
        noted
            .find(|(other, _)| *other == node)
            .map(|(_, thread)| *thread)
    }

    /// Returns what there is to wait for: the event is `fresh`, unless the node has one already.
    pub(super) fn watch(&mut self, node: NonNull<Node<B>>, fresh: Arc<Ended<B>>) -> Watch<B> {
        Watch {
            thread: self.thread(node),
            ended: self.awaited().entry(node).or_insert(fresh).clone(),
        }
    }

    fn awaited(&mut self) -> &mut Awaited<B> {
        self.awaited.get_or_insert_default()
    }

    /// Forgets a node, which is not busy any more. Returns the event to end after unlocking, if the node has
    /// waiters.
    #[must_use = "those who wait have to be woken"]
    pub(super) fn end(&mut self, node: NonNull<Node<B>>) -> Option<Arc<Ended<B>>> {
        if self.first.is_some_and(|(first, _)| first == node) {
            self.first = None;
        } else if let Some(place) = self.threads.iter().rposition(|(other, _)| *other == node) {
            self.threads.swap_remove(place);
        }
        let awaited = self.awaited.as_mut()?;
        let ended = awaited.remove(&node);
        if awaited.is_empty() {
            self.awaited = None;
        }
        ended
    }

    /// Takes over what `from` knows of some nodes.
    pub(super) fn take(&mut self, from: &mut Self, is_meant: impl Fn(NonNull<Node<B>>) -> bool) {
        let (meant, others): (Vec<_>, Vec<_>) = mem::take(&mut from.threads)
            .into_iter()
            .chain(from.first.take())
            .partition(|&(node, _)| is_meant(node));
        for (node, thread) in meant {
            self.begin(node, Some(thread));
        }
        from.threads = others;
        let Some(awaited) = from.awaited.take() else {
            return;
        };
        for (node, ended) in *awaited {
            let to = if is_meant(node) {
                &mut *self
            } else {
                &mut *from
            };
            to.awaited().insert(node, ended);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.threads.is_empty() && self.awaited.is_none()
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
