//! The nodes with one tag that a look under the lock has found, to be compared without it.
//!
//! Keys are compared by user code, so with no lock held, and with a reference to the node. Two keys of one tag are
//! rare, unless an attacker makes them: then there may be thousands. So that a look stays linear:
//!
//! 1. the first critical section takes one node: mostly it is the one that is looked for, and there is nothing more to do;
//! 2. if it is not, the second counts the others, and the third, when there is memory for them, takes *all*;
//! 3. another one, if it is needed (an insertion has to know that nothing came while it compared), asks the shard's
//!    count of insertions, and takes only what has come since. A node that was taken is known by its address, which
//!    its reference keeps; they are sorted for that, with no lock held, and not before something has come.
//!
//! Dropping the candidates may destroy objects, and their destructors may panic. So they are dropped with no lock
//! held, and before the result is returned: a value that is already on its way to the caller is not dropped when
//! the panic passes, and its reference would leak.

use alloc::vec::Vec;
use core::ptr::NonNull;

use super::counted::Counted;
use super::node::Node;
use super::payload::Payload;
use crate::lock::LockBackend;

/// # Invariants
///
/// The nodes that were compared come first, sorted by their addresses if `are_sorted`.
pub(super) struct Candidates<P: Payload, B: LockBackend> {
    nodes: Vec<Counted<P, B>>,
    /// How many of them were compared.
    compared: usize,
    are_sorted: bool,
    /// The shard's count of insertions when all nodes of the tag were here.
    all_at: Option<u64>,
}

impl<P: Payload, B: LockBackend> Candidates<P, B> {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            compared: 0,
            are_sorted: true,
            all_at: None,
        }
    }

    /// Adds a node that is not the one that is looked for. No lock is held.
    pub(super) fn add_compared(&mut self, node: Counted<P, B>) {
        debug_assert!(self.nodes.is_empty());
        self.nodes.push(node);
        self.compared = 1;
    }

    /// Whether all nodes of the tag are here, if the shard has seen so many insertions.
    pub(super) fn are_all_at(&self, insertions: u64) -> bool {
        self.all_at == Some(insertions)
    }

    /// Whether at some moment all nodes of the tag were here.
    pub(super) fn were_all(&self) -> bool {
        self.all_at.is_some()
    }

    pub(super) fn set_all_at(&mut self, insertions: u64) {
        self.all_at = Some(insertions);
    }

    /// Has the next look go through all nodes again.
    pub(super) fn forget_all_at(&mut self) {
        self.all_at = None;
    }

    /// Whether [`has`](Self::has) can tell.
    pub(super) fn are_sorted(&self) -> bool {
        self.are_sorted
    }

    /// Whether a node was taken before the last comparison.
    pub(super) fn has(&self, node: NonNull<Node<B>>) -> bool {
        debug_assert!(self.are_sorted);
        match &self.nodes[..self.compared] {
            [one] => one.node() == node,
            many => many.binary_search_by_key(&node, Counted::node).is_ok(),
        }
    }

    /// For how many there is memory.
    pub(super) fn room(&self) -> usize {
        self.nodes.capacity() - self.nodes.len()
    }

    /// Makes room for so many, and for some that may come in between, and has [`has`](Self::has) tell. No lock is held.
    pub(super) fn prepare(&mut self, count: usize) {
        debug_assert_eq!(self.compared, self.nodes.len());
        if !self.are_sorted {
            self.nodes.sort_unstable_by_key(Counted::node);
            self.are_sorted = true;
        }
        self.nodes.reserve(count + count / 8 + 4);
    }

    /// Adds a node, for which there is room. The lock is held, so nothing is allocated.
    pub(super) fn add(&mut self, node: Counted<P, B>) {
        debug_assert!(self.room() > 0);
        self.nodes.push(node);
    }

    /// Compares what was not compared yet, and takes out the node that is looked for, if it is there. No lock is
    /// held.
    pub(super) fn compare(
        &mut self,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        let new = &self.nodes[self.compared..];
        let before = new.iter().position(is_it);
        let compared = self.compared + before.unwrap_or(new.len());
        if compared > self.compared {
            self.compared = compared;
            self.are_sorted = compared == 1;
        }
        before.map(|_| {
            let found = self.nodes.swap_remove(compared);
            // The others that this look has found have other keys: at one moment a key has one node in the chain.
            self.compared = self.nodes.len();
            self.are_sorted = self.compared <= 1;
            found
        })
    }
}
