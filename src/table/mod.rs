//! The table under [`Registry`](crate::Registry) and [`Interner`](crate::Interner): nodes that are
//! found by hash without a lock, counted by hand-back, and leave the table with their last
//! reference.
//!
//! | file | idea |
//! |---|---|
//! | `node.rs` | what a node is; its states; the memory that stays a node |
//! | `slab.rs` | where nodes come from and go back to, and how a node finds its shard |
//! | `buckets.rs` | chains of nodes by hash, walked without the lock, and how their number doubles |
//! | `shard.rs` | a lock and what it protects |
//! | `owner.rs` | how a map finds, enters and gives up its table |
//! | `counted.rs` | a counted pointer to a node; the last put |
//! | this file | the shards, and how long they live |
//!
//! # Who owns what
//!
//! A table owns its shards, a shard owns the memory of its nodes. A [`Counted`] owns one reference to
//! a node. The table owns no references. Everything but the counts is changed under the lock of the
//! node's shard. The code here knows nothing of the payload's type but its layout; what is in a
//! node is dropped by [`Counted`], with no lock held.
//!
//! # How long it lives
//!
//! The owner of a table (a registry) may be dropped before the last `Counted`, and the last
//! put still needs the shard's lock. So a table counts its parts: every shard that still has live
//! nodes, and the owner. A shard is done when it is *closed* (the owner is gone, so that nothing
//! can come) and its last node has died. Whoever ends the last part frees the table: that is
//! either the owner, or a last put, *after* it has unlocked.
//!
//! Nobody else can be about to use the table then: lookups borrow the owner, and whoever is about to
//! take a lock for a last put is the pending owner of a node that is alive until then (see
//! [`HandBack`]).

mod buckets;
mod counted;
mod node;
mod owner;
mod shard;
mod slab;

use alloc::boxed::Box;
use core::ptr::NonNull;

use crossbeam_utils::CachePadded;

pub(crate) use self::counted::{Counted, Payload};
pub(crate) use self::node::{Node, State, Tag};
pub(crate) use self::owner::{Entered, Owner};
use self::shard::{Found, Guard, Shard};
use crate::RefCount;
use crate::lock::LockBackend;

/// The shards of one map.
pub(crate) struct Table<B: LockBackend> {
    shards: Box<[CachePadded<Shard<B>>]>,
    /// How far a hash is shifted for the number of its shard, less one: a shift by 64 is not a number.
    shift: u32,
    /// One for each shard that is not done, and one for the owner.
    parts: RefCount<B>,
}

impl<B: LockBackend> Table<B> {
    /// Creates a table of `shards` shards, a power of two.
    pub(crate) fn new(shards: usize) -> NonNull<Self> {
        debug_assert!(shards.is_power_of_two());
        let parts = RefCount::new_in(1 + shards as u32);
        let mut table = NonNull::from(Box::leak(Box::new(Self {
            shards: Box::default(),
            shift: u64::BITS - 1 - shards.trailing_zeros(),
            parts,
        })));
        let shards = (0..shards)
            .map(|_| CachePadded::new(Shard::new(table)))
            .collect();
        // SAFETY: the table was made just now, and nobody else knows it.
        unsafe { table.as_mut() }.shards = shards;
        table
    }

    /// The shard of a hash: its top bits. A tag has the bits below.
    #[inline]
    pub(crate) fn shard(&self, hash: u64) -> &Shard<B> {
        &self.shards[(hash >> 1 >> self.shift) as usize]
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

/// Spreads a hash over all its bits, as some hashers leave the top ones empty.
#[inline]
pub(crate) fn spread(hash: u64) -> u64 {
    let product = u128::from(hash ^ 0x2545_F491_4F6C_DD1D) * 0x9E37_79B9_7F4A_7C15;
    (product as u64) ^ ((product >> 64) as u64)
}
