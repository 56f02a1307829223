//! The table under [`Registry`](crate::Registry) and [`Interner`](crate::Interner): nodes that are
//! found by hash without a lock, counted by hand-back, and leave the table with their last
//! reference.
//!
//! | | file | idea |
//! |---|---|---|
//! | life | `node.rs` | what a node is; its states; memory that stays a node |
//! | | `payload.rs` | what lies in a slot: a small payload, or the address of a large one |
//! | | `counted.rs`, `raw.rs` | a counted pointer to a node; the last put |
//! | | `ending.rs` | what has to end although a lock unwinds |
//! | index | `chains.rs` | chains of nodes by hash, walked without the lock |
//! | | `buckets.rs` | the heads of the chains, and how their number doubles and shrinks |
//! | memory | `memory/` | where slots come from and go back to, and how a node finds its table |
//! | | `map.rs` | pages from the system |
//! | all three | `shard/` | a lock and what it protects |
//! | | `shards.rs` | one of them at first, and many when one is not enough |
//! | | `owner.rs` | how a map finds, enters and gives up its table |
//! | | `candidates.rs` | nodes to be compared, when many have one hash |
//! | | `builders.rs`, `event.rs` | nodes that are busy, and how callers wait for them |
//! | | `iter.rs` | all nodes, one chain at a time |
//! | | `locked.rs` | a value behind a backend's lock |
//! | | this file | the table, and how long it lives |
//!
//! Index, life and memory do not know of one another but that all have to do with nodes: `memory/` hands out slots, and does
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
//! A constructor writes a fourth, the shard's second line, where the thread is noted on which it runs, and locks the shard a second time when
//! it has ended. That is one instruction that locks the bus, as the lock is unlocked by a plain store (see `lock/native.rs`). To list the
//! node without the lock would take as many: a swap of its tag, in which a waiter may have left a mark.
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
//! put still needs the shard's lock. So the nodes that have not died are counted. While there is an owner each shard counts
//! its own, under its lock. Then the owner *closes* one shard after the other (nothing can come there any more), and adds what it has counted
//! to the table's number, `left`; nodes that die in a closed shard are taken from there. The number begins with a
//! [`BIAS`], so that it cannot become zero before all are closed and the owner has taken the bias away. The thread that makes it zero
//! frees the table: that is either the owner, or a last put, *after* it has unlocked. (The kernel's `percpu_ref` is killed in the same way.)
//!
//! `left` is Release where it is lowered, as that ends a use of the table, and Acquire for the thread that makes it zero, which
//! comes after all uses. It is raised by the owner alone, under the lock of the shard: Relaxed.
//!
//! No other thread can be about to use the table then: lookups borrow the owner, and a thread that
//! is about to take a lock for a last put is the pending owner of a node that is alive until then
//! (see [`HandBack`](crate::HandBack)).

mod buckets;
mod builders;
mod candidates;
mod chains;
mod counted;
mod ending;
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
mod shards;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use self::buckets::{Buckets, FirstHeads, Heads};
pub(crate) use self::builders::{Busy, Outcome};
use self::builders::{Fresh, Watch};
pub(crate) use self::counted::Counted;
pub(crate) use self::ending::{Panicked, go_on};
pub(crate) use self::event::Event;
pub(crate) use self::iter::Iter;
pub(crate) use self::locked::Locked;
use self::memory::{Batch, Memory};
pub(crate) use self::node::{Hash, Node, State, Tag};
pub(crate) use self::owner::{Entered, Owner, Vacant};
pub(crate) use self::payload::{DropInPlace, Large, Payload, Place};
pub(crate) use self::raw::Lent;
use self::shard::{Guard, Shard};
use self::shards::{One, Shards};
use crate::atomic::{Atomic, AtomicInt};
use crate::lock::LockBackend;

/// By how many times the heads are too many when memory is given back.
const SPARSE: usize = 16;

/// What is in the number of nodes that are left as long as a shard is open.
const BIAS: usize = 1 << (usize::BITS - 1);

const PLACE: &str = "no place in an allocation is at zero";

/// The table of one map.
///
/// What every lookup reads is in no cache line that is written often: `one` and `first_heads` have lines of their own.
pub(crate) struct Table<B: LockBackend> {
    buckets: Buckets<B>,
    memory: Memory<B>,
    /// Whether a key is busy until the destructor of its value has ended.
    is_exclusive: bool,
    /// How many live nodes closed shards have had, and the [`BIAS`].
    left: B::Usize,
    shards: Shards<B>,
    /// The only shard, at first.
    one: One<B>,
    first_heads: FirstHeads<B>,
}

impl<B: LockBackend> Table<B> {
    /// Creates a table of slots for such payloads, with `most` shards, a power of two. If that is zero, it has one shard at first, and
    /// as many as the processors call for when one is not enough.
    pub(crate) fn new(most: usize, slot: Layout, is_exclusive: bool) -> NonNull<Self> {
        let table = NonNull::from(Box::leak(Box::<Self>::new_uninit())).cast::<Self>();
        // SAFETY: the place is in what was allocated.
        let one = unsafe { &raw mut (*table.as_ptr()).one };
        // SAFETY: as above.
        let first_heads = unsafe { &raw mut (*table.as_ptr()).first_heads };
        // SAFETY: they are there below, and as long as the table is.
        let buckets = unsafe { Buckets::new(NonNull::new(first_heads).expect(PLACE)) };
        // SAFETY: as above.
        let shards = unsafe { Shards::new(NonNull::new(one).expect(PLACE), most) };
        let new = Self {
            memory: Memory::new(slot),
            is_exclusive,
            left: B::Usize::new(BIAS),
            shards,
            one: One(Shard::new(table, 0, 1, buckets.heads())),
            first_heads: FirstHeads::new(),
            buckets,
        };
        // SAFETY: it was allocated for this.
        unsafe { table.write(new) };
        if most > 1 {
            // SAFETY: the table was made just now.
            unsafe { table.as_ref() }.divide();
        }
        table
    }

    #[cold]
    fn divide(&self) {
        self.shards.divide(&self.one.0, &self.buckets);
    }

    /// Locks the shard of a hash.
    #[inline]
    pub(super) fn lock(&self, hash: Hash) -> Guard<'_, B> {
        self.shards.lock(hash)
    }

    /// Locks the shard of a hash for a caller that looks for something, or puts it in. Sees to it that there are shards enough.
    #[inline]
    fn enter(&self, hash: Hash) -> Guard<'_, B> {
        if self.shards.are_too_few(&self.one.0) {
            self.divide();
        }
        self.lock(hash)
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
        self.shards.iter().map(Shard::len_hint).sum()
    }

    /// Returns what there is to wait for, if the node is busy.
    fn watch<P: Payload>(&self, hash: Hash, node: &Counted<P, B>) -> Option<Watch<B>> {
        // Not under the lock, as it allocates.
        let mut fresh = Fresh::new();
        loop {
            // The guard is dropped at the end of the statement.
            let watch = self.lock(hash).watch(node, &mut fresh)?;
            match watch {
                Ok(watch) => return Some(watch),
                Err(count) => fresh.prepare(count),
            }
        }
    }

    /// Locks the shard of a hash for the last put of a node there.
    #[inline(always)]
    fn lock_for_put(&self, hash: Hash) -> Guard<'_, B> {
        let guard = self.lock(hash);
        if self.is_exclusive {
            return self.stock_for_dying(hash, guard);
        }
        guard
    }

    /// Puts at hand what is noted of a node that is dying, as [`stock`](Self::stock) does for an insertion.
    #[cold]
    #[inline(never)]
    fn stock_for_dying<'a>(&'a self, hash: Hash, mut guard: Guard<'a, B>) -> Guard<'a, B> {
        while !guard.is_ready_for_dying() {
            guard = self.stock(hash, guard);
        }
        guard
    }

    /// Puts at hand what an insertion in the shard of a hash needs. Memory is not allocated under the lock, nor freed, so it is released
    /// in between.
    #[cold]
    #[inline(never)]
    fn stock<'a>(&'a self, hash: Hash, guard: Guard<'a, B>) -> Guard<'a, B> {
        let (slots, builders) = guard.wants();
        drop(guard);
        // Not a pointer made from `self`: the last put frees the table by it, which a shared reference does not allow.
        let home = self.one.0.table().cast();
        let slots = match slots {
            0 => Batch::new(),
            slots => self.memory.take(home, slots),
        };
        let threads = Vec::with_capacity(builders);
        let mut guard = self.lock(hash);
        let rest = guard.stock(slots, threads);
        if rest.capacity() == 0 {
            return guard;
        }
        drop(guard);
        drop(rest);
        self.lock(hash)
    }

    /// Gives slots back that a shard has too many of, and memory, if it is much. No lock is held.
    #[cold]
    fn give(&self, slots: Batch<B>) {
        // SAFETY: they are taken from here, and a shard had them.
        let are_many_free = unsafe { self.memory.give(slots) };
        if are_many_free && self.buckets.heads().len() >= SPARSE * self.len_hint().max(SPARSE) {
            self.buckets.shrink(2 * self.len_hint());
            self.keep_up();
        }
    }

    /// Moves all nodes to the array in use, and gives the memory of the others back.
    fn keep_up(&self) {
        self.shards.guards().for_each(|mut guard| guard.keep_up());
        self.buckets.release_idle();
    }

    /// Gives all memory back that can go back.
    fn shrink(&self) {
        for mut guard in self.shards.guards() {
            let (slots, idle) = guard.strip();
            drop(guard);
            drop(idle);
            // SAFETY: they are taken from here, and a shard had them.
            unsafe { self.memory.give(slots) };
        }
        self.memory.trim();
        self.buckets.shrink(self.len_hint());
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

    /// Ends the owner's use: nothing can be found or inserted any more.
    ///
    /// # Safety
    ///
    /// The caller is the owner, calls this once, and nobody borrows the table from it.
    pub(crate) unsafe fn close(table: NonNull<Self>) {
        {
            // SAFETY: it lives until the bias has been taken away.
            let table = unsafe { table.as_ref() };
            for mut guard in table.shards.guards() {
                // Relaxed: the last put of a node that is counted here comes later under this lock.
                table.left.fetch_add(guard.close() as usize, Relaxed);
            }
        }
        // SAFETY: the bias is the owner's.
        unsafe { Self::end(table, BIAS) };
    }

    /// Takes `n` from the number of nodes that are left, and frees the table if that makes it zero.
    ///
    /// # Safety
    ///
    /// They are the caller's: a node that was counted and has died, or the bias. It does not use the table afterwards.
    pub(crate) unsafe fn end(table: NonNull<Self>, n: usize) {
        // SAFETY: alive as long as the caller's are counted.
        let left = unsafe { &raw const (*table.as_ptr()).left };
        // Release: pairs with the Acquire in the thread that frees the table, which comes after this thread's use of it.
        // SAFETY: as above. All bytes of an atomic are in its cell, so that the reference does not promise that it stays.
        if unsafe { &*left }.fetch_sub(n, Release) == n {
            // Acquire: pairs with the Release of all others.
            // SAFETY: nothing is left but this thread's use of it.
            let _ = unsafe { &*left }.load(Acquire);
            // SAFETY: nobody uses the table any more (see the file's head).
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

    /// A program may have thousands of maps with a few objects.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_table_is_six_lines() {
        assert!(size_of::<Table<Native>>() <= 6 * 64);
    }

    /// A table with few nodes has one shard, and one with many nodes many.
    #[test]
    fn the_shard_is_divided_when_there_are_many_nodes() {
        let owner = Owner::<Nothing, Native>::new(0);
        let shards = || owner.table().unwrap().shards.iter().count();
        let mut nodes = insert(&owner, 0..128);
        assert_eq!(shards(), 1);
        nodes.extend(insert(&owner, 128..129));
        assert!(shards() > 1);
        assert_eq!(owner.len(), 129);
        assert!((0..129).all(|n| owner.get(Hash::new(n), |_| true).is_some()));
        assert_eq!(owner.iter().count(), 129);
        nodes.truncate(10);
        assert_eq!((owner.len(), owner.iter().count()), (10, 10));
        drop(nodes);
        owner.shrink_to_fit();
        assert_eq!(heads(&owner), shards() * buckets::FIRST);
        assert!(owner.iter().next().is_none());
    }

    /// The heads of many shards do not go back while one of them has nodes there.
    #[test]
    fn an_array_is_used_by_all_shards_that_one_was_divided_into() {
        let owner = Owner::<Nothing, Native>::new(1024);
        let nodes = insert(&owner, 0..2);
        let table = owner.table().unwrap();
        table.buckets.grow(table.buckets.heads());
        table.lock(Hash::new(0)).keep_up();
        table.buckets.release_idle();
        assert!((0..2).all(|n| owner.get(Hash::new(n), |_| true).is_some()));
        drop(nodes);
    }

    /// Threads that meet at the only lock get more of them.
    #[test]
    fn the_shard_is_divided_when_threads_meet_there() {
        let owner = Owner::<Nothing, Native>::new(0);
        let _first = insert(&owner, 0..1);
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let owner = &owner;
                scope.spawn(move || {
                    // The lock is held for as long as the other thread needs to come by.
                    while owner.table().unwrap().shards.iter().count() == 1 {
                        let held = owner.enter_locked(Hash::new(thread), |_| false);
                        std::thread::yield_now();
                        drop(held);
                    }
                });
            }
        });
        assert_eq!(owner.len(), 1);
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
                .shards
                .iter()
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
