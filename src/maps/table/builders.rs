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
//! # Memory
//!
//! None is allocated or freed under the lock. A thread that is about to enter something asks first whether there is room. If not,
//! it unlocks, allocates, and brings the memory when it has the lock again. Memory that turns out not to be needed is freed after the
//! unlock. Room that was made stays until the map is shrunk.
//!
//! # The thread of a builder
//!
//! A constructor that is called and returns (`get_or_insert_with`) runs on one thread, and what it calls on that thread
//! would wait for itself if it waited for the constructor's key. So that thread is noted, and such a wait panics. A reservation
//! and an asynchronous constructor have no thread: what waits for them on the thread that made them may be another task.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
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

/// Nodes that are busy, each because of a thread.
pub(super) type Threads<B> = Vec<(NonNull<Node<B>>, <B as LockBackend>::ThreadId)>;

/// Events of nodes that have waiters, in the order of the nodes' addresses.
struct Awaited<B: LockBackend>(Vec<AwaitedNode<B>>);

type AwaitedNode<B> = (NonNull<Node<B>>, Arc<Ended<B>>);

/// What a shard knows of its busy nodes; used under the lock.
pub(super) struct Builders<B: LockBackend> {
    /// A node that is being built, and the thread on which its constructor runs. Mostly there is one at a time: it has its place
    /// here, not in memory of its own, which would be one more cache line that goes from thread to thread.
    first: Option<(NonNull<Node<B>>, B::ThreadId)>,
    /// The others. As many as there are threads here, and deeper where constructors nest, of which the innermost is the last.
    threads: Threads<B>,
    /// In a box, so that a shard has two cache lines.
    awaited: Option<Box<Awaited<B>>>,
}

/// An event that a waiter brings, and memory for it to be entered.
pub(super) struct Fresh<B: LockBackend> {
    ended: Arc<Ended<B>>,
    awaited: Option<Box<Awaited<B>>>,
}

/// How many busy nodes there has to be room for.
#[derive(Clone, Copy, Default)]
pub(super) struct Needs {
    threads: usize,
    awaited: usize,
}

/// Memory that a shard does not need any more, to be freed after unlocking.
pub(super) struct Idle<B: LockBackend> {
    _threads: Threads<B>,
    _awaited: Option<Box<Awaited<B>>>,
}

impl<B: LockBackend> Fresh<B> {
    pub(super) fn new() -> Self {
        Self {
            ended: Event::new(),
            awaited: None,
        }
    }

    /// Allocates memory for so many events.
    pub(super) fn prepare(&mut self, count: usize) {
        self.awaited = Some(Box::new(Awaited(Vec::with_capacity(count))));
    }
}

impl<B: LockBackend> Awaited<B> {
    fn place(&self, node: NonNull<Node<B>>) -> Result<usize, usize> {
        self.0.binary_search_by_key(&node, |(node, _)| *node)
    }

    fn has_room(&self) -> bool {
        self.0.len() < self.0.capacity()
    }
}

/// Moves what is in `of` to the memory that was brought, if that is larger.
fn exchange<T>(of: &mut Vec<T>, brought: &mut Vec<T>) {
    if brought.capacity() > of.capacity() {
        mem::swap(of, brought);
        of.append(brought);
    }
}

impl<B: LockBackend> Builders<B> {
    pub(super) fn new() -> Self {
        Self {
            first: None,
            threads: Vec::new(),
            awaited: None,
        }
    }

    /// Notes because of which thread a node is busy, if because of one. There is [room](Self::have_room).
    pub(super) fn begin(&mut self, node: NonNull<Node<B>>, thread: Option<B::ThreadId>) {
        debug_assert!(self.have_room());
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
        exchange(&mut self.threads, &mut memory);
        memory
    }

    /// The thread because of which a node is busy, if because of one.
    fn thread(&self, node: NonNull<Node<B>>) -> Option<B::ThreadId> {
        let mut noted = self.first.iter().chain(self.threads.iter().rev());
        noted
            .find(|(other, _)| *other == node)
            .map(|(_, thread)| *thread)
    }

    /// Returns what there is to wait for: the event is that of `fresh`, unless the node has one already. What is in `fresh` afterwards
    /// is to be freed after unlocking.
    ///
    /// # Errors
    ///
    /// Returns for how many events `fresh` has to be [prepared](Fresh::prepare).
    pub(super) fn watch(
        &mut self,
        node: NonNull<Node<B>>,
        fresh: &mut Fresh<B>,
    ) -> Result<Watch<B>, usize> {
        let thread = self.thread(node);
        match (&mut self.awaited, &mut fresh.awaited) {
            (Some(awaited), Some(memory)) => exchange(&mut awaited.0, &mut memory.0),
            (None, memory) => self.awaited = memory.take(),
            (Some(_), None) => {}
        }
        let Some(awaited) = &mut self.awaited else {
            return Err(2);
        };
        let ended = match awaited.place(node) {
            Ok(place) => Arc::clone(&awaited.0[place].1),
            Err(_) if !awaited.has_room() => return Err(2 * awaited.0.len() + 2),
            Err(place) => {
                let ended = Arc::clone(&fresh.ended);
                awaited.0.insert(place, (node, Arc::clone(&ended)));
                ended
            }
        };
        Ok(Watch { thread, ended })
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
        let place = awaited.place(node).ok()?;
        Some(awaited.0.remove(place).1)
    }

    /// Counts the nodes that are known, each for the part that it belongs to.
    pub(super) fn count(&self, needs: &mut [Needs], part: impl Fn(NonNull<Node<B>>) -> usize) {
        for (node, _) in self.first.iter().chain(&self.threads) {
            needs[part(*node)].threads += 1;
        }
        for (node, _) in self.awaited.iter().flat_map(|awaited| &awaited.0) {
            needs[part(*node)].awaited += 1;
        }
    }

    /// Whether there is room for all of it. Nothing is known yet.
    pub(super) fn suffice_for(&self, needs: Needs) -> bool {
        let awaited = self
            .awaited
            .as_ref()
            .map_or(0, |awaited| awaited.0.capacity());
        needs.threads <= self.threads.capacity() && needs.awaited <= awaited
    }

    /// Allocates memory for all of it, and for some more. No other thread knows this, and no lock is held.
    pub(super) fn reserve(&mut self, needs: Needs) -> Result<(), TryReserveError> {
        if needs.threads > 0 {
            self.threads.try_reserve(2 * needs.threads)?;
        }
        if needs.awaited > 0 {
            let awaited = self
                .awaited
                .get_or_insert_with(|| Box::new(Awaited(Vec::new())));
            awaited.0.try_reserve(2 * needs.awaited)?;
        }
        Ok(())
    }

    /// Gives what is known of each node to the builders of its part, which [have room](Self::suffice_for).
    pub(super) fn divide<P>(
        &mut self,
        parts: &mut [P],
        builders: impl Fn(&mut P) -> &mut Self,
        part: impl Fn(NonNull<Node<B>>) -> usize,
    ) {
        for (node, thread) in self.first.take().into_iter().chain(self.threads.drain(..)) {
            builders(&mut parts[part(node)]).begin(node, Some(thread));
        }
        for (node, ended) in self
            .awaited
            .iter_mut()
            .flat_map(|awaited| awaited.0.drain(..))
        {
            let awaited = &mut builders(&mut parts[part(node)]).awaited;
            let awaited = awaited.as_mut().expect("there is room");
            // At the end: they come in the order of the nodes.
            awaited.0.push((node, ended));
        }
    }

    /// Takes the memory away that nothing is in.
    pub(super) fn strip(&mut self) -> Idle<B> {
        Idle {
            _threads: match self.threads.is_empty() {
                true => mem::take(&mut self.threads),
                false => Vec::new(),
            },
            _awaited: self.awaited.take_if(|awaited| awaited.0.is_empty()),
        }
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
