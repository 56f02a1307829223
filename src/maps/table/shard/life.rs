//! How a node begins and ends: what is done with it under the lock, in the order of its life.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::NonNull;

use super::{Guard, Phase};
use crate::lock::LockBackend;
use crate::maps::table::builders::Ended;
use crate::maps::table::counted::Counted;
use crate::maps::table::node::{Node, State, Tag};
use crate::maps::table::payload::Payload;

impl<B: LockBackend> Guard<'_, B> {
    /// Makes a node whose payload is written by `write`, and puts it into its chain: `Listed`, or `Building`, on `thread`
    /// if it is a thread that must not wait for it.
    ///
    /// # Safety
    ///
    /// `write` writes a payload of the type `P`, as the state asks for. The nodes of this shard have payloads of
    /// the type `P`.
    ///
    /// # Panics
    ///
    /// Panics if there is no slot at hand, see [`is_ready`](Self::is_ready).
    #[inline]
    pub(crate) unsafe fn insert<P: Payload>(
        &mut self,
        tag: Tag,
        thread: Option<B::ThreadId>,
        write: impl FnOnce(NonNull<u8>),
    ) -> Counted<P, B> {
        let node = self.free.pop().expect("the caller has seen to that");
        write(Node::payload(node, P::SLOT));
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(tag);
        header.refs.revive();
        self.chains().link(node);
        self.insertions += 1;
        self.live += 1;
        if tag.state() == State::Building {
            self.building += 1;
            self.builders.begin(node, thread);
        } else {
            self.add_listed(1);
        }
        // SAFETY: the count was set to one, for this.
        unsafe { Counted::from_node(node) }
    }

    /// Ends the building of a node: it is `Listed`, or, if it failed, out of the chain and `Absent`.
    /// Returns the event to end after unlocking, if the node has waiters.
    ///
    /// # Safety
    ///
    /// The caller is the node's builder, and has written the value if it is to be listed.
    pub(crate) unsafe fn end_building<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
        listed: bool,
    ) -> Option<Arc<Ended<B>>> {
        let node = node.node();
        // SAFETY: a reference is held.
        let header = unsafe { node.as_ref() };
        if listed {
            header.set_tag(header.tag().with(State::Listed));
            self.add_listed(1);
        } else {
            self.chains().unlink(node);
            header.set_tag(header.tag().with(State::Absent));
        }
        self.building -= 1;
        self.builders.end(node)
    }

    /// Takes the nodes that are being built away from their builders, which have forgotten them. They are put into `forgotten`,
    /// which is empty and has room for so many ([`building`](Self::building)), as memory is not allocated under the lock.
    ///
    /// # Safety
    ///
    /// The nodes of this shard have payloads of the type `P`. The owner is borrowed exclusively, so that nobody has a
    /// reference to a node that is being built, nor looks for one.
    pub(in super::super) unsafe fn forgotten<P: Payload>(
        &mut self,
        forgotten: &mut Vec<Counted<P, B>>,
    ) {
        debug_assert!(forgotten.capacity() >= self.building());
        if self.building > 0 {
            for node in self.nodes() {
                // SAFETY: what is in a chain is a node.
                let header = unsafe { node.as_ref() };
                if header.tag().state() == State::Building {
                    header.refs.revive();
                    // SAFETY: the count was set to one, for this.
                    forgotten.push(unsafe { Counted::from_node(node) });
                }
            }
        }
        for node in forgotten {
            // SAFETY: as the caller promises, it has no other builder.
            let nobody = unsafe { self.end_building(node, false) };
            drop(nobody);
        }
    }

    /// Takes a node out of the map. Returns `false` if the map does not list the node.
    pub(crate) fn unlist<P: Payload>(&mut self, node: &Counted<P, B>) -> bool {
        let node = node.node();
        // SAFETY: a reference is held.
        let header = unsafe { node.as_ref() };
        if header.tag().state() != State::Listed {
            return false;
        }
        self.chains().unlink(node);
        header.set_tag(header.tag().with(State::Unlisted));
        self.add_listed(usize::MAX);
        true
    }

    /// Makes a dead node busy: it stays in its chain while the destructor of its value runs. Returns a reference. The shard is
    /// [ready](Self::is_ready_for_dying) for it.
    ///
    /// # Safety
    ///
    /// The count is zero, and settled; the node was `Listed`, and has a payload of the type `P`.
    pub(in super::super) unsafe fn begin_dying<P: Payload>(
        &mut self,
        node: NonNull<Node<B>>,
    ) -> Counted<P, B> {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(header.tag().with(State::Dying));
        // After the tag, so that a lookup that takes a reference from now on sees that the value is gone.
        header.refs.revive();
        self.add_listed(usize::MAX);
        self.builders.begin(node, Some(B::current_thread()));
        // SAFETY: the count was set to one, for this.
        unsafe { Counted::from_node(node) }
    }

    /// Takes a node out of its chain when the destructor of its value has ended. Returns the event to end after unlocking, if
    /// anybody waits.
    ///
    /// # Safety
    ///
    /// The caller has the reference of [`begin_dying`](Self::begin_dying).
    pub(in super::super) unsafe fn end_dying<P: Payload>(
        &mut self,
        node: &Counted<P, B>,
    ) -> Option<Arc<Ended<B>>> {
        let header = node.header();
        if self.phase == Phase::Open {
            self.chains().unlink(node.node());
        }
        header.set_tag(header.tag().with(State::Absent));
        self.builders.end(node.node())
    }

    /// Takes a dead node out of the map, if it is in it. From then on the node is the caller's alone.
    ///
    /// # Safety
    ///
    /// The count is zero, and settled.
    pub(in super::super) unsafe fn leave(&mut self, node: NonNull<Node<B>>, state: State) {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        if header.tag().state() == State::Listed {
            self.chains().unlink(node);
            self.add_listed(usize::MAX);
        }
        header.set_tag(header.tag().with(state));
    }

    /// Gives the slot of a dead node back. Returns whether the table counts the node, because the shard is closed: the caller
    /// then has to [end](Table::end) that after unlocking.
    ///
    /// # Safety
    ///
    /// The node has left the map, and its payload was dropped.
    pub(in super::super) unsafe fn bury(&mut self, node: NonNull<Node<B>>) -> bool {
        // SAFETY: a slot is a node.
        let header = unsafe { node.as_ref() };
        header.set_tag(header.tag().with(State::Absent));
        self.free.push(node);
        if self.phase == Phase::Closed {
            return true;
        }
        self.live -= 1;
        false
    }
}
