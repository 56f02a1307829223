//! Where nodes come from: chunks of slots, by size.
//!
//! All of it is under the shard's lock. Memory is taken from the allocator a chunk at a time, a
//! quarter as much again as there is, and goes back only when the shard is dropped or shrunk.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::node::Node;
use super::shard::Shard;
use crate::lock::LockBackend;

/// How many slots the first chunk of a size has.
const FIRST_SLOTS: usize = 4;
/// No chunk is larger than this, unless one slot is.
const MAX_CHUNK_BYTES: usize = 64 << 10;

/// The slots of a shard, by size. A map of values of one type has one size.
pub(super) struct Slab<B: LockBackend> {
    classes: Vec<Class<B>>,
}

/// The slots of one size.
struct Class<B: LockBackend> {
    slot: Layout,
    slots: usize,
    free: Option<NonNull<Node<B>>>,
    chunks: Vec<Chunk>,
}

struct Chunk {
    memory: NonNull<u8>,
    slots: usize,
}

impl<B: LockBackend> Slab<B> {
    pub(super) fn new() -> Self {
        Self {
            classes: Vec::new(),
        }
    }

    /// Takes a slot for a payload of this layout: an `Absent` node with a count of zero.
    #[inline]
    pub(super) fn take(&mut self, payload: Layout, shard: NonNull<Shard<B>>) -> NonNull<Node<B>> {
        let class = self.class(payload);
        let node = match class.free {
            Some(node) => node,
            None => class.grow(shard),
        };
        // SAFETY: a free slot is a node.
        class.free = unsafe { node.as_ref() }.next();
        node
    }

    /// Gives a slot back.
    ///
    /// # Safety
    ///
    /// It was taken from here, for a payload of this layout, and nothing is in it any more.
    pub(super) unsafe fn give(&mut self, node: NonNull<Node<B>>, payload: Layout) {
        let class = self.class(payload);
        // SAFETY: a slot is a node.
        unsafe { node.as_ref() }.set_next(class.free);
        class.free = Some(node);
    }

    #[inline]
    fn class(&mut self, payload: Layout) -> &mut Class<B> {
        let slot = slot_layout::<B>(payload);
        let index = match self.classes.iter().position(|class| class.slot == slot) {
            Some(index) => index,
            None => {
                self.classes.push(Class {
                    slot,
                    slots: 0,
                    free: None,
                    chunks: Vec::new(),
                });
                self.classes.len() - 1
            }
        };
        &mut self.classes[index]
    }

    /// Gives chunks without a taken slot back to the allocator.
    ///
    /// # Safety
    ///
    /// No lookup without the lock is under way.
    pub(super) unsafe fn shrink(&mut self) {
        for class in &mut self.classes {
            // SAFETY: as the caller promises.
            unsafe { class.shrink() };
        }
        self.classes.retain(|class| class.slots != 0);
        self.classes.shrink_to_fit();
    }
}

/// The slot for a payload. Payloads of many sizes (strings) are rounded up, so that there are few
/// sizes of slots: to 16 bytes while they are small, to a quarter of a power of two beyond.
#[inline]
fn slot_layout<B: LockBackend>(payload: Layout) -> Layout {
    let (exact, _) = Node::<B>::layout(payload);
    let size = exact.size();
    let step = (size / 4).next_power_of_two().max(exact.align()).max(8);
    let step = if size <= 128 {
        exact.align().max(8)
    } else {
        step
    };
    Layout::from_size_align(size.next_multiple_of(step), exact.align())
        .expect("a payload that exists has a size far below isize::MAX")
}

impl<B: LockBackend> Class<B> {
    /// Allocates a chunk and returns the first of its free slots.
    #[cold]
    fn grow(&mut self, shard: NonNull<Shard<B>>) -> NonNull<Node<B>> {
        let most = (MAX_CHUNK_BYTES / self.slot.size()).max(1);
        let slots = (self.slots / 4).max(FIRST_SLOTS).min(most);
        let layout = self.chunk_layout(slots);
        // SAFETY: the size is not zero, as a slot has a header.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else {
            handle_alloc_error(layout)
        };
        self.chunks.push(Chunk { memory, slots });
        self.slots += slots;
        // Backwards, so that the slots are taken in the order of their addresses.
        for index in (0..slots).rev() {
            let node = self.slot_at(memory, index);
            let header = Node::new(shard);
            header.set_next(self.free);
            // SAFETY: within the chunk, which is ours, and aligned.
            unsafe { node.write(header) };
            self.free = Some(node);
        }
        self.slot_at(memory, 0)
    }

    fn slot_at(&self, memory: NonNull<u8>, index: usize) -> NonNull<Node<B>> {
        // SAFETY: the index is below the number of the chunk's slots.
        unsafe { memory.add(index * self.slot.size()) }.cast()
    }

    fn chunk_layout(&self, slots: usize) -> Layout {
        Layout::from_size_align(self.slot.size() * slots, self.slot.align())
            .expect("a chunk is small, or one slot")
    }

    /// # Safety
    ///
    /// As [`Slab::shrink`].
    unsafe fn shrink(&mut self) {
        self.chunks.sort_unstable_by_key(|chunk| chunk.memory);
        let mut free_in = alloc::vec![0; self.chunks.len()];
        for node in self.free_slots() {
            free_in[self.chunk_of(node)] += 1;
        }
        let goes = |chunk: usize| free_in[chunk] == self.chunks[chunk].slots;
        // Link the free slots of the chunks that stay, and then free the others.
        let stay: Vec<_> = self
            .free_slots()
            .filter(|&node| !goes(self.chunk_of(node)))
            .collect();
        let gone: Vec<_> = (0..self.chunks.len()).map(goes).collect();
        self.free = None;
        for node in stay.into_iter().rev() {
            // SAFETY: a slot is a node.
            unsafe { node.as_ref() }.set_next(self.free);
            self.free = Some(node);
        }
        let chunks = core::mem::take(&mut self.chunks);
        for (chunk, gone) in chunks.into_iter().zip(gone) {
            if gone {
                self.slots -= chunk.slots;
                self.release(chunk);
            } else {
                self.chunks.push(chunk);
            }
        }
        self.chunks.shrink_to_fit();
    }

    fn free_slots(&self) -> impl Iterator<Item = NonNull<Node<B>>> {
        // SAFETY: a slot is a node.
        core::iter::successors(self.free, |node| unsafe { node.as_ref() }.next())
    }

    /// The index of the chunk that a slot lies in. The chunks are sorted.
    fn chunk_of(&self, node: NonNull<Node<B>>) -> usize {
        self.chunks
            .partition_point(|chunk| chunk.memory <= node.cast())
            - 1
    }

    /// Gives a chunk back to the allocator; all its slots are free.
    fn release(&self, chunk: Chunk) {
        for index in 0..chunk.slots {
            // SAFETY: each slot is a node, dropped once, and nobody looks at it any more.
            unsafe { self.slot_at(chunk.memory, index).drop_in_place() };
        }
        // SAFETY: allocated in `grow` with the same layout.
        unsafe { dealloc(chunk.memory.as_ptr(), self.chunk_layout(chunk.slots)) };
    }
}

impl<B: LockBackend> Drop for Class<B> {
    fn drop(&mut self) {
        for chunk in core::mem::take(&mut self.chunks) {
            self.release(chunk);
        }
    }
}
