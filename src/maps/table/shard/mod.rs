//! A lock, and what it protects.
//!
//! | file | what is done with the lock held |
//! |---|---|
//! | `look.rs` | nodes are found |
//! | `life.rs` | a node begins and ends |
//! | `stock.rs` | slots and memory are brought and taken away |
//! | `arrays.rs` | the shard follows the array in use, and is divided |
//! | this file | the lock itself; the owner goes |

mod arrays;
mod life;
mod look;
mod stock;

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

pub(super) use self::look::Look;
use super::Table;
use super::buckets::Heads;
use super::builders::Builders;
use super::chains::Chains;
use super::memory::Batch;
use super::node::{Node, State};
use crate::atomic::Atomic;
use crate::lock::{Lock, LockBackend};

/// A part of a table that has a lock of its own.
///
/// In the order of the fields: what changes with every insertion and every last put is in one cache
/// line, with the lock.
#[repr(C)]
pub(crate) struct Shard<B: LockBackend> {
    lock: B::Lock,
    /// The number of listed nodes. Changed under the lock, read without it as a hint.
    listed: B::Usize,
    inner: UnsafeCell<Inner<B>>,
    /// Which of the table's shards this is.
    number: u32,
    /// How many there are.
    shards: u32,
    table: NonNull<Table<B>>,
}

/// What is used under the lock only.
#[repr(C)]
pub(crate) struct Inner<B: LockBackend> {
    /// Where the heads of the shard's chains are: in the array that was in use at the last lookup here.
    heads: Heads<B>,
    /// How many nodes have come here and have not died. Negative, perhaps, as nodes that were in no chain when a shard was
    /// divided die in another part than that which counts them. The sum over all shards is exact.
    live: isize,
    /// Slots at hand.
    free: Batch<B>,
    /// How many nodes were put into a chain: a look that has seen all nodes of a chain has still seen all as long as this is
    /// the same. 64 bits, which do not come round while a thread that looks is stopped.
    insertions: u64,
    phase: Phase,
    /// How many nodes are `Building`.
    building: u32,
    builders: Builders<B>,
}

/// What a shard is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// There are many shards in its place, and nothing is here any more.
    Divided,
    /// The owner is gone, and all chains are empty.
    Closed,
}

// SAFETY: `inner` and the memory of the nodes are changed under the lock only; the payloads are the
// concern of `Counted`, which is sent and shared as they allow.
unsafe impl<B: LockBackend> Send for Shard<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Shard<B> {}

impl<B: LockBackend> Shard<B> {
    pub(super) fn new(table: NonNull<Table<B>>, number: u32, shards: u32, heads: Heads<B>) -> Self {
        Self {
            lock: B::new_lock(),
            number,
            shards,
            table,
            listed: B::Usize::new(0),
            inner: UnsafeCell::new(Inner {
                heads,
                live: 0,
                phase: Phase::Open,
                free: Batch::new(),
                insertions: 0,
                building: 0,
                builders: Builders::new(),
            }),
        }
    }

    /// The table, as it was allocated.
    pub(super) fn table(&self) -> NonNull<Table<B>> {
        self.table
    }

    fn number(&self) -> usize {
        self.number as usize
    }

    /// How many shards there are.
    fn shards(&self) -> usize {
        self.shards as usize
    }

    /// What is known of busy nodes, in a shard that no other thread knows.
    pub(super) fn builders(&mut self) -> &mut Builders<B> {
        &mut self.inner.get_mut().builders
    }

    /// How many nodes are listed; a hint.
    pub(crate) fn len_hint(&self) -> usize {
        // Relaxed: a hint.
        self.listed.load(Relaxed)
    }

    /// Adds to the number of listed nodes, wrapping around. The lock is held, or no other thread knows the shard.
    fn add_listed(&self, n: usize) {
        // Relaxed: changed only under the lock, read as a hint.
        let listed = self.listed.load(Relaxed).wrapping_add(n);
        self.listed.store(listed, Relaxed);
    }

    /// How often its lock was found taken; a hint.
    pub(super) fn contention(&self) -> u32 {
        B::contention(&self.lock)
    }

    /// Locks the shard. Returns nothing if there are many in its place, which were made known before.
    #[inline]
    pub(super) fn lock(&self) -> Option<Guard<'_, B>> {
        let guard = Guard {
            shard: NonNull::from(self),
            _held: self.lock.lock(),
        };
        (guard.phase != Phase::Divided).then_some(guard)
    }
}

/// A shard's lock, held.
///
/// It leads to the shard by a pointer, not by a reference. A reference that is (part of) an argument has to
/// stay valid until the function returns, and `drop(guard)` returns after the unlock: by then another thread's
/// last put may have freed the shard.
///
/// # Invariants
///
/// The shard lives as long as the lock is held: the caller of [`Shard::lock`] knows that.
pub(crate) struct Guard<'a, B: LockBackend> {
    shard: NonNull<Shard<B>>,
    _held: <B::Lock as Lock>::Guard<'a>,
}

impl<B: LockBackend> Deref for Guard<'_, B> {
    type Target = Inner<B>;
    fn deref(&self) -> &Inner<B> {
        let inner = self.shard().inner.get();
        // SAFETY: the lock is held.
        unsafe { &*inner }
    }
}

impl<B: LockBackend> DerefMut for Guard<'_, B> {
    fn deref_mut(&mut self) -> &mut Inner<B> {
        let inner = self.shard().inner.get();
        // SAFETY: the lock is held, and the guard borrowed exclusively.
        unsafe { &mut *inner }
    }
}

impl<B: LockBackend> Guard<'_, B> {
    fn shard(&self) -> &Shard<B> {
        // SAFETY: the invariant.
        unsafe { self.shard.as_ref() }
    }

    fn chains(&self) -> Chains<'_, B> {
        // SAFETY: an array is not freed as long as a shard has its heads there.
        unsafe { self.heads.chains() }
    }

    /// All nodes that are in a chain.
    fn nodes(&self) -> impl Iterator<Item = NonNull<Node<B>>> {
        self.chains()
            .nodes_of(self.shard().number(), self.shard().shards())
    }

    /// Ends the owner's use of the shard: unlists everything. Returns the [`live`](Inner::live) nodes. From now on nodes that die are
    /// not counted here.
    pub(super) fn close(&mut self) -> isize {
        for node in self.nodes() {
            // SAFETY: what is in a chain is a node.
            let header = unsafe { node.as_ref() };
            // The value of one that is dying is being dropped by another thread.
            if header.tag().state() != State::Dying {
                header.set_tag(header.tag().with(State::Unlisted));
            }
        }
        self.phase = Phase::Closed;
        self.chains()
            .clear(self.shard().number(), self.shard().shards());
        self.add_listed(0usize.wrapping_sub(self.shard().len_hint()));
        self.live
    }

    fn add_listed(&mut self, n: usize) {
        self.shard().add_listed(n);
    }

    /// How many nodes are being built.
    pub(super) fn building(&self) -> usize {
        self.building as usize
    }
}

#[cfg(test)]
mod tests {
    use core::mem::offset_of;

    use super::*;
    use crate::atomic::Native;

    /// Two cache lines, which is what shards are padded to. What every insertion and every last put writes is in the first.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_shard_has_two_lines() {
        let builders = offset_of!(Inner<Native>, builders);
        assert!(offset_of!(Shard<Native>, inner) + builders <= 64);
        assert!(
            size_of::<Shard<Native>>() <= 128,
            "{}",
            size_of::<Shard<Native>>()
        );
    }
}
