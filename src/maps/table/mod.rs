//! The table under [`Registry`](crate::Registry) and [`Interner`](crate::Interner): nodes that are
//! found by hash without a lock, counted by hand-back, and leave the table with their last
//! reference.
//!
//! | | file | idea |
//! |---|---|---|
//! | life | `node.rs` | what a node is; its states; memory that stays a node |
//! | | `payload.rs` | what lies in a slot: a small payload, or the address of a large one |
//! | | `counted.rs`, `raw.rs` | a counted pointer to a node; the last put |
//! | index | `chains.rs` | chains of nodes by hash, walked without the lock |
//! | | `buckets.rs` | the heads of the chains, and how their number doubles and shrinks |
//! | memory | `memory.rs` | where slots come from and go back to, and how a node finds its table |
//! | | `map.rs` | pages from the system |
//! | all three | `shard.rs` | a lock and what it protects |
//! | | `owner.rs` | how a map finds, enters and gives up its table |
//! | | `candidates.rs` | nodes to be compared, when many have one hash |
//! | | `builders.rs`, `event.rs` | nodes that are busy, and how callers wait for them |
//! | | `iter.rs` | all nodes, one chain at a time |
//! | | `locked.rs` | a value behind a backend's lock |
//! | | this file | the shards, and how long they live |
//!
//! Index, life and memory do not know of one another but that all have to do with nodes: `memory.rs` hands out slots, and does
//! not know what they are for; `chains.rs` links nodes, and does not know when they die.
//!
//! # Which cache lines are written
//!
//! An insertion and a last put write three lines each, if the slots at hand do:
//!
//! 1. the shard's: the lock, the count of nodes, the slots at hand. It is what the lock protects, and what a hint of the length needs;
//! 2. the head of the chain, or, for a last put, the node before (a lookup without the lock follows it);
//! 3. the node: the count, the tag, the link, and the payload.
//!
//! A payload that needs a destructor has the shard's line written a second time, to give the slot back behind it. Slots go from and to
//! the table's memory eight or more at a time.
//!
//! # Who owns what
//!
//! A table owns its shards and the memory of all nodes; a shard has some free slots at hand. A [`Counted`] owns one reference to
//! a node. The table owns no references. Everything about a node but its count is changed under the lock
//! of its shard. The code here knows nothing of the payload's type but its layout; what is in a
//! node is dropped by [`Counted`], where it lies, with no lock held.
//!
//! # How long it lives
//!
//! The owner of a table (a registry) may be dropped before the last `Counted`, and the last
//! put still needs the shard's lock. So a table counts its parts: every shard that still has live
//! nodes, and the owner. A shard is done when it is *closed* (the owner is gone, so that nothing
//! can come) and its last node has died. The thread that ends the last part frees the table: that
//! is either the owner, or a last put, *after* it has unlocked.
//!
//! No other thread can be about to use the table then: lookups borrow the owner, and a thread that
//! is about to take a lock for a last put is the pending owner of a node that is alive until then
//! (see [`HandBack`](crate::HandBack)).

mod buckets;
mod builders;
mod candidates;
mod chains;
mod counted;
mod event;
mod iter;
mod locked;
mod map;
mod memory;
mod node;
mod owner;
mod payload;
mod raw;
mod shard;

use alloc::boxed::Box;
use core::alloc::Layout;
use core::ptr::NonNull;

use crossbeam_utils::CachePadded;

use self::buckets::{Buckets, Heads};
pub(crate) use self::builders::{Busy, Outcome};
pub(crate) use self::counted::Counted;
pub(crate) use self::event::Event;
pub(crate) use self::iter::Iter;
pub(crate) use self::locked::Locked;
use self::memory::{Batch, Memory};
pub(crate) use self::node::{Hash, Node, State, Tag};
pub(crate) use self::owner::{Entered, Owner, Vacant};
pub(crate) use self::payload::{DropInPlace, Large, Payload, Place};
pub(crate) use self::raw::Lent;
use self::shard::{Guard, Shard};
use crate::RefCount;
use crate::lock::LockBackend;

/// By how many times the heads are too many when memory is given back.
const SPARSE: usize = 16;

/// The shards of one map.
///
/// Aligned, so that what every lookup reads is in no cache line that is written often.
#[repr(align(128))]
pub(crate) struct Table<B: LockBackend> {
    buckets: Buckets<B>,
    memory: Memory<B>,
    /// Whether a key is busy until the destructor of its value has ended.
    is_exclusive: bool,
    shards: Box<[CachePadded<Shard<B>>]>,
    /// How far a hash is shifted for the number of its shard.
    shift: u32,
    /// One for each shard that is not done, and one for the owner.
    parts: RefCount<B>,
}

impl<B: LockBackend> Table<B> {
    /// Creates a table of `shards` shards, a power of two, and of slots for such payloads.
    pub(crate) fn new(shards: usize, slot: Layout, is_exclusive: bool) -> NonNull<Self> {
        debug_assert!(shards.is_power_of_two());
        let parts = RefCount::new_in(1 + shards as u32);
        let mut table = NonNull::from(Box::leak(Box::new(Self {
            buckets: Buckets::new(shards),
            memory: Memory::new(slot),
            is_exclusive,
            shards: Box::default(),
            shift: 32 - shards.trailing_zeros(),
            parts,
        })));
        // SAFETY: the table was made just now, and nobody else knows it.
        let heads = unsafe { table.as_ref() }.buckets.heads();
        let shards = (0..shards as u32)
            .map(|number| CachePadded::new(Shard::new(table, number, heads)))
            .collect();
        // SAFETY: as above.
        unsafe { table.as_mut() }.shards = shards;
        table
    }

    #[inline]
    pub(crate) fn shard(&self, hash: Hash) -> &Shard<B> {
        &self.shards[hash.place(self.shift)]
    }

    /// Doubles the number of buckets, from `heads`, if all shards together have nodes enough. (One shard
    /// may have many more than others if the hasher is bad.)
    #[cold]
    fn grow(&self, heads: Heads<B>) {
        if 4 * self.len_hint() >= heads.len() {
            self.buckets.grow(heads);
        }
    }

    /// How many nodes are listed; a hint.
    pub(crate) fn len_hint(&self) -> usize {
        self.shards().map(Shard::len_hint).sum()
    }

    /// Puts slots at hand in the shard of a hash. Memory is not allocated under the lock, so it is released in between.
    #[cold]
    #[inline(never)]
    fn stock<'a>(&'a self, hash: Hash, guard: Guard<'a, B>) -> Guard<'a, B> {
        let wants = guard.wants();
        drop(guard);
        // Not a pointer made from `self`: the last put frees the table by it, which a shared reference does not allow.
        let slots = self.memory.take(self.shards[0].table().cast(), wants);
        let mut guard = self.shard(hash).lock();
        guard.stock(slots);
        guard
    }

    /// Gives slots back that a shard has too many of, and memory, if it is much. No lock is held.
    #[cold]
    fn give(&self, slots: Batch<B>) {
        // SAFETY: they are taken from here, and a shard had them.
        let are_many_free = unsafe { self.memory.give(slots) };
        if are_many_free && self.buckets.heads().len() >= SPARSE * self.len_hint().max(SPARSE) {
            self.buckets.shrink(2 * self.len_hint(), self.shards.len());
            self.keep_up();
        }
    }

    /// Moves all nodes to the array in use, and gives the memory of the others back.
    fn keep_up(&self) {
        self.shards().for_each(|shard| shard.lock().keep_up());
        self.buckets.release_idle();
    }

    /// Gives all memory back that can go back.
    fn shrink(&self) {
        for shard in self.shards() {
            let slots = shard.lock().strip();
            // SAFETY: they are taken from here, and a shard had them.
            unsafe { self.memory.give(slots) };
        }
        self.memory.trim();
        self.buckets.shrink(self.len_hint(), self.shards.len());
        self.keep_up();
    }

    /// Looks for a listed node with this hash for which `is_it` holds, without the lock. Finding
    /// nothing means nothing.
    ///
    /// # Safety
    ///
    /// The nodes of this table have payloads of the type `P`.
    #[inline]
    pub(crate) unsafe fn find<P: Payload>(
        &self,
        hash: Hash,
        is_it: impl FnOnce(&Counted<P, B>) -> bool,
    ) -> Option<Counted<P, B>> {
        let tag = Tag::new(hash, State::Listed);
        for node in self.buckets.chains().walk(hash) {
            // SAFETY: whatever the walk leads to is a node.
            let header = unsafe { node.as_ref() };
            if header.tag() == tag && header.refs.get_unless_zero() {
                // SAFETY: the reference was taken just now.
                let found = unsafe { Counted::from_node(node) };
                // It may have become another object before it was ours, or have left the map.
                return (header.tag_with_value() == tag && is_it(&found)).then_some(found);
            }
        }
        None
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &Shard<B>> {
        self.shards.iter().map(|shard| &**shard)
    }

    /// Ends the owner's use: nothing can be found or inserted any more.
    ///
    /// # Safety
    ///
    /// The caller is the owner, calls this once, and nobody borrows the table from it.
    pub(crate) unsafe fn close(table: NonNull<Self>) {
        let mut done = 1;
        // SAFETY: the owner's own part has not ended yet.
        for shard in unsafe { table.as_ref() }.shards() {
            done += u32::from(shard.close());
        }
        // SAFETY: these parts have not ended before: a shard is done once.
        unsafe { Self::end_parts(table, done) };
    }

    /// Ends `n` parts of the table, and frees it if they were the last.
    ///
    /// # Safety
    ///
    /// The parts are the caller's to end, and it does not use the table afterwards.
    pub(crate) unsafe fn end_parts(table: NonNull<Self>, n: u32) {
        // SAFETY: alive until the caller's parts have ended.
        if unsafe { table.as_ref() }.parts.sub_and_test(n) {
            // SAFETY: that was the last part, so nobody uses the table any more (see the file's head).
            drop(unsafe { Box::from_raw(table.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::atomic::Native;

    /// A payload of nothing.
    struct Nothing;

    // SAFETY: nothing is in it.
    unsafe impl Payload for Nothing {
        const SLOT: Layout = Layout::new::<()>();

        unsafe fn is_trivial<B: LockBackend>(_: NonNull<Node<B>>) -> bool {
            true
        }

        unsafe fn end_value<B: LockBackend>(_: NonNull<Node<B>>) {}

        unsafe fn end<B: LockBackend>(_: NonNull<Node<B>>, _: State) {}
    }

    type Nodes = Vec<Counted<Nothing, Native>>;

    fn insert(owner: &Owner<Nothing, Native>, hashes: impl Iterator<Item = u64>) -> Nodes {
        let insert = |hash| match owner.enter_locked(Hash::new(hash), |_| false) {
            // SAFETY: there is nothing to write.
            Entered::Vacant(vacant) => unsafe {
                vacant.insert(State::Listed, None, |_| {}, |node| node)
            },
            Entered::Occupied(_) => unreachable!("nothing is what is looked for"),
        };
        hashes.map(insert).collect()
    }

    fn heads(owner: &Owner<Nothing, Native>) -> usize {
        owner.table().unwrap().buckets.heads().len()
    }

    #[test]
    fn there_are_heads_for_all_nodes_and_few_more() {
        let owner = Owner::<Nothing, Native>::new(4);
        let mut nodes = Nodes::new();
        for n in 0..1000 {
            nodes.extend(insert(&owner, n..=n));
            assert!((nodes.len()..=8 * nodes.len().max(4)).contains(&heads(&owner)));
        }
        nodes.truncate(100);
        owner.shrink_to_fit();
        assert_eq!(heads(&owner), 128);
        assert_eq!(owner.len(), 100);
        for n in 0..100 {
            assert!(owner.get(Hash::new(n), |_| true).is_some());
        }
        nodes.clear();
        owner.shrink_to_fit();
        assert_eq!(heads(&owner), 4 * buckets::FIRST);
    }

    /// When the array has doubled, one lookup in a shard takes the lock, and those that follow do not.
    #[test]
    fn a_lookup_moves_the_nodes() {
        let owner = Owner::<Nothing, Native>::new(1);
        let found = |n| owner.find(Hash::new(n), |_| true).is_some();
        let _nodes = insert(&owner, 0..7);
        assert!((0..7).all(found));
        let last = insert(&owner, 7..8); // as many nodes as heads
        assert_eq!(heads(&owner), 2 * buckets::FIRST);
        drop(last); // leaves the others where they are
        assert!(!(0..8).any(found));
        assert!(owner.get(Hash::new(0), |_| true).is_some());
        assert!((0..7).all(found));
        assert!(!found(7));
    }

    /// A hasher that puts everything into one shard does not get an array for all shards.
    #[test]
    fn one_shard_alone_does_not_call_for_heads() {
        let owner = Owner::<Nothing, Native>::new(64);
        let first = |&n: &u64| Hash::new(n).place(26) == 0;
        let nodes = insert(&owner, (0..).filter(first).take(1000));
        assert!(heads(&owner) <= 8 * nodes.len());
        assert_eq!(
            owner
                .table()
                .unwrap()
                .shards()
                .filter(|s| s.len_hint() > 0)
                .count(),
            1
        );
    }

    /// A chain of the shorter array begins with nodes that were passed in the longer one.
    #[test]
    fn an_iteration_passes_each_node_once_when_the_array_shrinks() {
        for passed in 1..40 {
            let owner = Owner::<Nothing, Native>::new(1);
            let mut nodes = insert(&owner, 0..1000);
            nodes.truncate(50);
            let many = heads(&owner);
            let mut iter = owner.iter().map(|node| node.node());
            let mut seen: Vec<_> = iter.by_ref().take(passed).collect();
            owner.shrink_to_fit();
            assert!(8 * heads(&owner) <= many);
            seen.extend(iter);
            seen.sort_unstable();
            let mut all: Vec<_> = nodes.iter().map(Counted::node).collect();
            all.sort_unstable();
            assert_eq!(seen, all, "after {passed}");
        }
    }
}
