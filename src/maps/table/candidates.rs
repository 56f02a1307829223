//! The nodes with one tag that a look under the lock has found, to be compared without it.
//!
//! Keys are compared by user code, so with no lock held, and with a reference to the node. Two keys of one tag are
//! rare, unless an attacker makes them: then there may be thousands. So that a look stays linear:
//!
//! 1. the first critical section takes one node: mostly it is the one that is looked for;
//! 2. if it is not, the second takes *all* others;
//! 3. another one, if it is needed (an insertion has to know that nothing came while it compared), asks the shard's
//!    count of insertions, and takes only what has come since. A node that was taken is known by its address, which
//!    its reference keeps.
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
/// The nodes that were compared come first, sorted by their addresses.
pub(super) struct Candidates<P: Payload, B: LockBackend> {
    /// The first, so that one alone needs no allocation, and whether it was compared.
    first: Option<Counted<P, B>>,
    first_is_compared: bool,
    others: Vec<Counted<P, B>>,
    /// How many of the others were compared.
    compared: usize,
    /// The shard's count of insertions when all nodes of the tag were here.
    all_at: Option<u64>,
}

impl<P: Payload, B: LockBackend> Candidates<P, B> {
    pub(super) fn new() -> Self {
        Self {
            first: None,
            first_is_compared: false,
            others: Vec::new(),
            compared: 0,
            all_at: None,
        }
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

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.others.is_empty()
    }

    pub(super) fn has(&self, node: NonNull<Node<B>>) -> bool {
        let compared = &self.others[..self.compared];
        self.first
            .as_ref()
            .is_some_and(|first| first.node() == node)
            || compared.binary_search_by_key(&node, Counted::node).is_ok()
    }

    /// For how many there is memory.
    pub(super) fn room(&self) -> usize {
        match self.is_empty() {
            true => 1,
            false => self.others.capacity() - self.others.len(),
        }
    }

    /// Makes room for so many, and for some that may come in between. No lock is held.
    pub(super) fn make_room(&mut self, count: usize) {
        self.others.reserve(count + count / 8 + 4);
    }

    /// Adds a node, for which there is room. The lock is held, so nothing is allocated.
    pub(super) fn add(&mut self, node: Counted<P, B>) {
        if self.is_empty() {
            self.first = Some(node);
            self.first_is_compared = false;
        } else {
            debug_assert!(self.room() > 0);
            self.others.push(node);
        }
    }

    /// Compares what was not compared yet, and takes out the node that is looked for, if it is there. No lock is
    /// held.
    pub(super) fn compare(
        &mut self,
        is_it: impl Fn(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        if !self.first_is_compared {
            if self.first.as_ref().is_some_and(&is_it) {
                return self.first.take();
            }
            self.first_is_compared = true;
        }
        let new = &self.others[self.compared..];
        if let Some(index) = new.iter().position(is_it) {
            return Some(self.others.remove(self.compared + index));
        }
        self.compared = self.others.len();
        self.others.sort_unstable_by_key(Counted::node);
        None
    }
}
