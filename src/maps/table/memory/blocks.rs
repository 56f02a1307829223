//! The first slots of a table, in small blocks from the allocator.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::ptr::NonNull;

use super::batch::Batch;
use super::slots::{Slots, UNIT};
use crate::lock::LockBackend;
use crate::maps::table::node::Node;

/// How many bytes of a block lie in front of its slots.
pub(super) const HEADER: usize = size_of::<Header>().next_multiple_of(UNIT);
/// How many slots all blocks together have, at most. (Models have few nodes.)
const MOST: usize = 30;
const MOST_IN_MODELS: usize = 2;

/// The blocks of a table, and the free slots in them.
pub(super) struct Blocks<B: LockBackend> {
    last: Option<Block>,
    pub(super) free: Batch<B>,
    /// How many slots blocks have.
    slots: usize,
}

/// A small block. A copy of it owns nothing.
///
/// # Invariants
///
/// It begins with its `Header`.
#[derive(Clone, Copy)]
pub(super) struct Block(NonNull<Header>);

/// What lies at the start of a block.
struct Header {
    slots: usize,
    before: Option<Block>,
}

impl Block {
    /// Allocates a block of so many slots, and makes nodes of them, whose home is `home`. Returns them, too.
    pub(super) fn allocate<B: LockBackend>(
        count: usize,
        slots: Slots,
        home: NonNull<()>,
    ) -> (Self, Batch<B>) {
        let layout = slots.block(count);
        // SAFETY: the size is not zero.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else {
            handle_alloc_error(layout)
        };
        let header = Header {
            slots: count,
            before: None,
        };
        // SAFETY: at the start of the block is room for it, aligned.
        unsafe { memory.cast().write(header) };
        let mut batch = Batch::new();
        // Backwards, so that the slots are taken in the order of their addresses.
        for index in (0..count).rev() {
            let node = slots.in_block::<B>(memory, index);
            // SAFETY: within the block, in front of the slot.
            let in_front = unsafe { node.cast::<NonNull<()>>().sub(1) };
            // SAFETY: as above, and aligned.
            unsafe { in_front.write(home) };
            // SAFETY: as above.
            unsafe { node.write(Node::new()) };
            batch.push(node);
        }
        (Self(memory.cast()), batch)
    }
}

impl<B: LockBackend> Blocks<B> {
    pub(super) const fn new() -> Self {
        Self {
            last: None,
            free: Batch::new(),
            slots: 0,
        }
    }

    /// How many slots the next block is to have; none if there are blocks enough.
    pub(super) fn wants(&self, slots: Slots) -> Option<usize> {
        let most = if B::NULL_IS_ZERO {
            MOST
        } else {
            MOST_IN_MODELS
        };
        let is_wanted = slots.fit_in_blocks() && self.slots < most;
        is_wanted.then_some(self.slots.max(1))
    }

    pub(super) fn add(&mut self, block: Block, mut free: Batch<B>) {
        // SAFETY: the block is new, and begins with it.
        let header = unsafe { &mut *block.0.as_ptr() };
        header.before = self.last.replace(block);
        self.slots += header.slots;
        self.free.append(&mut free);
    }

    /// Frees all blocks.
    ///
    /// # Safety
    ///
    /// Nobody uses a node of theirs any more.
    pub(super) unsafe fn free(&mut self, slots: Slots) {
        let mut next = self.last.take();
        while let Some(block) = next {
            // SAFETY: it begins with it.
            let header = unsafe { block.0.read() };
            next = header.before;
            let memory = block.0.cast::<u8>();
            for index in 0..header.slots {
                let node = slots.in_block::<B>(memory, index);
                // SAFETY: a node, which nobody looks at any more.
                unsafe { node.drop_in_place() };
            }
            // SAFETY: allocated with the same layout.
            unsafe { dealloc(memory.as_ptr(), slots.block(header.slots)) };
        }
    }
}
