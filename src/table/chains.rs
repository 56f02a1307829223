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

use super::node::{Node, Tag, to_raw};
use crate::atomic::{Atomic, Backend};
use crate::lock::LockBackend;

/// How many heads in a row belong to one shard.
pub(super) const SHARE: usize = 8;
/// How far a lookup without the lock walks before it takes the lock.
const LONGEST_WALK: usize = 32;

/// The head of a chain.
pub(super) type Head<B> = <B as Backend>::Ptr<Node<B>>;

/// The chains of an array of heads.
///
/// # Invariants
///
/// There is a power of two of them.
pub(super) struct Chains<'a, B: LockBackend>(pub(super) &'a [Head<B>]);

impl<'a, B: LockBackend> Chains<'a, B> {
    #[inline]
    fn head(self, tag: Tag) -> &'a Head<B> {
        // SAFETY: the length is a power of two, so that the index is below it.
        unsafe { self.0.get_unchecked(tag.bucket() & (self.0.len() - 1)) }
    }

    /// The nodes that a lookup for a tag comes by, without the lock.
    #[inline]
    pub(super) fn walk(self, tag: Tag) -> impl Iterator<Item = NonNull<Node<B>>> {
        self.chain(tag).take(LONGEST_WALK)
    }

    /// The nodes of the chain that a tag belongs to. The caller holds the lock of the tag's shard, as in
    /// all that follows.
    #[inline]
    pub(super) fn chain(self, tag: Tag) -> impl Iterator<Item = NonNull<Node<B>>> {
        chain(self.head(tag))
    }

    /// The heads of one of `shards` shards.
    fn heads_of(self, shard: usize, shards: usize) -> impl Iterator<Item = &'a Head<B>> {
        let shares = self.0.chunks_exact(SHARE).skip(shard);
        shares.step_by(shards).flatten()
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
        let head = self.head(header.tag());
        header.set_next(first(head));
        set_first(head, Some(node));
    }

    /// Unlinks a node that is in a chain. Takes as long as the chain is.
    pub(super) fn unlink(self, node: NonNull<Node<B>>) {
        // SAFETY: the memory is a node.
        let header = unsafe { node.as_ref() };
        let head = self.head(header.tag());
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
        let heads: [Head<Native>; SHARE] = Default::default();
        let chains = Chains::<Native>(&heads);
        for node in &nodes {
            chains.link(NonNull::from(node));
        }
        assert_eq!(chains.chain(nodes[0].tag()).count(), nodes.len());
        assert_eq!(chains.walk(nodes[0].tag()).count(), LONGEST_WALK);
    }
}
