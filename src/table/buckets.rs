//! Chains of nodes by hash: walked without the lock, changed under it.
//!
//! The heads of the chains of all shards lie in one array, so that a lookup comes to its chain by one
//! load. Every [`SHARE`] of them, a cache line, belong to the same shard, and the next to the next:
//!
//! ```text
//! | 0 1 2 3 4 5 6 7 | 0 1 2 3 4 5 6 7 | ... | 0 1 2 3 4 5 6 7 | 0 1 2 3 4 5 6 7 | ...
//!       shard 0           shard 1               last shard           shard 0
//! ```
//!
//! So a node's shard does not change when the array doubles.
//!
//! # How the number of buckets doubles
//!
//! [`Buckets::grow`] puts an empty array of twice the length in the place of the old one, and no more:
//! no lock is held. Each shard then moves its own nodes there when its lock is next taken, which is at the
//! latest when a lookup does not find what has not been moved yet. So nobody waits for more than one shard.
//!
//! The old array is kept, because a lookup may be reading it, until the table is shrunk or dropped. What
//! is kept is less than what is in use.
//!
//! # Orderings, per variable
//!
//! - `heads`, which array is in use, and how long it is: Release when it is replaced, Acquire in lookups and
//!   in whoever moves a shard's nodes, so that the heads are there.
//! - `growing`: Acquire and Release, as a lock that nobody waits for, over `outgrown`.
//! - the heads: see `chains.rs`.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Release};

use super::chains::{Chains, Head, SHARE};
use super::node::Tag;
use crate::atomic::Atomic;
use crate::lock::LockBackend;

/// What an array is aligned to: a cache line, for `SHARE` heads of eight bytes.
const ALIGN: usize = 64;

/// The chains of all shards.
pub(super) struct Buckets<B: LockBackend> {
    /// The pointer of the [`Heads`] in use.
    heads: B::Ptr<Head<B>>,
    /// One while somebody replaces `heads`.
    growing: B::U32,
    /// What was in use before.
    outgrown: UnsafeCell<Vec<Heads<B>>>,
}

/// An array of heads. A copy of it owns nothing.
///
/// # Invariants
///
/// The address of the first head, which is a multiple of `ALIGN`, plus the logarithm of the number of heads.
pub(super) struct Heads<B: LockBackend>(NonNull<Head<B>>);

// SAFETY: what is not atomic is used by one thread at a time: whoever has set `growing`, or has the
// buckets exclusively. What the chains lead to is the shards'.
unsafe impl<B: LockBackend> Send for Buckets<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Buckets<B> {}

impl<B: LockBackend> Buckets<B> {
    /// Creates the buckets of `shards` shards.
    pub(super) fn new(shards: usize) -> Self {
        Self {
            heads: B::Ptr::new(Heads::<B>::new(shards * SHARE).0.as_ptr()),
            growing: B::U32::new(0),
            outgrown: UnsafeCell::new(Vec::new()),
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
        // SAFETY: what is or was in use lives as long as the buckets are borrowed by a lookup.
        unsafe { self.heads().chains() }
    }

    /// Doubles the array, unless it is another than this by now, or as long as a tag can tell buckets apart, or
    /// somebody is doing it.
    #[cold]
    pub(super) fn grow(&self, from: Heads<B>) {
        // Acquire: pairs with the Release below, so that the other thread's change of `outgrown` is seen.
        if self.growing.swap(1, Acquire) == 0 {
            if self.heads() == from && from.len() < Tag::BUCKETS {
                // SAFETY: `growing` was set by this thread.
                unsafe { self.replace(2 * from.len()) };
            }
            // Release: pairs with the Acquire above, so that the change of `outgrown` is seen.
            self.growing.store(0, Release);
        }
    }

    /// Makes the array as short as that many nodes allow. Every shard has to move its nodes after that.
    ///
    /// # Safety
    ///
    /// The owner is borrowed exclusively.
    pub(super) unsafe fn shrink(&self, nodes: usize, shards: usize) {
        let len = nodes.next_power_of_two().max(shards * SHARE);
        if len < self.heads().len() {
            // SAFETY: nobody grows it.
            unsafe { self.replace(len) };
        }
    }

    /// Frees the arrays that are not in use any more.
    ///
    /// # Safety
    ///
    /// The owner is borrowed exclusively, and all shards have moved their nodes to the array in use.
    pub(super) unsafe fn free_outgrown(&self) {
        // SAFETY: nobody grows it.
        let outgrown = unsafe { &mut *self.outgrown.get() };
        for heads in core::mem::take(outgrown) {
            // SAFETY: no lookup can be reading it, no shard has nodes in it, and it is in the list once.
            unsafe { heads.free() };
        }
    }

    /// Puts an empty array in the place of the one in use.
    ///
    /// # Safety
    ///
    /// One thread at a time calls this.
    unsafe fn replace(&self, len: usize) {
        // SAFETY: as the caller promises.
        unsafe { &mut *self.outgrown.get() }.push(self.heads());
        // Release: pairs with the Acquire in `heads`, so that the heads are seen.
        self.heads.store(Heads::<B>::new(len).0.as_ptr(), Release);
    }
}

impl<B: LockBackend> Drop for Buckets<B> {
    fn drop(&mut self) {
        // SAFETY: nobody uses the buckets any more.
        unsafe { self.free_outgrown() };
        // SAFETY: as above; it is not among the outgrown.
        unsafe { self.heads().free() };
    }
}

impl<B: LockBackend> Heads<B> {
    /// Allocates `len` empty heads, a power of two.
    fn new(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        let Some(first) = NonNull::new(memory.cast::<Head<B>>()) else {
            handle_alloc_error(layout)
        };
        for index in 0..len {
            // SAFETY: within the memory.
            let head = unsafe { first.add(index) };
            // SAFETY: as above, and aligned.
            unsafe { head.write(B::Ptr::new(ptr::null_mut())) };
        }
        Self(first.map_addr(|address| address | len.trailing_zeros() as usize))
    }

    fn layout(len: usize) -> Layout {
        let layout = Layout::array::<Head<B>>(len).and_then(|layout| layout.align_to(ALIGN));
        layout.expect("there is no memory for so many nodes that need so many heads")
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        1 << (self.0.addr().get() % ALIGN)
    }

    fn first(self) -> *mut Head<B> {
        self.0.as_ptr().map_addr(|address| address & !(ALIGN - 1))
    }

    /// The chains whose heads these are.
    ///
    /// # Safety
    ///
    /// The array is not freed as long as they are used.
    #[inline]
    pub(super) unsafe fn chains<'a>(self) -> Chains<'a, B> {
        // SAFETY: the array has so many heads, and is not freed.
        Chains(unsafe { core::slice::from_raw_parts(self.first(), self.len()) })
    }

    /// # Safety
    ///
    /// Nobody uses the array any more.
    unsafe fn free(self) {
        let (first, len) = (self.first(), self.len());
        // SAFETY: all were written, and nobody uses them.
        unsafe { ptr::slice_from_raw_parts_mut(first, len).drop_in_place() };
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(first.cast(), Self::layout(len)) };
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
