//! A counted pointer to a node, and the last put.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::Table;
use super::builders::Outcome;
use super::ending::{Panicked, go_on, lock_to_end};
use super::memory::home_of;
use super::node::{Node, State};
use super::payload::Payload;
use super::shard::Guard;
use crate::lock::LockBackend;

/// One reference to a node.
///
/// # Invariants
///
/// The reference is counted; so the node is what it was when the reference was taken.
pub(crate) struct Counted<P: Payload, B: LockBackend> {
    node: NonNull<Node<B>>,
    payload: PhantomData<P>,
}

impl<P: Payload, B: LockBackend> Counted<P, B> {
    /// # Safety
    ///
    /// The caller has a reference to the node, whose payload has the type `P`, and gives it up.
    pub(super) unsafe fn from_node(node: NonNull<Node<B>>) -> Self {
        Self {
            node,
            payload: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn node(&self) -> NonNull<Node<B>> {
        self.node
    }

    #[inline]
    pub(crate) fn header(&self) -> &Node<B> {
        // SAFETY: the reference keeps the node.
        unsafe { self.node.as_ref() }
    }

    /// Whether the node is listed; a hint if the lock is not held.
    pub(crate) fn is_listed(&self) -> bool {
        self.header().tag().state() == State::Listed
    }

    pub(crate) fn count_hint(&self) -> u32 {
        self.header().refs.count_hint()
    }

    fn table(&self) -> &Table<B> {
        // SAFETY: a reference is held.
        let table = unsafe { table_of::<P, B>(self.node) };
        // SAFETY: the reference keeps the node, and that the table.
        unsafe { table.as_ref() }
    }

    /// The shard's lock, found through the node.
    pub(crate) fn lock(&self) -> Guard<'_, B> {
        self.table().lock(self.header().tag().hash())
    }

    /// The same, for the end of something: see [`lock_to_end`].
    pub(crate) fn lock_to_end(&self) -> (Guard<'_, B>, Panicked) {
        lock_to_end(self.table(), self.header().tag().hash())
    }
}

impl<P: Payload, B: LockBackend> Clone for Counted<P, B> {
    #[inline]
    fn clone(&self) -> Self {
        self.header().refs.get_held();
        Self {
            node: self.node,
            payload: PhantomData,
        }
    }
}

impl<P: Payload, B: LockBackend> Drop for Counted<P, B> {
    #[inline]
    fn drop(&mut self) {
        if self.header().refs.put() {
            // SAFETY: the put says that this is the pending owner.
            unsafe { last_put::<P, B>(self.node) };
        }
    }
}

/// The table of a node.
///
/// # Safety
///
/// The caller has a reference to the node, or is its pending owner.
#[inline]
unsafe fn table_of<P: Payload, B: LockBackend>(node: NonNull<Node<B>>) -> NonNull<Table<B>> {
    // SAFETY: as the caller promises. A table gives itself as the home of its slots.
    unsafe { home_of(node, P::SLOT) }.cast()
}

/// Ends a pending put: the node dies unless its reference was handed back.
///
/// Under the lock it leaves the map. Then the payload is dropped where it lies, with no lock held, and after that
/// the slot is given back: until then no other node can use it. (If there is nothing to drop, the slot is given
/// back at once.)
///
/// # Safety
///
/// The caller is the pending owner of the node.
#[cold]
unsafe fn last_put<P: Payload, B: LockBackend>(node: NonNull<Node<B>>) {
    // SAFETY: nobody else can free the node, so that its table lives.
    let header = unsafe { node.as_ref() };
    // SAFETY: this is the pending owner.
    let table = unsafe { table_of::<P, B>(node) };
    // SAFETY: as above, up to the end of the node's life in the table.
    let mut guard = unsafe { table.as_ref() }.lock_for_put(header.tag().hash());
    if !header.refs.settle() {
        return;
    }
    // The node is this thread's alone from here on: its count is zero, and the lock is held.
    let state = header.tag().state();
    // SAFETY: as above.
    if state == State::Listed && unsafe { table.as_ref() }.is_exclusive {
        // SAFETY: as above.
        let node = unsafe { guard.begin_dying::<P>(node) };
        drop(guard);
        return die_exclusively(node);
    }
    // SAFETY: as above.
    let is_trivial = unsafe { P::is_trivial(node) };
    let surplus = guard.surplus();
    let burial = Burial { table, node };
    if is_trivial && surplus.len() == 0 {
        // SAFETY: as above.
        unsafe { guard.leave(node, State::Absent) };
        return burial.end(guard);
    }
    // SAFETY: as above.
    unsafe { guard.leave(node, State::Dying) };
    drop(guard);
    let _burial = burial;
    if surplus.len() != 0 {
        // SAFETY: the table lives until the burial.
        unsafe { table.as_ref() }.give(surplus);
    }
    if is_trivial {
        return;
    }
    // Now that no lock is held user code may run. A destructor may drop the last reference to another node, and
    // so on. If it panics, the slot is given back all the same.
    // SAFETY: the node is this thread's alone, and in no chain.
    unsafe { P::end::<B>(node, state) };
}

/// Drops the value of a node whose key is exclusive, and then lets others have the key.
fn die_exclusively<P: Payload, B: LockBackend>(node: Counted<P, B>) {
    let dying = Dying(ManuallyDrop::new(node));
    // SAFETY: the value is this thread's alone: the node is `Dying`, and became it under the lock, with a count of zero.
    unsafe { P::end_value(dying.0.node()) };
}

/// A node that is busy while the destructor of its value runs.
///
/// Its reference is dropped when it has left its chain, and not before: if the lock unwinds twice, never.
struct Dying<P: Payload, B: LockBackend>(ManuallyDrop<Counted<P, B>>);

impl<P: Payload, B: LockBackend> Drop for Dying<P, B> {
    /// The key is vacant from then on. The reference may be the last: then it drops the key.
    fn drop(&mut self) {
        let (mut guard, panicked) = self.0.lock_to_end();
        // SAFETY: the destructor of the value has ended, and this is the thread that ran it.
        let ended = unsafe { guard.end_dying(&self.0) };
        drop(guard);
        // SAFETY: dropped here, and nowhere else. At the end of this function, as wakers may panic.
        let _node = unsafe { ManuallyDrop::take(&mut self.0) };
        if let Some(ended) = ended {
            ended.end(Outcome::Gone);
        }
        go_on(panicked);
    }
}

/// A node that has left the map, and whose payload is being dropped. Its table lives until this ends.
struct Burial<B: LockBackend> {
    table: NonNull<Table<B>>,
    node: NonNull<Node<B>>,
}

impl<B: LockBackend> Burial<B> {
    /// Gives the slot back. That may be the end of the table, after the unlock.
    fn end(self, guard: Guard<'_, B>) {
        let this = ManuallyDrop::new(self);
        this.end_with(guard);
    }

    fn end_with(&self, mut guard: Guard<'_, B>) {
        let table = self.table;
        // SAFETY: the node has left the map, and nothing is in it any more.
        let is_left = unsafe { guard.bury(self.node) };
        // Once it is unlocked, another thread's last put may free the table, unless the node is still counted there. The guard
        // has no reference to the shard.
        drop(guard);
        if is_left {
            // SAFETY: the node was counted, and is not any more.
            unsafe { Table::end(table, 1) };
        }
    }
}

impl<B: LockBackend> Drop for Burial<B> {
    fn drop(&mut self) {
        // SAFETY: the slot is still this thread's.
        let hash = unsafe { self.node.as_ref() }.tag().hash();
        // SAFETY: the node is still counted, so that its table lives.
        let (guard, panicked) = lock_to_end(unsafe { self.table.as_ref() }, hash);
        self.end_with(guard);
        go_on(panicked);
    }
}

// SAFETY: a reference to the payload can be had from every `Counted`, in every thread, and the last one, in
// whichever thread, drops it: as for std's `Arc`.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Send for Counted<P, B> {}
// SAFETY: as above.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Sync for Counted<P, B> {}
