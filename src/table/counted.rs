//! A counted pointer to a node, and the last put.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::Table;
use super::node::{Node, State};
use super::slab::shard_of;
use crate::deep::drop_in_place_deep;
use crate::lock::LockBackend;

/// What lies behind the header of a node.
///
/// # Safety
///
/// `layout` tells what the payload was inserted with; `take` takes out all that has to be dropped.
pub(crate) unsafe trait Payload {
    /// What was in the node.
    type Taken;

    /// The layout of the payload of a node.
    ///
    /// # Safety
    ///
    /// The caller has a reference to the node, or is its pending owner.
    unsafe fn layout<B: LockBackend>(node: NonNull<Node<B>>) -> Layout;

    /// Moves out what is in a node of this state.
    ///
    /// # Safety
    ///
    /// The count is zero, and settled. Once only.
    unsafe fn take<B: LockBackend>(node: NonNull<Node<B>>, state: State) -> Self::Taken;
}

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

    /// The shard's lock, found through the node.
    pub(crate) fn lock(&self) -> super::Guard<'_, B> {
        // SAFETY: a reference is held.
        let layout = unsafe { P::layout(self.node) };
        // SAFETY: as above, and that is the payload's layout.
        let shard = unsafe { shard_of(self.node, layout) };
        // SAFETY: the reference keeps the node, and that its shard.
        unsafe { shard.as_ref() }.lock()
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

/// Ends a pending put: under the lock, the node dies unless its reference was handed back.
///
/// # Safety
///
/// The caller is the pending owner of the node.
#[cold]
unsafe fn last_put<P: Payload, B: LockBackend>(node: NonNull<Node<B>>) {
    // SAFETY: nobody else can free the node, so that its shard lives.
    let header = unsafe { node.as_ref() };
    // SAFETY: this is the pending owner.
    let layout = unsafe { P::layout(node) };
    // SAFETY: as above, and that is the payload's layout.
    let shard = unsafe { shard_of(node, layout) };
    // SAFETY: as above, up to `end_parts`.
    let mut guard = unsafe { shard.as_ref() }.lock();
    if !header.refs.settle() {
        return;
    }
    // SAFETY: the node is this thread's alone from here on: its count is zero, and the lock is held.
    let mut taken = ManuallyDrop::new(unsafe { P::take(node, header.tag().state()) });
    // SAFETY: as above, and the payload was taken out.
    let done = unsafe { guard.bury(node, layout) };
    // SAFETY: alive, as the shard's part of it has not ended.
    let table = unsafe { shard.as_ref() }.table();
    // Once it is unlocked, another thread's last put may free the shard. The guard has no reference to it.
    drop(guard);
    if done {
        // SAFETY: the shard's own part, once.
        unsafe { Table::end_parts(table, 1) };
    }
    // Now that no lock is held, and the table is not needed any more, user code may run. A destructor
    // may drop the last reference to another node, and so on.
    // SAFETY: dropped once, here.
    unsafe { drop_in_place_deep(&raw mut *taken) };
}

// SAFETY: a reference to the payload can be had from every `Counted`, in every thread, and the last one, in
// whichever thread, drops it: as for std's `Arc`.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Send for Counted<P, B> {}
// SAFETY: as above.
unsafe impl<P: Payload + Send + Sync, B: LockBackend> Sync for Counted<P, B> {}
