//! What slots are like, and how a node finds its table.
//!
//! The last put of a node has to find the table. A pointer in every node would be eight bytes in a slot that has 32 for
//! a key and a value of a word each.
//!
//! ```text
//! a page of `span` bytes, aligned to as many:          | Header | slot | slot | slot | ...
//! a block of a small table, from the allocator:        | Header | home | slot | home | slot | ...
//! ```
//!
//! In a page the address is in the header, which lies at the last multiple of `span` below the node. The first slots of a
//! table lie in small blocks, each slot behind a copy of the address, so that a table of a few nodes is small. Which of the two
//! it is tells the node's address: in a page it is a multiple of 16, in a block 8 more than one.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::blocks;
use super::pages::Header;
use crate::lock::LockBackend;
use crate::maps::table::node::Node;

/// Slots of a page begin at multiples of this; those of a block half of it behind one.
pub(super) const UNIT: usize = 16;
/// Where in each part of a block the slot begins.
const IN_BLOCK: usize = UNIT / 2;
/// How large a page is, at least.
pub(super) const PAGE: usize = 4096;

/// What slots are like. In 32 bits, as what does not fit is not in a slot but in an allocation of its own.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    size: u32,
    align: u32,
    /// The size of a page.
    span: u32,
    /// Where in a page the first is.
    first: u32,
    /// How many a page has.
    per_page: u32,
}

/// The home of a node with a slot for such a payload: what was given to [`Memory::take`](super::Memory::take).
///
/// # Safety
///
/// The caller has a reference to the node, or is its pending owner.
#[inline]
pub(in crate::maps::table) unsafe fn home_of<B: LockBackend>(
    node: NonNull<Node<B>>,
    payload: Layout,
) -> NonNull<()> {
    if is_in_block(node) {
        // SAFETY: in front of the slot is the home.
        let home = unsafe { node.cast::<NonNull<()>>().sub(1) };
        // SAFETY: as above; it is written once, before the slot was given out.
        return unsafe { home.read() };
    }
    let header = Slots::new::<B>(payload).header_of(node);
    // SAFETY: the node keeps its page, whose header was written before a slot of it was given out.
    unsafe { (*header.as_ptr()).home }
}

#[inline]
pub(super) fn is_in_block<B: LockBackend>(node: NonNull<Node<B>>) -> bool {
    node.addr().get() % UNIT != 0
}

impl Slots {
    #[inline]
    pub(super) const fn new<B: LockBackend>(payload: Layout) -> Self {
        let (size, align) = Node::<B>::size_and_align(payload);
        let size = size.next_multiple_of(UNIT);
        // Aligned as its size allows, so that few slots lie in more cache lines than they must.
        let fit = 1 << size.trailing_zeros();
        let fit = if fit > 64 { 64 } else { fit };
        let fit = if fit > align { fit } else { align };
        let first = size_of::<Header<B>>().next_multiple_of(fit);
        // Models have few nodes.
        let (least, slots) = if B::NULL_IS_ZERO { (PAGE, 16) } else { (1, 2) };
        let span = (first + slots * size).next_power_of_two();
        let span = if span > least { span } else { least };
        assert!(span <= u32::MAX as usize, "large payloads are not in slots");
        Self {
            size: size as u32,
            align: align as u32,
            span: span as u32,
            first: first as u32,
            per_page: ((span - first) / size) as u32,
        }
    }

    /// Whether slots may begin where they do in a block.
    pub(super) fn fit_in_blocks(self) -> bool {
        self.align as usize <= IN_BLOCK
    }

    #[inline]
    pub(super) fn span(self) -> usize {
        self.span as usize
    }

    pub(super) fn per_page(self) -> usize {
        self.per_page as usize
    }

    #[inline]
    pub(super) fn header_of<B: LockBackend>(self, node: NonNull<Node<B>>) -> NonNull<Header<B>> {
        let header = node.as_ptr().map_addr(|node| node & !(self.span() - 1));
        // SAFETY: a page does not begin at zero.
        unsafe { NonNull::new_unchecked(header.cast()) }
    }

    pub(super) fn in_page<B: LockBackend>(
        self,
        page: NonNull<u8>,
        index: usize,
    ) -> NonNull<Node<B>> {
        debug_assert!(index < self.per_page());
        // SAFETY: the page has so many.
        unsafe { page.add(self.first as usize + index * self.size as usize) }.cast()
    }

    /// How far the slots of a block are from one another.
    fn stride(self) -> usize {
        (IN_BLOCK + self.size as usize).next_multiple_of(UNIT)
    }

    /// The layout of a block with so many slots.
    pub(super) fn block(self, slots: usize) -> Layout {
        let size = blocks::HEADER + slots * self.stride();
        Layout::from_size_align(size, UNIT).expect("a block is small")
    }

    pub(super) fn in_block<B: LockBackend>(
        self,
        block: NonNull<u8>,
        index: usize,
    ) -> NonNull<Node<B>> {
        // SAFETY: the block has so many.
        unsafe { block.add(blocks::HEADER + index * self.stride() + IN_BLOCK) }.cast()
    }

    /// Makes all nodes of a page dead ones that lead nowhere, as the system does with a page that it takes back.
    pub(super) fn zero<B: LockBackend>(self, page: NonNull<Node<B>>) {
        for index in 0..self.per_page() {
            // SAFETY: a slot is a node.
            unsafe { self.in_page::<B>(page.cast(), index).as_ref() }.zero();
        }
    }

    pub(super) fn make_nodes<B: LockBackend>(self, page: NonNull<u8>) {
        if !B::NULL_IS_ZERO {
            for index in 0..self.per_page() {
                // SAFETY: within the page, which is new, and aligned.
                unsafe { self.in_page::<B>(page, index).write(Node::new()) };
            }
        }
    }

    /// # Safety
    ///
    /// They were made, and nobody uses them any more.
    pub(super) unsafe fn drop_nodes<B: LockBackend>(self, page: NonNull<u8>) {
        if !B::NULL_IS_ZERO {
            for index in 0..self.per_page() {
                // SAFETY: as the caller promises.
                unsafe { self.in_page::<B>(page, index).drop_in_place() };
            }
        }
    }
}
