//! Chains of nodes by hash: walked without the lock, changed under it.
//!
//! # How the number of buckets doubles
//!
//! The heads of the chains lie in segments: the first has `FIRST` heads, and every further one as
//! many as all before it together. Doubling adds a segment and moves no head, so that nothing that a
//! lookup may be reading is ever given back. Each chain is then split in two: what belongs into the
//! new half is unlinked here and linked there.
//!
//! # What a lookup without the lock may see
//!
//! While it walks, nodes are linked, unlinked, recycled, and moved to other chains, and it may be
//! led to another chain or round in a circle. It does not matter: every pointer leads to a node (see
//! `node.rs`), the walk ends after `LONGEST_WALK` steps, a hit is checked by tag and key with a reference held, and
//! a miss is not believed until it was confirmed under the lock.
//!
//! # Orderings, per variable
//!
//! - `mask`: Release when it grows, Acquire in a lookup, which then sees the segments that it covers.
//! - `segments`: Relaxed, as `mask` orders them.
//! - the heads: as `next` in `node.rs`.

use alloc::boxed::Box;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::node::{Node, to_raw};
use crate::atomic::{Atomic, Backend};
use crate::lock::LockBackend;

/// How many heads the first segment has.
const FIRST: usize = 4;
/// As many as it takes for a bucket number of 30 bits, which is what a tag has.
const SEGMENTS: usize = 29;
/// How far a lookup without the lock walks before it takes the lock.
const LONGEST_WALK: usize = 32;

/// The head of a chain.
type Head<B> = <B as Backend>::Ptr<Node<B>>;

/// The chains of one shard.
pub(super) struct Buckets<B: LockBackend> {
    /// The number of buckets less one.
    mask: B::Usize,
    /// For each segment where bucket 0 would be, if all buckets lay in a row with this segment's.
    segments: [B::Ptr<Head<B>>; SEGMENTS],
}

// SAFETY: the segments are owned, and hold atomics; what the chains lead to is the shard's.
unsafe impl<B: LockBackend> Send for Buckets<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Buckets<B> {}

impl<B: LockBackend> Buckets<B> {
    pub(super) fn new() -> Self {
        let buckets = Self {
            mask: B::Usize::new(FIRST - 1),
            segments: core::array::from_fn(|_| B::Ptr::new(ptr::null_mut())),
        };
        buckets.add_segment(0, FIRST);
        buckets
    }

    /// The nodes that a lookup for `bucket` comes by, without the lock.
    #[inline]
    pub(super) fn walk(&self, bucket: usize) -> impl Iterator<Item = NonNull<Node<B>>> {
        // Acquire: pairs with the Release in `set_len`, so that the segments are seen.
        let mask = self.mask.load(Acquire);
        chain(self.head(bucket & mask)).take(LONGEST_WALK)
    }

    /// How many buckets there are. The caller holds the lock, as in all that follows.
    pub(super) fn len(&self) -> usize {
        // Relaxed: changed only under the lock.
        self.mask.load(Relaxed) + 1
    }

    fn set_len(&self, len: usize) {
        // Release: pairs with the Acquire in `walk`, so that the segments are seen.
        self.mask.store(len - 1, Release);
    }

    /// The nodes of the chain that `bucket` is in.
    pub(super) fn chain(&self, bucket: usize) -> impl Iterator<Item = NonNull<Node<B>>> {
        chain(self.head(bucket & (self.len() - 1)))
    }

    /// All nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = NonNull<Node<B>>> {
        (0..self.len()).flat_map(|bucket| self.chain(bucket))
    }

    /// Links a node that is in no chain.
    pub(super) fn link(&self, node: NonNull<Node<B>>) {
        // SAFETY: the memory is a node.
        let header = unsafe { node.as_ref() };
        let head = self.head(header.tag().bucket() & (self.len() - 1));
        header.set_next(first(head));
        set_first(head, Some(node));
    }

    /// Unlinks a node that is in a chain. Takes as long as the chain is.
    pub(super) fn unlink(&self, node: NonNull<Node<B>>) {
        // SAFETY: the memory is a node.
        let header = unsafe { node.as_ref() };
        let head = self.head(header.tag().bucket() & (self.len() - 1));
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

    /// Unlinks all nodes.
    pub(super) fn clear(&self) {
        for bucket in 0..self.len() {
            set_first::<B>(self.head(bucket), None);
        }
    }

    /// Doubles the number of buckets, unless there are as many as a tag can tell apart.
    #[cold]
    pub(super) fn grow(&self) {
        let old = self.len();
        if segment(old) >= SEGMENTS {
            return;
        }
        self.add_segment(old, old);
        for bucket in 0..old {
            self.split(bucket, old);
        }
        self.set_len(2 * old);
    }

    /// Moves the nodes of a chain that belong into the new half.
    fn split(&self, bucket: usize, old: usize) {
        let (stays, moves) = (self.head(bucket), self.head(bucket + old));
        let mut last: Option<NonNull<Node<B>>> = None;
        let mut next = first(stays);
        while let Some(node) = next {
            // SAFETY: the memory is a node.
            let header = unsafe { node.as_ref() };
            next = header.next();
            if header.tag().bucket() & old == 0 {
                last = Some(node);
                continue;
            }
            match last {
                // SAFETY: the memory is a node.
                Some(last) => unsafe { last.as_ref() }.set_next(next),
                None => set_first(stays, next),
            }
            header.set_next(first(moves));
            set_first(moves, Some(node));
        }
    }

    /// Halves the number of buckets until there are about as many as nodes.
    ///
    /// # Safety
    ///
    /// No lookup without the lock is under way.
    pub(super) unsafe fn shrink(&self, nodes: usize) {
        let new = nodes.next_power_of_two().max(FIRST);
        while self.len() > new {
            let half = self.len() / 2;
            for bucket in half..self.len() {
                let head = self.head(bucket);
                while let Some(node) = first::<B>(head) {
                    // SAFETY: the memory is a node.
                    let header = unsafe { node.as_ref() };
                    set_first(head, header.next());
                    let home = self.head(bucket - half);
                    header.set_next(first(home));
                    set_first(home, Some(node));
                }
            }
            self.set_len(half);
            self.remove_segment(half, half);
        }
    }

    /// The head of a chain. The bucket is below the number of buckets.
    #[inline]
    fn head(&self, bucket: usize) -> &Head<B> {
        // Relaxed: `mask`, which covers the segment, was read after it was stored.
        let heads = self.segments[segment(bucket)].load(Relaxed);
        // SAFETY: the segment is there, as the mask covers it, and has the head of this bucket, which
        // lives as long as the buckets.
        unsafe { &*heads.wrapping_add(bucket) }
    }

    /// Adds the segment of `len` heads that begins with the one of the bucket `start`.
    fn add_segment(&self, start: usize, len: usize) {
        let heads: Box<[Head<B>]> = (0..len).map(|_| B::Ptr::new(ptr::null_mut())).collect();
        let heads = Box::into_raw(heads).cast::<Head<B>>();
        // Relaxed: the store to `mask` publishes it.
        self.segments[segment(start)].store(heads.wrapping_sub(start), Relaxed);
    }

    fn remove_segment(&self, start: usize, len: usize) {
        // Relaxed: nobody else can see it.
        let heads = self.segments[segment(start)].swap(ptr::null_mut(), Relaxed);
        let heads = ptr::slice_from_raw_parts_mut(heads.wrapping_add(start), len);
        // SAFETY: made in `add_segment` with this length, and out of sight now.
        drop(unsafe { Box::from_raw(heads) });
    }
}

impl<B: LockBackend> Drop for Buckets<B> {
    fn drop(&mut self) {
        let mut len = self.len();
        while len > FIRST {
            len /= 2;
            self.remove_segment(len, len);
        }
        self.remove_segment(0, FIRST);
    }
}

/// The segment that a bucket's head lies in.
#[inline]
fn segment(bucket: usize) -> usize {
    ((bucket | (FIRST - 1)).ilog2() - (FIRST - 1).ilog2()) as usize
}

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
        let buckets = Buckets::new();
        for node in &nodes {
            buckets.link(NonNull::from(node));
        }
        assert_eq!(buckets.chain(0).count(), nodes.len());
        assert_eq!(buckets.walk(0).count(), LONGEST_WALK);
    }

    #[test]
    fn segments_follow_one_another() {
        let buckets = Buckets::<Native>::new();
        while buckets.len() < 4096 {
            buckets.grow();
        }
        let mut len = FIRST;
        let mut expected = 0;
        for bucket in 0..4096 {
            if bucket == len {
                len *= 2;
                expected += 1;
            }
            assert_eq!(segment(bucket), expected, "bucket {bucket}");
            assert!(first::<Native>(buckets.head(bucket)).is_none());
        }
    }
}
