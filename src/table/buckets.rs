//! The heads of the chains, and how their number doubles.
//!
//! The heads of all shards lie in one array, so that a lookup comes to its chain by one load. Their order is
//! that of the hashes, so each shard has a part of it, and a node's shard does not change when the array
//! doubles:
//!
//! ```text
//! | 0 0 0 0 0 0 0 0 | 1 1 1 1 1 1 1 1 | 2 2 ...                           the shards of the heads
//! | 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 | 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 |  ... and twice as many
//! ```
//!
//! # How the number of buckets doubles
//!
//! [`Buckets::grow`] puts an empty array of twice the length in the place of the old one, and no more:
//! it needs no lock. Each shard then moves its own nodes there when something is next looked for under its
//! lock, which is at the latest when a lookup does not find what has not been moved yet. So no thread waits
//! for more than one shard. (A last put unlinks its node where it is.)
//!
//! The old array is kept, because a lookup may be reading it, until the table is shrunk or dropped: an array
//! knows the one that was in use before. All that are kept have fewer heads than the one in use. (Arrays that
//! are added to one another would all stay in use, but every lookup would have to find out which it needs: a
//! tenth of its time. An array for each shard costs it another tenth.)
//!
//! # Orderings, per variable
//!
//! - `heads`, which array is in use, and how long it is: Release when it is replaced by a larger one, Acquire in
//!   lookups and in the thread that moves a shard's nodes, so that the heads are there. When it is replaced by a
//!   smaller one, no other thread looks.
//! - the heads: see `chains.rs`.

use alloc::alloc::{alloc, alloc_zeroed, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::chains::{Chains, Head};
use super::node::Hash;
use crate::atomic::{Atomic, Native};
use crate::lock::LockBackend;

/// How many heads each shard has at first: a cache line of them.
pub(super) const FIRST: usize = 8;
/// A cache line.
const LINE: usize = align_of::<Header<Native>>();

/// The chains of all shards.
pub(super) struct Buckets<B: LockBackend> {
    /// The pointer of the [`Heads`] in use.
    heads: B::Ptr<Head<B>>,
}

/// An array of heads. A copy of it owns nothing.
///
/// # Invariants
///
/// The address of the first head, which is a multiple of `ALIGN`, plus how far a hash is shifted for the place
/// of its head: 32 less the logarithm of the number of heads.
/// In front of the heads is a [`Header`].
pub(super) struct Heads<B: LockBackend>(NonNull<Head<B>>);

/// What lies in front of an array, in a cache line of its own.
#[repr(align(64))]
struct Header<B: LockBackend> {
    /// The block that they lie in.
    memory: NonNull<u8>,
    /// What was in use before.
    outgrown: Option<Heads<B>>,
}

// SAFETY: the heads are atomics, and the headers are only used by a thread that has the buckets
// exclusively. What the chains lead to is the shards'.
unsafe impl<B: LockBackend> Send for Buckets<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Buckets<B> {}

impl<B: LockBackend> Buckets<B> {
    /// Creates the buckets of `shards` shards.
    pub(super) fn new(shards: usize) -> Self {
        Self {
            heads: B::Ptr::new(Heads::<B>::needed(shards * FIRST).0.as_ptr()),
        }
    }

    /// The array in use.
    #[inline]
    pub(super) fn heads(&self) -> Heads<B> {
        // Acquire: pairs with the Release in `grow`, so that the heads are seen.
        let heads = self.heads.load(Acquire);
        // SAFETY: it is never null.
        Heads(unsafe { NonNull::new_unchecked(heads) })
    }

    /// The chains in use.
    #[inline]
    pub(super) fn chains(&self) -> Chains<'_, B> {
        // SAFETY: what is or was in use lives as long as the buckets are borrowed by a lookup.
        unsafe { self.heads().chains() }
    }

    /// Doubles the array `from`, unless it is not in use any more, or as long as can be, or there is no memory
    /// for a longer one: then the chains get longer than they should be, and that is all.
    pub(super) fn grow(&self, from: Heads<B>) {
        if from.len() >= Heads::<B>::MOST || self.heads() != from {
            return;
        }
        let Some(new) = Heads::<B>::new(2 * from.len(), Some(from)) else {
            return;
        };
        // Release: pairs with the Acquire in `heads`, so that the heads are seen. Relaxed in the failure: what
        // another thread has put there is not used here.
        let replaced =
            self.heads
                .compare_exchange(from.0.as_ptr(), new.0.as_ptr(), Release, Relaxed);
        if replaced.is_err() {
            // SAFETY: this thread's alone.
            unsafe { new.free() };
        }
    }

    /// Makes the array as short as that many nodes allow, if there is memory for the shorter one. Every shard has
    /// to move its nodes after that.
    ///
    /// # Safety
    ///
    /// No lookup without the lock is under way, and no thread grows the array.
    pub(super) unsafe fn shrink(&self, nodes: usize, shards: usize) {
        let len = nodes.next_power_of_two().max(shards * FIRST);
        let old = self.heads();
        if len < old.len() {
            let Some(new) = Heads::<B>::new(len, Some(old)) else {
                return;
            };
            // Relaxed: no lookup is under way, and a last put does not ask which array is in use.
            self.heads.store(new.0.as_ptr(), Relaxed);
        }
    }

    /// Frees the arrays that are not in use any more.
    ///
    /// # Safety
    ///
    /// No lookup without the lock is under way, no thread grows the array, and no shard has nodes in another
    /// one than that in use.
    pub(super) unsafe fn free_outgrown(&self) {
        // SAFETY: the array is there, and nobody else uses headers now.
        let mut outgrown = unsafe { (*self.heads().header()).outgrown.take() };
        while let Some(heads) = outgrown {
            // SAFETY: as above.
            outgrown = unsafe { (*heads.header()).outgrown };
            // SAFETY: nobody uses it any more, and nobody leads to it.
            unsafe { heads.free() };
        }
    }
}

impl<B: LockBackend> Drop for Buckets<B> {
    fn drop(&mut self) {
        // SAFETY: nobody uses the buckets any more.
        unsafe { self.free_outgrown() };
        // SAFETY: as above.
        unsafe { self.heads().free() };
    }
}

impl<B: LockBackend> Heads<B> {
    /// How many heads there may be: as many buckets as hashes can tell apart, or half of the memory.
    const MOST: usize = {
        let fit = isize::MAX as usize / size_of::<Head<B>>() / 2;
        if fit < Hash::BUCKETS {
            1 << fit.ilog2()
        } else {
            Hash::BUCKETS
        }
    };

    /// What an array is aligned to: a cache line, or what its heads are aligned to (those of a backend may have any
    /// alignment).
    const ALIGN: usize = if align_of::<Head<B>>() > LINE {
        align_of::<Head<B>>()
    } else {
        LINE
    };

    /// Allocates `len` empty heads, a power of two, without which there is no table.
    fn needed(len: usize) -> Self {
        Self::new(len, None).unwrap_or_else(|| handle_alloc_error(Self::layout(len)))
    }

    /// Allocates `len` empty heads, a power of two, if there is memory for them.
    fn new(len: usize, outgrown: Option<Self>) -> Option<Self> {
        let layout = Self::layout(len);
        let allocate = if B::NULL_IS_ZERO { alloc_zeroed } else { alloc };
        // SAFETY: the size is not zero.
        let memory = unsafe { allocate(layout) };
        let memory = NonNull::new(memory)?;
        // The header ends, and the heads begin, where the address is a multiple of `ALIGN`.
        let offset = memory.addr().get().wrapping_neg() % Self::ALIGN + Self::ALIGN;
        // SAFETY: the layout has room for it.
        let first = unsafe { memory.add(offset) }.cast::<Head<B>>();
        // SAFETY: as above.
        let header = unsafe { first.cast::<Header<B>>().sub(1) };
        // SAFETY: as above, and it is aligned.
        unsafe { header.write(Header { memory, outgrown }) };
        for index in 0..if B::NULL_IS_ZERO { 0 } else { len } {
            // SAFETY: there is room for so many heads.
            let head = unsafe { first.add(index) };
            // SAFETY: as above, and it is aligned.
            unsafe { head.write(B::Ptr::new(ptr::null_mut())) };
        }
        let shift = 32 - len.trailing_zeros() as usize;
        Some(Self(first.map_addr(|address| address | shift)))
    }

    /// The layout of an array with its header, and some bytes to align it: many allocators clear memory
    /// that has the usual alignment without touching it.
    fn layout(len: usize) -> Layout {
        Layout::array::<Head<B>>(len)
            .and_then(|heads| {
                Layout::from_size_align(heads.size() + 2 * Self::ALIGN, heads.align())
            })
            .expect("there are at most `MOST` heads")
    }

    #[inline]
    fn shift(self) -> u32 {
        (self.0.addr().get() % Self::ALIGN) as u32
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        1 << (32 - self.shift())
    }

    #[inline]
    fn first(self) -> *mut Head<B> {
        let first = self.0.as_ptr();
        first.map_addr(|address| address & !(Self::ALIGN - 1))
    }

    fn header(self) -> *mut Header<B> {
        self.first().cast::<Header<B>>().wrapping_sub(1)
    }

    /// The chains whose heads these are.
    ///
    /// # Safety
    ///
    /// The array is not freed as long as they are used.
    #[inline]
    pub(super) unsafe fn chains<'a>(self) -> Chains<'a, B> {
        // SAFETY: the array has so many heads, and is not freed.
        let heads = unsafe { core::slice::from_raw_parts(self.first(), self.len()) };
        // SAFETY: so many are there.
        unsafe { Chains::new(heads, self.shift()) }
    }

    /// # Safety
    ///
    /// The array is not used any more.
    unsafe fn free(self) {
        let heads = ptr::slice_from_raw_parts_mut(self.first(), self.len());
        // SAFETY: all are there, and nobody uses them.
        unsafe { heads.drop_in_place() };
        // SAFETY: it is there.
        let memory = unsafe { (*self.header()).memory };
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(memory.as_ptr(), Self::layout(self.len())) };
    }
}

impl<B: LockBackend> Clone for Heads<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: LockBackend> Copy for Heads<B> {}

impl<B: LockBackend> PartialEq for Heads<B> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::node::{Node, State, Tag};
    use super::*;

    /// However many buckets there are, a node stays in its shard, and the shards have all nodes.
    #[test]
    fn every_bucket_belongs_to_the_shard_of_its_tags() {
        const SHARDS: usize = 4;
        let nodes: [Node<Native>; 500] = core::array::from_fn(|_| Node::new());
        for (hash, node) in nodes.iter().enumerate() {
            node.set_tag(Tag::new(Hash::new(hash as u64), State::Listed));
        }
        let buckets = Buckets::<Native>::new(SHARDS);
        for len in [32, 64, 128, 256] {
            let heads = buckets.heads();
            assert_eq!(heads.len(), len);
            let chains = buckets.chains();
            for node in &nodes {
                chains.link(NonNull::from(node));
            }
            for shard in 0..SHARDS {
                let of_shard = |node: &&Node<_>| node.tag().hash().place(30) == shard;
                let expected: HashSet<_> =
                    nodes.iter().filter(of_shard).map(ptr::from_ref).collect();
                let found = chains.nodes_of(shard, SHARDS);
                let found: HashSet<_> = found.map(|node| node.as_ptr().cast_const()).collect();
                assert_eq!(found, expected);
            }
            buckets.grow(heads);
            buckets.grow(heads); // does nothing
        }
    }

    #[test]
    fn arrays_lie_in_whole_cache_lines() {
        let buckets = Buckets::<Native>::new(1);
        for _ in 0..5 {
            let heads = buckets.heads();
            assert!(heads.first().addr() % Heads::<Native>::ALIGN == 0);
            buckets.grow(heads);
        }
        // SAFETY: nobody else uses them.
        unsafe { buckets.shrink(3, 1) };
        assert_eq!(buckets.heads().len(), FIRST);
        // SAFETY: as above.
        unsafe { buckets.free_outgrown() };
        // SAFETY: there is an array.
        assert!(unsafe { (*buckets.heads().header()).outgrown.is_none() });
    }
}
