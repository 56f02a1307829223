//! The shards of a table: one at first, and many when one is not enough.
//!
//! A program may have thousands of maps with a few entries each, and a map that many threads use at once. So a table begins with
//! one shard, which lies in the table. It is *divided* when it has [`MANY`] nodes, or when threads have met at its lock
//! [`MET`] times. There are then as many shards as the processors call for, and that remains so.
//!
//! # How a shard is divided
//!
//! The thread that does it allocates the new shards, and makes the heads enough for them (see `buckets.rs`). No lock is held for
//! that, and if there is no memory, all stays as it is. Then it locks the one shard. If more nodes are busy than the new shards have
//! room for, it unlocks, makes room, and begins again. Otherwise, in this order, it
//!
//! 1. moves the nodes to the array of heads in use, where each of the new shards has heads of its own;
//! 2. tells each of the new shards how many of the nodes are its own, and which threads and tasks wait for them. The nodes stay in their chains;
//! 3. makes the new shards known, by `at`;
//! 4. marks the one shard as divided, and unlocks it.
//!
//! *A thread that wants a lock* reads `at`, and locks a shard. If that is marked as divided, the lock was not for anything: the
//! thread unlocks it, and reads `at` once more. The mark was written after `at`, under the lock that the thread had, so that it
//! now reads the many shards. So every change to a node is made under one lock at any time: that of the one shard up to 4, and
//! that of the node's new shard afterwards.
//!
//! *A lookup without a lock* does not read `at`. *A thread that is stopped* inside 1 to 4 has the lock of the whole map, as it has
//! that of a part of the map when it is stopped inside another critical section. They take as long as it takes to move
//! some more than [`MANY`] nodes, unless contention was the reason, and the map was larger: but it never has that many.
//!
//! *Nodes that are in no chain* (taken out of the map, or being destroyed) cannot be found, and are counted in the first of
//! the new shards. They die in another one, perhaps. So the number of a shard says nothing by itself. It is added to the others when the table
//! is closed (see `mod.rs`).
//!
//! # Orderings
//!
//! `at`: Release when it is replaced, Acquire when it is read, so that the shards are there. `again` is a hint: Relaxed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crossbeam_utils::CachePadded;

use super::buckets::Buckets;
use super::builders::Needs;
use super::node::Hash;
use super::shard::{Guard, Shard};
use crate::atomic::Atomic;
use crate::lock::LockBackend;

/// With how many listed nodes a shard is divided. (Models have few.)
const fn many<B: LockBackend>() -> usize {
    if B::NULL_IS_ZERO { MANY } else { 2 }
}

const MANY: usize = 128;

/// How often threads have met at the lock of a shard when it is divided.
const MET: u32 = 64;

type Padded<B> = CachePadded<Shard<B>>;

/// The only shard of a table, a part of it. In lines of its own, and not in two pairs of lines, as nobody else writes near to it:
/// the allocator can place a table of 64 bytes' alignment with less waste.
#[repr(align(64))]
pub(super) struct One<B: LockBackend>(pub(super) Shard<B>);

/// The shards of a table.
pub(super) struct Shards<B: LockBackend> {
    /// The pointer of the [`Array`] in use.
    at: B::Ptr<Shard<B>>,
    /// How many there may be: a power of two, or 0 for as many as the processors call for.
    most: u32,
    /// How many nodes there have to be for the next try, after one that found no memory.
    again: B::U32,
}

/// An array of shards. A copy of it owns nothing.
///
/// # Invariants
///
/// The address of the first, a multiple of `ALIGN`, plus the logarithm of their number. If there are many, each is padded.
struct Array<B: LockBackend>(NonNull<Shard<B>>);

impl<B: LockBackend> Shards<B> {
    /// The shards of a table that has one shard, at `one`, and may have `most`: a power of two, or 0 for as many as the
    /// processors call for.
    ///
    /// # Safety
    ///
    /// It is there when this is used, and as long.
    pub(super) unsafe fn new(one: NonNull<One<B>>, most: usize) -> Self {
        Self {
            at: B::Ptr::new(one.as_ptr().cast()),
            most: most as u32,
            again: B::U32::new(0),
        }
    }

    #[inline]
    fn array(&self) -> Array<B> {
        // Acquire: pairs with the Release in `divide`, so that the shards are seen.
        let at = self.at.load(Acquire);
        // SAFETY: it is never null.
        Array(unsafe { NonNull::new_unchecked(at) })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Shard<B>> {
        let array = self.array();
        // SAFETY: all arrays live as long as this.
        (0..array.len()).map(move |number| unsafe { array.get(number) })
    }

    /// The locks of all shards, one after the other. Where a shard is divided in between, its parts are left out.
    pub(super) fn guards(&self) -> impl Iterator<Item = Guard<'_, B>> {
        self.iter().filter_map(Shard::lock)
    }

    /// Locks the shard of a hash.
    #[inline]
    pub(super) fn lock(&self, hash: Hash) -> Guard<'_, B> {
        loop {
            let array = self.array();
            // SAFETY: all arrays live as long as this.
            let shard = unsafe { array.get(hash.place(array.shift())) };
            if let Some(guard) = shard.lock() {
                return guard;
            }
        }
    }

    /// Whether the only shard is to be divided.
    #[inline]
    pub(super) fn are_too_few(&self, one: &Shard<B>) -> bool {
        self.array().len() == 1
            && self.most != 1
            && (one.len_hint() >= many::<B>() || one.contention() >= MET)
    }

    /// Divides the only shard, unless another thread was faster. No lock is held.
    ///
    /// If there is no memory for it, the map goes on with one shard, and it is tried again when the map has twice as many nodes.
    #[cold]
    #[inline(never)]
    pub(super) fn divide(&self, one: &Shard<B>, buckets: &Buckets<B>) {
        // Relaxed: a hint.
        if one.len_hint() < self.again.load(Relaxed) as usize {
            return;
        }
        if self.try_divide(one, buckets).is_none() {
            let twice = u32::try_from(2 * one.len_hint()).unwrap_or(u32::MAX);
            // Relaxed: as above.
            self.again.store(twice.max(2), Relaxed);
        }
    }

    /// Divides the only shard, unless it is divided already. Nothing if there is no memory for it.
    fn try_divide(&self, one: &Shard<B>, buckets: &Buckets<B>) -> Option<()> {
        let len = match self.most {
            0 => default_most::<B>(),
            most => most as usize,
        };
        let len = len.min(Array::<B>::MOST);
        let mut parts = Vec::new();
        let mut needs = Vec::new();
        if len == 1
            || parts.try_reserve_exact(len).is_err()
            || needs.try_reserve_exact(len).is_err()
            || !buckets.suffice_for(len)
        {
            return None;
        }
        let heads = buckets.heads();
        let part = |number| Shard::new(one.table(), number, len as u32, heads);
        parts.extend((0..len as u32).map(|number| CachePadded::new(part(number))));
        needs.resize(len, Needs::default());
        let guard = loop {
            let Some(mut guard) = one.lock() else {
                return Some(());
            };
            if guard.divide(buckets, &mut parts, &mut needs) {
                break guard;
            }
            drop(guard);
            for (part, needs) in parts.iter_mut().zip(&needs) {
                part.builders().reserve(*needs).ok()?;
            }
        };
        let parts = ManuallyDrop::new(parts.into_boxed_slice());
        let first = parts.as_ptr().cast_mut().cast::<Shard<B>>();
        // Release: pairs with the Acquire in `array`, so that the shards are seen.
        self.at.store(
            first.map_addr(|first| first | len.ilog2() as usize),
            Release,
        );
        drop(guard.end_divided());
        Some(())
    }
}

impl<B: LockBackend> Drop for Shards<B> {
    fn drop(&mut self) {
        // SAFETY: it is never null.
        let array = Array::<B>(unsafe { NonNull::new_unchecked(self.at.with_mut(|at| *at)) });
        if array.len() > 1 {
            let parts =
                ptr::slice_from_raw_parts_mut(array.first().cast::<Padded<B>>(), array.len());
            // SAFETY: it was a boxed slice of this length, see `divide`, and nobody uses it any more.
            drop(unsafe { Box::from_raw(parts) });
        }
    }
}

impl<B: LockBackend> Array<B> {
    /// What shards are aligned to.
    const ALIGN: usize = if align_of::<Padded<B>>() < align_of::<One<B>>() {
        align_of::<Padded<B>>()
    } else {
        align_of::<One<B>>()
    };

    /// How many shards there may be, for their logarithm to be in the low bits of an address.
    const MOST: usize = if Self::ALIGN > 16 {
        1 << 16
    } else {
        1 << (Self::ALIGN - 1)
    };

    #[inline]
    fn log(self) -> u32 {
        (self.0.addr().get() % Self::ALIGN) as u32
    }

    #[inline]
    fn len(self) -> usize {
        1 << self.log()
    }

    /// How far a hash is shifted for the number of its shard.
    #[inline]
    fn shift(self) -> u32 {
        32 - self.log()
    }

    #[inline]
    fn first(self) -> *mut Shard<B> {
        let first = self.0.as_ptr();
        first.map_addr(|address| address & !(Self::ALIGN - 1))
    }

    /// # Safety
    ///
    /// There are so many, and they live for as long.
    #[inline]
    unsafe fn get<'a>(self, number: usize) -> &'a Shard<B> {
        debug_assert!(number < self.len());
        // SAFETY: as the caller promises.
        let shard = unsafe { self.first().byte_add(number * size_of::<Padded<B>>()) };
        // SAFETY: as above.
        unsafe { &*shard }
    }
}

impl<B: LockBackend> Clone for Array<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: LockBackend> Copy for Array<B> {}

/// Sixteen shards for each processor: two threads seldom meet. (Models have few.)
fn default_most<B: LockBackend>() -> usize {
    if !B::NULL_IS_ZERO {
        return 2;
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (16 * processors).next_power_of_two().min(256)
}
