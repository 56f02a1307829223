//! Where nodes come from: chunks of slots.
//!
//! All of it is under the shard's lock. Memory is taken from the allocator a chunk at a time, and
//! goes back only when the shard is dropped or shrunk.
//!
//! # How a node finds its shard
//!
//! The last put of a node has to find the shard, to lock it. A pointer in every node would be eight
//! bytes in a slot that has 32 for a key and a value of a word each. So the pointer lies in front of
//! a chunk's slots, and chunks are aligned to a power of two `span` that depends on the slot's size:
//!
//! ```text
//! 0                                                  span - RESERVED      span
//! | Chunk | slot | slot | slot | ...                | (the allocator's)  | Chunk | ...
//! ```
//!
//! All slots begin within `span` bytes behind the start of the `Chunk`, the last of these bytes
//! included, and the first not. So the chunk of a node lies at the last multiple of `span` *below*
//! the node's address. "Below" is for slots whose alignment is `span` or more: they are alone in their
//! chunk, and begin `span` bytes behind its start.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::ptr::NonNull;

use super::node::Node;
use super::shard::Shard;
use crate::lock::LockBackend;

/// How many slots the first chunk of a size has.
const FIRST_SLOTS: usize = 4;
/// A chunk has room for so many slots, unless it would be larger than the largest or smaller than the
/// smallest.
const SLOTS: usize = 16;
const SMALLEST: usize = 2 << 10;
const LARGEST: usize = 64 << 10;
/// What is left at the end of a chunk: many allocators have some bytes of their own in front of each
/// block, and so can put one chunk right behind another.
const RESERVED: usize = 16;
/// A multiple of this is the address of a slot whose size is one.
const CACHE_LINE: usize = 64;

/// The slots of a shard. All have one size.
#[repr(C)]
pub(super) struct Slab<B: LockBackend> {
    free: Option<NonNull<Node<B>>>,
    slot: Layout,
    slots: usize,
    chunks: Option<NonNull<Chunk<B>>>,
}

/// What lies in front of the slots of a chunk.
struct Chunk<B: LockBackend> {
    /// Never changes, and is read without the lock.
    shard: NonNull<Shard<B>>,
    locked: Locked<B>,
}

/// What is used under the lock only.
struct Locked<B: LockBackend> {
    next: Option<NonNull<Chunk<B>>>,
    slots: u32,
    /// For [`Slab::shrink`].
    free: u32,
}

/// The shard of a node with a slot for such a payload.
///
/// # Safety
///
/// The caller has a reference to the node, or is its pending owner.
#[inline]
pub(super) unsafe fn shard_of<B: LockBackend>(
    node: NonNull<Node<B>>,
    payload: Layout,
) -> NonNull<Shard<B>> {
    let chunk = Chunk::of(node, span(slot_layout::<B>(payload)));
    // SAFETY: the node keeps its chunk, and this was written before there was a node. Only this field
    // is borrowed, as the others change under the lock.
    unsafe { (*chunk.as_ptr()).shard }
}

/// The slot for a payload.
#[inline]
fn slot_layout<B: LockBackend>(payload: Layout) -> Layout {
    let (exact, _) = Node::<B>::layout(payload);
    let size = exact.size().next_multiple_of(exact.align().max(8));
    Layout::from_size_align(size, exact.align()).expect("a payload in a slot is small")
}

/// What the chunks of such slots are aligned to, and how large they are at most, if they have more than one.
#[inline]
fn span(slot: Layout) -> usize {
    // Clamped first: so many slots may have more bytes than there are addresses.
    let bytes = slot.size().saturating_mul(SLOTS);
    bytes.clamp(SMALLEST, LARGEST).next_power_of_two()
}

impl<B: LockBackend> Slab<B> {
    /// Creates an empty slab of slots for such payloads.
    pub(super) fn new(payload: Layout) -> Self {
        Self {
            free: None,
            slot: slot_layout::<B>(payload),
            slots: 0,
            chunks: None,
        }
    }

    /// Takes a slot: an `Absent` node with a count of zero.
    #[inline]
    pub(super) fn take(&mut self, shard: NonNull<Shard<B>>) -> NonNull<Node<B>> {
        let node = match self.free {
            Some(node) => node,
            None => self.grow(shard),
        };
        // SAFETY: a free slot is a node.
        self.free = unsafe { node.as_ref() }.next();
        node
    }

    /// Gives a slot back.
    ///
    /// # Safety
    ///
    /// It was taken from here, and nothing is in it any more.
    #[inline]
    pub(super) unsafe fn give(&mut self, node: NonNull<Node<B>>) {
        // SAFETY: a slot is a node.
        unsafe { node.as_ref() }.set_next(self.free);
        self.free = Some(node);
    }

    /// Allocates a chunk and returns the first of its free slots.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, shard: NonNull<Shard<B>>) -> NonNull<Node<B>> {
        let room = (span(self.slot) - RESERVED).saturating_sub(self.first_slot());
        let most = (room / self.slot.size()).max(1);
        let slots = (self.slots / 4).max(FIRST_SLOTS).min(most);
        let layout = self.chunk_layout(slots);
        // SAFETY: the size is not zero, as a slot has a header.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else {
            handle_alloc_error(layout)
        };
        // SAFETY: within the memory.
        let chunk = unsafe { memory.add(self.chunk_start()) }.cast::<Chunk<B>>();
        let header = Chunk {
            shard,
            locked: Locked {
                next: self.chunks,
                slots: slots as u32,
                free: 0,
            },
        };
        // SAFETY: within the memory, and aligned.
        unsafe { chunk.write(header) };
        self.chunks = Some(chunk);
        self.slots += slots;
        // Backwards, so that the slots are taken in the order of their addresses.
        for index in (0..slots).rev() {
            let node = self.slot_at(chunk, index);
            debug_assert_eq!(self.chunk_of(node), chunk);
            let header = Node::new();
            header.set_next(self.free);
            // SAFETY: within the chunk, which is ours, and aligned.
            unsafe { node.write(header) };
            self.free = Some(node);
        }
        self.slot_at(chunk, 0)
    }

    /// Where a chunk's first slot is: behind its header, aligned as its size allows, so that few slots lie
    /// in more cache lines than they must.
    fn first_slot(&self) -> usize {
        let size = 1 << self.slot.size().trailing_zeros();
        let align = self.slot.align().max(size.min(CACHE_LINE));
        size_of::<Chunk<B>>().next_multiple_of(align)
    }

    /// Where in its memory a chunk's header is: see the head of the file.
    fn chunk_start(&self) -> usize {
        (self.first_slot() - 1) & !(span(self.slot) - 1)
    }

    fn slot_at(&self, chunk: NonNull<Chunk<B>>, index: usize) -> NonNull<Node<B>> {
        let offset = self.first_slot() - self.chunk_start() + index * self.slot.size();
        // SAFETY: the index is below the number of the chunk's slots.
        unsafe { chunk.byte_add(offset) }.cast()
    }

    fn chunk_of(&self, node: NonNull<Node<B>>) -> NonNull<Chunk<B>> {
        Chunk::of(node, span(self.slot))
    }

    fn chunk_layout(&self, slots: usize) -> Layout {
        let size = self.first_slot() + slots * self.slot.size();
        Layout::from_size_align(size, self.slot.align().max(span(self.slot)))
            .expect("a chunk is small, or one slot")
    }

    /// Gives chunks without a taken slot back to the allocator.
    ///
    /// # Safety
    ///
    /// No lookup without the lock is under way.
    pub(super) unsafe fn shrink(&mut self) {
        // SAFETY: the chunks are ours, and the lock is held. (A last put that waits for it may just be
        // reading `shard`.)
        let header = |chunk: NonNull<Chunk<B>>| unsafe { &mut (*chunk.as_ptr()).locked };
        let is_free = |chunk| {
            let Locked { slots, free, .. } = header(chunk);
            slots == free
        };
        for node in free_list(self.free) {
            header(self.chunk_of(node)).free += 1;
        }
        // Link the free slots of the chunks that stay, and then free the others.
        let mut free = self.free.take();
        while let Some(node) = free {
            // SAFETY: a slot is a node.
            let slot = unsafe { node.as_ref() };
            free = slot.next();
            if !is_free(self.chunk_of(node)) {
                slot.set_next(self.free);
                self.free = Some(node);
            }
        }
        let mut chunks = self.chunks.take();
        while let Some(chunk) = chunks {
            chunks = header(chunk).next;
            if is_free(chunk) {
                self.slots -= header(chunk).slots as usize;
                self.release(chunk);
            } else {
                header(chunk).free = 0;
                header(chunk).next = self.chunks;
                self.chunks = Some(chunk);
            }
        }
    }

    /// Gives a chunk back to the allocator; all its slots are free.
    fn release(&self, chunk: NonNull<Chunk<B>>) {
        // SAFETY: the chunk is ours.
        let slots = unsafe { chunk.as_ref() }.locked.slots as usize;
        for index in 0..slots {
            // SAFETY: each slot is a node, dropped once, and nobody looks at it any more.
            unsafe { self.slot_at(chunk, index).drop_in_place() };
        }
        // SAFETY: that is where the memory begins, see `grow`.
        let memory = unsafe { chunk.byte_sub(self.chunk_start()) };
        // SAFETY: allocated in `grow` with the same layout.
        unsafe { dealloc(memory.as_ptr().cast(), self.chunk_layout(slots)) };
    }
}

impl<B: LockBackend> Chunk<B> {
    /// The chunk of a node; see the head of the file.
    #[inline]
    fn of(node: NonNull<Node<B>>, span: usize) -> NonNull<Self> {
        let chunk = node.as_ptr().map_addr(|node| (node - 1) & !(span - 1));
        // SAFETY: the address of a slot is above that of its chunk, which is not null.
        unsafe { NonNull::new_unchecked(chunk.cast()) }
    }
}

fn free_list<B: LockBackend>(
    first: Option<NonNull<Node<B>>>,
) -> impl Iterator<Item = NonNull<Node<B>>> {
    // SAFETY: a slot is a node.
    core::iter::successors(first, |node| unsafe { node.as_ref() }.next())
}

impl<B: LockBackend> Drop for Slab<B> {
    fn drop(&mut self) {
        while let Some(chunk) = self.chunks {
            // SAFETY: the chunk is ours.
            self.chunks = unsafe { chunk.as_ref() }.locked.next;
            self.release(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::atomic::Native;

    /// Every slot of every size and alignment finds the header of its chunk, and lies within the memory.
    #[test]
    fn chunks_of_slots() {
        let payloads = [
            (0, 1),
            (1, 1),
            (16, 8),
            (40, 8),
            (100, 64),
            (128, 8),
            (9000, 16),
        ];
        let aligned = [1024, 2048, 4096, 1 << 17].map(|align| (align, align));
        for (size, align) in payloads.into_iter().chain(aligned) {
            let payload = Layout::from_size_align(size, align).unwrap();
            let mut slab = Slab::<Native>::new(payload);
            let shard = NonNull::dangling();
            let taken: Vec<_> = (0..100).map(|_| slab.take(shard)).collect();
            for &node in &taken {
                // SAFETY: taken, and not given back.
                assert_eq!(unsafe { shard_of(node, payload) }, shard);
                assert!(node.cast::<u8>().addr().get() % slab.slot.align() == 0);
                let place = Node::payload(node, payload);
                assert_eq!(place.addr().get() % align, 0);
                // SAFETY: the slot has room for it.
                unsafe { place.write_bytes(0xFF, size) };
            }
            for &node in &taken[..50] {
                // SAFETY: taken above.
                unsafe { slab.give(node) };
            }
            // SAFETY: nobody looks.
            unsafe { slab.shrink() };
            for &node in &taken[50..] {
                // SAFETY: taken, and not given back.
                assert_eq!(unsafe { shard_of(node, payload) }, shard);
                // SAFETY: taken above.
                unsafe { slab.give(node) };
            }
            // SAFETY: nobody looks.
            unsafe { slab.shrink() };
            assert_eq!(slab.slots, 0);
            assert!(slab.chunks.is_none() && slab.free.is_none());
        }
    }

    /// With 32 bits, a value of 128 MiB.
    #[test]
    fn the_largest_slots_have_a_span() {
        let largest = Layout::from_size_align(isize::MAX as usize & !7, 8).unwrap();
        assert_eq!(span(largest), LARGEST);
        assert_eq!(span(Layout::new::<u64>()), SMALLEST);
    }
}
