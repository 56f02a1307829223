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
//! The old array is kept, because a lookup may be reading it. When the last shard has moved its nodes out, all its heads are
//! empty, and if it is large, its pages go back to the system by advice (see `memory/mod.rs`), and read as empty heads. It is used
//! again when the table next needs an array of this length. So there is one array of each length, and all that are
//! shorter have together fewer heads than the longest. (Arrays that
//! are added to one another would all stay in use, but every lookup would have to find out which it needs: a
//! tenth of its time. An array for each shard costs it another tenth.)
//!
//! # Who owns what
//!
//! The first array lies in the table, and the buckets own the others. Each shard has its part of one array, where its nodes are, and the same part of all others is
//! empty. `arrays` is locked to count which shard is where, also by a thread that has locked its shard; a thread that has locked
//! `arrays` locks nothing else.
//!
//! # Orderings, per variable
//!
//! - `heads`, which array is in use, and how long it is: Release when it is replaced, Acquire in
//!   lookups and in the thread that moves a shard's nodes, so that the heads are there.
//! - the heads: see `chains.rs`.

use alloc::vec::Vec;
use core::alloc::Layout;
use core::array;
use core::iter;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Release};

use super::chains::{Chains, Head};
use super::locked::Locked;
use super::map::Map;
use super::node::Hash;
use crate::atomic::Atomic;
use crate::lock::LockBackend;

/// How many heads each shard has at first: a cache line of them.
pub(super) const FIRST: usize = 8;
/// A cache line.
const LINE: usize = 64;

/// From how many bytes on an array has pages of its own.
const OWN_PAGES: usize = 64 << 10;
/// The size of such a page.
const PAGE: usize = 4096;

/// The chains of all shards.
pub(super) struct Buckets<B: LockBackend> {
    /// The pointer of the [`Heads`] in use.
    heads: B::Ptr<Head<B>>,
    arrays: Locked<Arrays<B>, B>,
}

/// The heads of a table that has few nodes, a part of it.
#[repr(align(64))]
pub(super) struct FirstHeads<B: LockBackend>([Head<B>; FIRST]);

/// The arrays there are.
struct Arrays<B: LockBackend> {
    first: Array<B>,
    others: Vec<Array<B>>,
    /// How many heads the array in use has at least, so that each shard has some of its own.
    least: usize,
}

/// The memory of an array.
///
/// # Invariants
///
/// The heads lie in it.
struct Array<B: LockBackend> {
    heads: Heads<B>,
    /// Nothing for the first, which is in the table.
    memory: Option<Map>,
    /// How many shards have their nodes there.
    users: usize,
}

/// An array of heads. A copy of it owns nothing.
///
/// # Invariants
///
/// The address of the first head, which is a multiple of `ALIGN`, plus how far a hash is shifted for the place
/// of its head: 32 less the logarithm of the number of heads.
pub(super) struct Heads<B: LockBackend>(NonNull<Head<B>>);

// SAFETY: the heads are atomics. What the chains lead to is the shards'.
unsafe impl<B: LockBackend> Send for Buckets<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Buckets<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Send for Array<B> {}

impl<B: LockBackend> FirstHeads<B> {
    pub(super) fn new() -> Self {
        Self(array::from_fn(|_| B::Ptr::new(ptr::null_mut())))
    }
}

impl<B: LockBackend> Buckets<B> {
    /// Creates the buckets of one shard.
    ///
    /// # Safety
    ///
    /// The heads live as long as the buckets do.
    pub(super) unsafe fn new(first: NonNull<FirstHeads<B>>) -> Self {
        let heads = Heads::new(first.cast(), FIRST);
        let first = Array {
            heads,
            memory: None,
            users: 1,
        };
        Self {
            heads: B::Ptr::new(heads.0.as_ptr()),
            arrays: Locked::new(Arrays {
                first,
                others: Vec::new(),
                least: FIRST,
            }),
        }
    }

    /// The array in use.
    #[inline]
    pub(super) fn heads(&self) -> Heads<B> {
        // Acquire: pairs with the Release in `replace`, so that the heads are seen.
        let heads = self.heads.load(Acquire);
        // SAFETY: it is never null.
        Heads(unsafe { NonNull::new_unchecked(heads) })
    }

    /// The chains in use.
    #[inline]
    pub(super) fn chains(&self) -> Chains<'_, B> {
        // SAFETY: the arrays live as long as the buckets are borrowed by a lookup.
        unsafe { self.heads().chains() }
    }

    /// Doubles the array `from`, unless it is not in use any more, or as long as can be, or there is no memory
    /// for a longer one: then the chains get longer than they should be, and that is all.
    pub(super) fn grow(&self, from: Heads<B>) {
        if from.len() < Heads::<B>::MOST && self.heads() == from {
            self.replace(from, 2 * from.len());
        }
    }

    /// Makes the array as short as that many nodes allow, if there is memory for the shorter one. Every shard has
    /// to move its nodes after that.
    pub(super) fn shrink(&self, nodes: usize) {
        let least = self.arrays.with(|arrays| arrays.least);
        let len = nodes.next_power_of_two().max(least);
        let old = self.heads();
        if len < old.len() {
            self.replace(old, len);
        }
    }

    /// Has the array in use be for so many shards, from now on. Returns `false` if there is no memory for that; then
    /// nothing has changed. No lock is held.
    pub(super) fn suffice_for(&self, shards: usize) -> bool {
        let least = shards * FIRST;
        loop {
            let heads = self.heads();
            if heads.len() < least {
                self.replace(heads, least);
            }
            let suffices = self.arrays.with(|arrays| {
                let suffices = self.heads().len() >= least;
                if suffices {
                    arrays.least = arrays.least.max(least);
                }
                suffices
            });
            if suffices || self.heads() == heads {
                return suffices;
            }
        }
    }

    /// Puts an array of this length into the place of `from`, if that is still in use. No lock is held.
    fn replace(&self, from: Heads<B>, len: usize) {
        let mut new = None;
        loop {
            let is_done = self.arrays.with(|arrays| {
                // There may be more shards since it was decided.
                if self.heads() != from || len < arrays.least {
                    return true;
                }
                // Unless another thread was faster, and the array `from` has come into use once more since.
                if arrays.of_len(len).is_none() {
                    arrays.others.extend(new.take());
                }
                let Some(heads) = arrays.of_len(len) else {
                    return false;
                };
                // Release: pairs with the Acquire in `heads`, so that the heads are seen.
                self.heads.store(heads.0.as_ptr(), Release);
                true
            });
            if is_done {
                return;
            }
            // Without the lock, as it may take long.
            new = Array::new(len);
            if new.is_none() {
                return;
            }
        }
    }

    /// Has a shard enter the array in use, which is returned. The caller has locked the shard, moves its nodes there, and then
    /// leaves the array where they were. Until then the shard is in both, so that the memory of neither goes back.
    pub(super) fn enter(&self) -> Heads<B> {
        self.arrays.with(|arrays| {
            let to = self.heads();
            arrays.add_users(to, 1);
            to
        })
    }

    /// Has a shard leave an array. The caller has locked the shard, and has emptied its part of the array.
    pub(super) fn leave(&self, from: Heads<B>) {
        self.arrays
            .with(|arrays| arrays.add_users(from, usize::MAX));
    }

    /// Has `shards` shards be in the array where one was that is divided.
    pub(super) fn divide(&self, heads: Heads<B>, shards: usize) {
        self.arrays
            .with(|arrays| arrays.add_users(heads, shards - 1));
    }

    /// Gives the memory of arrays that no shard has nodes in back to the system, where it can go back.
    pub(super) fn release_idle(&self) {
        self.arrays.with(|arrays| {
            let in_use = self.heads();
            for array in arrays.iter_mut() {
                if array.users > 0 || array.heads == in_use {
                    continue;
                }
                if let Some(memory) = &array.memory {
                    // SAFETY: nobody writes to the heads: a shard enters an array that is in use, and under this lock. They
                    // are all empty, which is zeros.
                    unsafe { memory.advise_all() };
                }
            }
        });
    }

    #[cfg(test)]
    pub(super) fn arrays(&self) -> usize {
        self.arrays.with(|arrays| 1 + arrays.others.len())
    }
}

impl<B: LockBackend> Arrays<B> {
    /// Adds to the number of shards that have their nodes in an array, wrapping around.
    fn add_users(&mut self, heads: Heads<B>, shards: usize) {
        for array in self.iter_mut() {
            if array.heads == heads {
                array.users = array.users.wrapping_add(shards);
            }
        }
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Array<B>> {
        iter::once(&mut self.first).chain(&mut self.others)
    }

    fn of_len(&mut self, len: usize) -> Option<Heads<B>> {
        let mut heads = self.iter_mut().map(|array| array.heads);
        heads.find(|heads| heads.len() == len)
    }
}

impl<B: LockBackend> Array<B> {
    /// Allocates `len` empty heads, a power of two, if there is memory for them.
    fn new(len: usize) -> Option<Self> {
        let layout = Heads::<B>::layout(len);
        let memory = Map::try_new(layout, B::NULL_IS_ZERO)?;
        let first = memory.start().cast::<Head<B>>();
        for index in 0..if B::NULL_IS_ZERO { 0 } else { len } {
            // SAFETY: there is room for so many heads.
            let head = unsafe { first.add(index) };
            // SAFETY: as above, and it is aligned.
            unsafe { head.write(B::Ptr::new(ptr::null_mut())) };
        }
        Some(Self {
            heads: Heads::new(first, len),
            memory: Some(memory),
            users: 0,
        })
    }
}

impl<B: LockBackend> Drop for Array<B> {
    fn drop(&mut self) {
        if !B::NULL_IS_ZERO && self.memory.is_some() {
            let heads = ptr::slice_from_raw_parts_mut(self.heads.first(), self.heads.len());
            // SAFETY: all are there, and nobody uses them any more.
            unsafe { heads.drop_in_place() };
        }
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

    /// The array of `len` heads, a power of two, at an address that is a multiple of `ALIGN`.
    fn new(first: NonNull<Head<B>>, len: usize) -> Self {
        let shift = 32 - len.trailing_zeros() as usize;
        Self(first.map_addr(|address| address | shift))
    }

    /// The layout of an array: whole pages, if it is large.
    fn layout(len: usize) -> Layout {
        let size = len * size_of::<Head<B>>();
        let align = if size < OWN_PAGES {
            Self::ALIGN
        } else {
            PAGE.max(Self::ALIGN)
        };
        Layout::from_size_align(size, align).expect("there are at most `MOST` heads")
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
    use std::boxed::Box;
    use std::collections::HashSet;

    use super::super::node::{Node, State, Tag};
    use super::*;
    use crate::atomic::Native;

    /// Buckets, and where their first heads are.
    fn buckets() -> (Box<FirstHeads<Native>>, Buckets<Native>) {
        let first = Box::new(FirstHeads::new());
        // SAFETY: the box lives as long as the test.
        let buckets = unsafe { Buckets::new(NonNull::from(&*first)) };
        (first, buckets)
    }

    /// However many buckets there are, a node stays in its shard, and the shards have all nodes.
    #[test]
    fn every_bucket_belongs_to_the_shard_of_its_tags() {
        const SHARDS: usize = 4;
        let nodes: [Node<Native>; 500] = array::from_fn(|_| Node::new());
        for (hash, node) in nodes.iter().enumerate() {
            node.set_tag(Tag::new(Hash::new(hash as u64), State::Listed));
        }
        let (_first, buckets) = buckets();
        assert!(buckets.suffice_for(SHARDS));
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

    /// A thread that has decided to make the array shorter comes too late: there are more shards since.
    #[test]
    fn the_array_is_never_too_short_for_the_shards() {
        let (_first, buckets) = buckets();
        assert!(buckets.suffice_for(4));
        buckets.replace(buckets.heads(), FIRST);
        assert_eq!(buckets.heads().len(), 4 * FIRST);
        buckets.shrink(1);
        assert_eq!(buckets.heads().len(), 4 * FIRST);
    }

    #[test]
    fn arrays_lie_in_whole_cache_lines() {
        let (_first, buckets) = buckets();
        for _ in 0..5 {
            let heads = buckets.heads();
            assert!(heads.first().addr() % Heads::<Native>::ALIGN == 0);
            buckets.grow(heads);
        }
        assert_eq!(buckets.arrays(), 6);
        buckets.shrink(3);
        assert_eq!(buckets.heads().len(), FIRST);
        for _ in 0..5 {
            buckets.grow(buckets.heads());
        }
        assert_eq!(buckets.arrays(), 6, "they are used again");
    }

    /// An array that a shard has nodes in stays as it is, when memory of arrays that are not in use goes back.
    #[test]
    fn memory_of_heads_that_lead_somewhere_does_not_go_back() {
        let node = Node::<Native>::new();
        node.set_tag(Tag::new(Hash::new(7), State::Listed));
        let (_heads, buckets) = buckets();
        let first = buckets.heads();
        while buckets.heads().len() * size_of::<usize>() < 2 * OWN_PAGES {
            buckets.grow(buckets.heads());
        }
        let old = buckets.enter();
        buckets.leave(first);
        // SAFETY: the buckets live.
        let chains = unsafe { old.chains() };
        chains.link(NonNull::from(&node));
        buckets.grow(old);
        assert!(buckets.heads() != old);
        buckets.release_idle();
        assert_eq!(chains.chain(node.tag().hash()).count(), 1);
        // The shard enters another, and has not moved its nodes yet.
        assert!(buckets.enter() != old);
        buckets.release_idle();
        assert_eq!(chains.chain(node.tag().hash()).count(), 1);
        chains.clear(0, 1);
        buckets.leave(old);
        buckets.release_idle();
        assert_eq!(chains.chain(node.tag().hash()).count(), 0);
    }
}
