//! The node: a recycled slot of memory that stays a node, and its states.
//!
//! A node is a slot of memory: a header, and behind it room for a payload. Slots are recycled, but
//! as long as the table lives they stay nodes, so that a lookup without the lock may read the header
//! of a node that has died, or has become another object: it then finds that the count is zero, or
//! that the tag is another.
//!
//! # States
//!
//! | state | in a chain | key | value | count | next states |
//! |---|---|---|---|---|---|
//! | `Absent` | no | no (or, if a construction failed: until the last put) | no | 0 (likewise) | `Building`, `Listed` |
//! | `Building` | yes | yes | no | >= 1 | `Listed`, `Absent` |
//! | `Listed` | yes | yes | yes | any | `Unlisted`, `Dying`, `Absent` |
//! | `Unlisted` | no | yes | yes | any | `Dying`, `Absent` |
//! | `Dying` | only if keys are exclusive | until its destructor has run | likewise, and first | 0, or >= 1 if keys are exclusive | `Absent` |
//!
//! A node is `Dying` while the destructor of its payload runs, with no lock held. Its slot is given back after
//! that, so the object has one address from the moment it is listed to the end of its destructor. Where nothing
//! has to be dropped, a node goes to `Absent` at once.
//!
//! Where keys are exclusive, a listed node that dies stays in its chain, with a reference of the thread that
//! runs the destructor of its value: it is busy, as one that is being built. Then it leaves the chain, and its last reference
//! drops the key.
//!
//! All bytes zero are a dead node that leads nowhere: memory that was given back reads so (see `memory/mod.rs`).
//!
//! # Orderings, per variable of the header
//!
//! - `next`: written under the lock, read by lookups without it. Release and Acquire: the node it
//!   leads to may lie in memory that was allocated and made into nodes just before. That holds for
//!   every store, also of a pointer that was there before, because a lookup may come to this node
//!   through a pointer of the node's former life and see only this store.
//! - `tag`: written under the lock, read by lookups without it. A first, Relaxed, read only decides
//!   whether it is worth to take a reference. The second, with the reference, is Acquire: it pairs
//!   with the Release store that makes a built node `Listed`, so that the value is seen. (The key of
//!   any node, and the value of a node that was never `Building`, were published by the count.)
//! - `refs`: the count, see [`HandBack`]. A recycled node is published by the Release that sets its
//!   count to one, and the Acquire of the lookup's increment.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::HandBack;
use crate::atomic::Atomic;
use crate::lock::LockBackend;

/// A hash as the table uses it: the upper bits choose the shard and the bucket.
///
/// It is the upper half of a product with the golden ratio (Fibonacci hashing), so that it does not matter
/// which bits of a hash are poor: those that differ reach the upper ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hash(u32);

/// 29 bits of a node's hash, and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u32);

/// Where a node is in its life; see the table at the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    Absent = 0,
    Building = 1,
    Listed = 2,
    Unlisted = 3,
    Dying = 4,
}

impl Hash {
    /// How many buckets a hash can tell apart.
    pub(super) const BUCKETS: usize = 1 << 29;

    #[inline]
    pub(crate) fn new(hash: u64) -> Self {
        Self((hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32)
    }

    /// What all hashes are below, as numbers.
    pub(super) const END: u64 = 1 << 32;

    /// The hash as a number; the lower bits mean nothing, see [`Tag::hash`].
    pub(super) fn number(self) -> u64 {
        self.0.into()
    }

    /// The hash that a number below [`END`](Self::END) stands for.
    pub(super) fn from_number(number: u64) -> Self {
        Self(number as u32)
    }

    /// Its place among 2 to the power of `32 - shift` buckets or shards.
    #[inline]
    pub(super) fn place(self, shift: u32) -> usize {
        (u64::from(self.0) >> shift) as usize
    }
}

impl Tag {
    const STATE: u32 = 0b111;

    /// The tag of a node in state `state` with the hash `hash`.
    #[inline]
    pub(crate) fn new(hash: Hash, state: State) -> Self {
        Self(hash.0 & !Self::STATE | state as u32)
    }

    #[inline]
    pub(crate) fn with(self, state: State) -> Self {
        Self(self.0 & !Self::STATE | state as u32)
    }

    #[inline]
    pub(crate) fn state(self) -> State {
        match self.0 & Self::STATE {
            0 => State::Absent,
            1 => State::Building,
            2 => State::Listed,
            3 => State::Unlisted,
            _ => State::Dying,
        }
    }

    /// Whether it is the tag of a node with this hash, as far as a tag can tell.
    #[inline]
    pub(super) fn has_hash(self, hash: Hash) -> bool {
        (self.0 ^ hash.0) & !Self::STATE == 0
    }

    /// The hash, as far as the choice of a bucket needs it.
    #[inline]
    pub(super) fn hash(self) -> Hash {
        Hash(self.0)
    }
}

/// The header of a node. The payload lies behind it.
///
/// # Invariants
///
/// The memory is a `Node` as long as the table of its shard lives.
#[repr(C)]
pub(crate) struct Node<B: LockBackend> {
    next: B::Ptr<Node<B>>,
    pub(super) refs: HandBack<B>,
    tag: B::U32,
}

impl<B: LockBackend> Node<B> {
    /// A node that is nothing yet.
    pub(super) fn new() -> Self {
        Self {
            next: B::Ptr::new(core::ptr::null_mut()),
            refs: HandBack::new_in(0),
            tag: B::U32::new(State::Absent as u32),
        }
    }

    /// The next node of the chain, or of the free list.
    #[inline]
    pub(super) fn next(&self) -> Option<NonNull<Self>> {
        // Acquire: pairs with the Release in `set_next`, so that the node it leads to is a node.
        NonNull::new(self.next.load(Acquire))
    }

    pub(super) fn set_next(&self, next: Option<NonNull<Self>>) {
        // Release: pairs with the Acquire in `next`, so that the node it leads to is a node.
        self.next.store(to_raw(next), Release);
    }

    /// Returns the tag, for a caller that holds the lock, or will look again.
    #[inline]
    pub(crate) fn tag(&self) -> Tag {
        // Relaxed: the lock orders it, or it is a first look.
        Tag(self.tag.load(Relaxed))
    }

    /// Returns the tag, for a caller that holds a reference and wants to use the value.
    #[inline]
    pub(super) fn tag_with_value(&self) -> Tag {
        // Acquire: pairs with the Release in `set_tag`, so that a value that was built is seen.
        Tag(self.tag.load(Acquire))
    }

    /// Sets the tag. The caller holds the lock.
    pub(super) fn set_tag(&self, tag: Tag) {
        // Release: pairs with the Acquire in `tag_with_value`, so that a thread that sees a node
        // listed sees the value that was built in it.
        self.tag.store(tag.0, Release);
    }

    /// Where the payload of layout `payload` lies.
    #[inline]
    pub(crate) fn payload(node: NonNull<Self>, payload: Layout) -> NonNull<u8> {
        // SAFETY: the slot has room for the header and a payload of this layout.
        unsafe { node.cast::<u8>().add(Self::offset(payload)) }
    }

    /// Where behind the start of a node its payload lies.
    #[inline]
    const fn offset(payload: Layout) -> usize {
        size_of::<Self>().next_multiple_of(payload.align())
    }

    /// The size and the alignment of a node with its payload.
    #[inline]
    pub(super) const fn size_and_align(payload: Layout) -> (usize, usize) {
        let align = if payload.align() > align_of::<Self>() {
            payload.align()
        } else {
            align_of::<Self>()
        };
        let size = Self::offset(payload) + payload.size();
        (size.next_multiple_of(align), align)
    }

    /// Makes all bytes of a dead node zero, as the system does with a page that it takes back: in no order.
    pub(super) fn zero(&self) {
        // Relaxed: see `memory/mod.rs`, as for all of these.
        self.next.store(core::ptr::null_mut(), Relaxed);
        self.refs.zero();
        // Relaxed: as above.
        self.tag.store(0, Relaxed);
    }
}

#[inline]
pub(super) fn to_raw<T>(pointer: Option<NonNull<T>>) -> *mut T {
    pointer.map_or(core::ptr::null_mut(), NonNull::as_ptr)
}
