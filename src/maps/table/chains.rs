//! Chains of nodes, each with its head: walked without the lock, changed under it.
//!
//! # What a lookup without the lock may see
//!
//! While it walks, nodes are linked, unlinked, recycled, and moved to other chains, and it may be
//! led to another chain or round in a circle, or have begun in an old array. It does not matter: every
//! pointer leads to a node (see `node.rs`), the walk ends after `LONGEST_WALK` steps, a hit is checked by tag
//! and key with a reference held, and a miss is not believed until it was confirmed under the lock.
//!
//! # Orderings
//!
//! The heads: Release and Acquire, as `next` in `node.rs`.

use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Release};

use super::node::{Hash, Node, to_raw};
use crate::atomic::{Atomic, Backend};
use crate::lock::LockBackend;

/// How far a lookup without the lock walks before it takes the lock.
const LONGEST_WALK: usize = 32;

/// The head of a chain.
pub(super) type Head<B> = <B as Backend>::Ptr<Node<B>>;

/// The chains of an array of heads.
///
/// # Invariants
///
/// There are 2 to the power of `32 - shift` of them.
pub(super) struct Chains<'a, B: LockBackend> {
    heads: &'a [Head<B>],
    shift: u32,
}

impl<'a, B: LockBackend> Chains<'a, B> {
    /// # Safety
    ///
    /// The invariants.
    #[inline]
    pub(super) unsafe fn new(heads: &'a [Head<B>], shift: u32) -> Self {
        Self { heads, shift }
    }

    #[inline]
    fn head(self, hash: Hash) -> &'a Head<B> {
        // SAFETY: there are as many as places.
        unsafe { self.heads.get_unchecked(hash.place(self.shift)) }
    }

    /// The nodes that a lookup for a hash comes by, without the lock.
    #[inline]
    pub(super) fn walk(self, hash: Hash) -> impl Iterator<Item = NonNull<Node<B>>> {
        self.chain(hash).take(LONGEST_WALK)
    }

    /// The nodes of the chain that a hash belongs to. The caller holds the lock of its shard, as in
    /// all that follows.
    #[inline]
    pub(super) fn chain(self, hash: Hash) -> impl Iterator<Item = NonNull<Node<B>>> {
        chain(self.head(hash))
    }

    /// The heads of one of `shards` shards.
    fn heads_of(self, shard: usize, shards: usize) -> impl Iterator<Item = &'a Head<B>> {
        let share = self.heads.len() / shards;
        self.heads[shard * share..][..share].iter()
    }

    /// All nodes of a shard. When one is returned it may be linked elsewhere.
    pub(super) fn nodes_of(
        self,
        shard: usize,
        shards: usize,
    ) -> impl Iterator<Item = NonNull<Node<B>>> {
        self.heads_of(shard, shards).flat_map(chain)
    }

    /// Unlinks all nodes of a shard.
    pub(super) fn clear(self, shard: usize, shards: usize) {
        for head in self.heads_of(shard, shards) {
            set_first::<B>(head, None);
        }
    }

    /// Links a node that is in no chain.
    pub(super) fn link(self, node: NonNull<Node<B>>) {
        // SAFETY: the memory is a node.
        let header = unsafe { node.as_ref() };
        let head = self.head(header.tag().hash());
        header.set_next(first(head));
        set_first(head, Some(node));
    }

    /// Unlinks a node that is in a chain. Takes as long as the chain is.
    pub(super) fn unlink(self, node: NonNull<Node<B>>) {
        // SAFETY: the memory is a node.
        let header = unsafe { node.as_ref() };
        let head = self.head(header.tag().hash());
        if first(head) == Some(node) {
            return set_first(head, header.next());
        }
        for before in chain(head) {
            // SAFETY: the memory is a node.
            let before = unsafe { before.as_ref() };
            if before.next() == Some(node) {
                return before.set_next(header.next());
            }
        }
        unreachable!("a listed node is in its chain");
    }
}

impl<B: LockBackend> Clone for Chains<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: LockBackend> Copy for Chains<'_, B> {}

#[inline]
fn first<B: LockBackend>(head: &Head<B>) -> Option<NonNull<Node<B>>> {
    // Acquire: pairs with the Release in `set_first`, as in `Node::next`.
    NonNull::new(head.load(Acquire))
}

fn set_first<B: LockBackend>(head: &Head<B>, node: Option<NonNull<Node<B>>>) {
    // Release: pairs with the Acquire in `first`, so that what it leads to is a node.
    head.store(to_raw(node), Release);
}

#[inline]
fn chain<B: LockBackend>(head: &Head<B>) -> impl Iterator<Item = NonNull<Node<B>>> {
    // SAFETY: whatever a chain leads to is a node.
    core::iter::successors(first::<B>(head), |node| unsafe { node.as_ref() }.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic::Native;

    /// Otherwise nodes that are moved again and again could keep a lookup from its end.
    #[test]
    fn a_walk_without_the_lock_has_an_end() {
        let nodes: [_; LONGEST_WALK + 8] = core::array::from_fn(|_| Node::<Native>::new());
        let heads: [Head<Native>; 2] = Default::default();
        // SAFETY: two is 2 to the power of 1.
        let chains = unsafe { Chains::<Native>::new(&heads, 31) };
        for node in &nodes {
            chains.link(NonNull::from(node));
        }
        let hash = nodes[0].tag().hash();
        assert_eq!(chains.chain(hash).count(), nodes.len());
        assert_eq!(chains.walk(hash).count(), LONGEST_WALK);
    }
}
