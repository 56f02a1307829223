//! Where slots come from: blocks and pages of them, for a whole table.
//!
//! Shards take slots, and give them back, some at a time ([`Batch`]); what they have at hand is theirs. So one of their
//! critical sections neither takes this lock nor calls an allocator.
//!
//! # How a node finds its table
//!
//! The last put of a node has to find the table. A pointer in every node would be eight bytes in a slot that has 32 for
//! a key and a value of a word each.
//!
//! ```text
//! a page of `span` bytes, aligned to as many:          | Header | slot | slot | slot | ...
//! a block of a small table, from the allocator:        | home | slot | home | slot | ...
//! ```
//!
//! In a page the address is in the header, which lies at the last multiple of `span` below the node. The first slots of a
//! table lie in small blocks, each slot behind a copy of the address, so that a table of a few nodes is small. Which of the two
//! it is tells the node's address: in a page it is a multiple of 16, in a block 8 more than one.
//!
//! # How memory goes back
//!
//! Nodes may be read by lookups without a lock as long as the table lives, so their memory stays readable as nodes. But
//! a node of which all bytes are zero is a dead one that leads nowhere, and for the operating system, so is a page that it
//! takes back by advice: it keeps the addresses, and gives them a page of zeros when they are next used. So pages
//! without a taken slot go back while lookups run, at no cost to them. (`MADV_DONTNEED` of a private anonymous mapping, on Linux, where
//! a page of the system is no larger than ours. Elsewhere, and for small blocks, memory is kept for later objects and
//! goes back with the table.) The advice may be refused (memory that the user has locked, also a page alone). The system goes
//! page by page, and those before the one that it refuses are zeros by then. So each page is tried alone then, and one that stays
//! is made zeros here, as its list of free slots may be lost.
//!
//! A page that was given back is used again before new ones are mapped, so the addresses of a table are those of its peak.
//!
//! # Who owns what
//!
//! The table owns the pages. A slot is free, and in a list here; or with a shard; or a node. All that is here is under
//! one lock, but for the header of a page, which is written before a slot of the page is given out, and read by a thread that has a node
//! in it.
//!
//! # Orderings
//!
//! Of a page that goes back, the words of the nodes become zero in no order: as Relaxed stores. A lookup that reads some of
//! them finds a count that is zero, as before, and a chain that ends, which it does not believe.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

use super::locked::Locked;
use super::map::Map;
use super::node::Node;
use crate::lock::LockBackend;

/// Slots of a page begin at multiples of this; those of a block half of it behind one.
const UNIT: usize = 16;
/// Where in each part of a block the slot begins.
const IN_BLOCK: usize = UNIT / 2;
/// How many slots the first block has, and how many all blocks together, at most.
const FIRST_BLOCK: usize = 2;
const IN_BLOCKS: usize = 30;
/// How large a page is, at least.
const PAGE: usize = 4096;
/// How many pages are mapped at once, at most.
const MOST_PAGES: usize = 256;
/// How many pages without a taken slot are kept, at least, before any are given back.
const KEPT: usize = 16;

/// The slots of a table.
pub(super) struct Memory<B: LockBackend> {
    slots: Slots,
    pages: Locked<Pages<B>, B>,
}

/// What slots are like.
#[derive(Clone, Copy)]
struct Slots {
    size: usize,
    align: usize,
    /// The size of a page.
    span: usize,
    /// Where in a page the first is.
    first: usize,
    /// How many a page has.
    per_page: usize,
}

/// Free slots on their way from or to a shard, which are linked to one another.
pub(super) struct Batch<B: LockBackend> {
    first: Option<NonNull<Node<B>>>,
    len: usize,
}

struct Pages<B: LockBackend> {
    blocks: Option<Box<Block>>,
    /// The free slots in blocks.
    in_blocks: Batch<B>,
    /// How many slots blocks have.
    block_slots: usize,
    regions: Option<Box<Region<B>>>,
    /// How many pages regions have.
    pages: usize,
    /// Pages with free slots.
    partial: PageList<B>,
    /// How many of these have no taken slot.
    empty: usize,
    /// Pages that were given back, or were never used.
    fresh: PageList<B>,
    refused: bool,
}

/// A small block.
struct Block {
    memory: NonNull<u8>,
    slots: usize,
    next: Option<Box<Block>>,
}

/// Pages that were mapped together.
struct Region<B: LockBackend> {
    _map: Map,
    pages: Vec<Page<B>>,
    next: Option<Box<Region<B>>>,
}

/// What is known of a page.
struct Page<B: LockBackend> {
    start: NonNull<u8>,
    free: Batch<B>,
    /// How many slots at the end were never taken since the page was all zeros.
    untouched: usize,
    next: Option<NonNull<Page<B>>>,
    /// Whether it is in the list of partial pages.
    is_listed: bool,
    can_go_back: bool,
}

struct PageList<B: LockBackend> {
    first: Option<NonNull<Page<B>>>,
    len: usize,
}

/// What lies at the start of a page, once a slot of it was given out.
struct Header<B: LockBackend> {
    home: NonNull<()>,
    page: NonNull<Page<B>>,
}

/// What is to be allocated, with no lock held.
enum Need {
    Block(usize),
    Pages(usize),
}

enum New<B: LockBackend> {
    Block(Box<Block>, Batch<B>),
    Pages(Box<Region<B>>),
}

// SAFETY: the pages are used under the lock only; the memory of the nodes is shared as `node.rs` says.
unsafe impl<B: LockBackend> Send for Pages<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Send for Memory<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Memory<B> {}

/// The home of a node with a slot for such a payload: what was given to [`Memory::take`].
///
/// # Safety
///
/// The caller has a reference to the node, or is its pending owner.
#[inline]
pub(super) unsafe fn home_of<B: LockBackend>(
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
fn is_in_block<B: LockBackend>(node: NonNull<Node<B>>) -> bool {
    node.addr().get() % UNIT != 0
}

impl<B: LockBackend> Memory<B> {
    /// Creates the memory of slots for such payloads. Allocates nothing.
    pub(super) fn new(payload: Layout) -> Self {
        let none = || PageList {
            first: None,
            len: 0,
        };
        Self {
            slots: Slots::new::<B>(payload),
            pages: Locked::new(Pages {
                blocks: None,
                in_blocks: Batch::new(),
                block_slots: 0,
                regions: None,
                pages: 0,
                partial: none(),
                empty: 0,
                fresh: none(),
                refused: false,
            }),
        }
    }

    /// Takes some slots, at least one and at most `most`: `Absent` nodes with counts of zero, whose home is `home`. No lock
    /// is held.
    #[cold]
    pub(super) fn take(&self, home: NonNull<()>, most: usize) -> Batch<B> {
        loop {
            let need = match self.pages.with(|pages| pages.take(self.slots, home, most)) {
                Ok(batch) => return batch,
                Err(need) => need,
            };
            let new = New::allocate(need, self.slots, home);
            self.pages.with(|pages| pages.add(new));
        }
    }

    /// Gives slots back, and pages, if many have no taken slot; returns whether they are so many. No lock is held.
    ///
    /// # Safety
    ///
    /// They were taken from here, and nothing is in them any more.
    #[cold]
    pub(super) unsafe fn give(&self, batch: Batch<B>) -> bool {
        let idle = self.pages.with(|pages| {
            pages.give(self.slots, batch);
            // Each page that is passed by while idle ones are looked for is paid for by a third of one that goes back.
            let worth = pages.empty > KEPT && 4 * pages.empty > pages.partial.len;
            (worth && !pages.refused).then(|| pages.idle(self.slots, KEPT / 2))
        });
        let are_many = idle.is_some();
        if let Some(idle) = idle {
            self.give_back(idle);
        }
        are_many
    }

    /// Gives all pages without a taken slot back to the system.
    pub(super) fn trim(&self) {
        let idle = self.pages.with(|pages| pages.idle(self.slots, 0));
        self.give_back(idle);
    }

    /// How many pages hold memory: with a taken slot, or kept.
    #[cfg(test)]
    pub(super) fn pages_in_use(&self) -> usize {
        self.pages.with(|pages| pages.pages - pages.fresh.len)
    }

    fn give_back(&self, mut idle: PageList<B>) {
        if idle.first.is_none() {
            return;
        }
        // In the order of their addresses, so that neighbours go back in one call.
        let mut sorted = Vec::new();
        if sorted.try_reserve_exact(idle.len).is_err() {
            return self.pages.with(|pages| pages.keep(self.slots, idle));
        }
        while let Some(page) = idle.pop() {
            sorted.push(page);
        }
        // SAFETY: these pages are this thread's: they are in no list, and none of their slots is taken.
        let start = |page: &NonNull<Page<B>>| unsafe { page.as_ref() }.start;
        sorted.sort_unstable_by_key(start);
        let (mut went, mut stay) = (idle.take(), idle);
        let span = self.slots.span;
        let next_to = |a: &_, b: &_| start(a).addr().get() + span == start(b).addr().get();
        // SAFETY: the pages are mapped, and nobody's; lookups may read them, and find zeros.
        let advise = |first, pages| unsafe { Map::advise(first, pages * span) };
        for run in sorted.chunk_by(next_to) {
            let went_together = B::NULL_IS_ZERO && advise(start(&run[0]), run.len());
            for &page in run {
                if went_together {
                    went.push(page);
                    continue;
                }
                // A page of the run was refused: those before it are zeros already, and some others may still go.
                if B::NULL_IS_ZERO && run.len() > 1 && advise(start(&page), 1) {
                    went.push(page);
                    continue;
                }
                // Whatever it holds by now.
                self.slots.zero(start(&page).cast::<Node<B>>());
                let list = if B::NULL_IS_ZERO {
                    &mut stay
                } else {
                    &mut went
                };
                list.push(page);
            }
        }
        self.pages.with(|pages| {
            pages.refused |= stay.first.is_some();
            pages.stay(self.slots, stay);
            pages.start_again(self.slots, went);
        });
    }
}

impl<B: LockBackend> Drop for Memory<B> {
    fn drop(&mut self) {
        let slots = self.slots;
        let pages = self.pages.get_mut();
        let mut regions = pages.regions.take();
        while let Some(mut region) = regions {
            regions = region.next.take();
            for page in &region.pages {
                // SAFETY: nobody looks at them any more.
                unsafe { slots.drop_nodes::<B>(page.start) };
            }
        }
        let mut blocks = pages.blocks.take();
        while let Some(mut block) = blocks {
            blocks = block.next.take();
            for index in 0..block.slots {
                let node = slots.in_block::<B>(block.memory, index);
                // SAFETY: a node, which nobody looks at any more.
                unsafe { node.drop_in_place() };
            }
            // SAFETY: allocated in `New::allocate` with the same layout.
            unsafe { dealloc(block.memory.as_ptr(), slots.block(block.slots)) };
        }
    }
}

impl Slots {
    #[inline]
    const fn new<B: LockBackend>(payload: Layout) -> Self {
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
        Self {
            size,
            align,
            span,
            first,
            per_page: (span - first) / size,
        }
    }

    #[inline]
    fn header_of<B: LockBackend>(self, node: NonNull<Node<B>>) -> NonNull<Header<B>> {
        let header = node.as_ptr().map_addr(|node| node & !(self.span - 1));
        // SAFETY: a page does not begin at zero.
        unsafe { NonNull::new_unchecked(header.cast()) }
    }

    fn in_page<B: LockBackend>(self, page: NonNull<u8>, index: usize) -> NonNull<Node<B>> {
        debug_assert!(index < self.per_page);
        // SAFETY: the page has so many.
        unsafe { page.add(self.first + index * self.size) }.cast()
    }

    /// How far the slots of a block are from one another.
    fn stride(self) -> usize {
        (IN_BLOCK + self.size).next_multiple_of(UNIT)
    }

    fn block(self, slots: usize) -> Layout {
        Layout::from_size_align(slots * self.stride(), UNIT).expect("a block is small")
    }

    fn in_block<B: LockBackend>(self, block: NonNull<u8>, index: usize) -> NonNull<Node<B>> {
        // SAFETY: the block has so many.
        unsafe { block.add(index * self.stride() + IN_BLOCK) }.cast()
    }

    /// Makes all nodes of a page dead ones that lead nowhere, as the system does with a page that it takes back.
    fn zero<B: LockBackend>(self, page: NonNull<Node<B>>) {
        for index in 0..self.per_page {
            // SAFETY: a slot is a node.
            unsafe { self.in_page::<B>(page.cast(), index).as_ref() }.zero();
        }
    }

    fn make_nodes<B: LockBackend>(self, page: NonNull<u8>) {
        if !B::NULL_IS_ZERO {
            for index in 0..self.per_page {
                // SAFETY: within the page, which is new, and aligned.
                unsafe { self.in_page::<B>(page, index).write(Node::new()) };
            }
        }
    }

    /// # Safety
    ///
    /// They were made, and nobody uses them any more.
    unsafe fn drop_nodes<B: LockBackend>(self, page: NonNull<u8>) {
        if !B::NULL_IS_ZERO {
            for index in 0..self.per_page {
                // SAFETY: as the caller promises.
                unsafe { self.in_page::<B>(page, index).drop_in_place() };
            }
        }
    }
}

impl<B: LockBackend> New<B> {
    /// Allocates what is needed. No lock is held, as it may take long, and may be the end of the process.
    fn allocate(need: Need, slots: Slots, home: NonNull<()>) -> Self {
        match need {
            Need::Block(count) => {
                let layout = slots.block(count);
                // SAFETY: the size is not zero.
                let memory = unsafe { alloc(layout) };
                let Some(memory) = NonNull::new(memory) else {
                    handle_alloc_error(layout)
                };
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
                let next = None;
                let block = Block {
                    memory,
                    slots: count,
                    next,
                };
                Self::Block(Box::new(block), batch)
            }
            Need::Pages(count) => {
                let map = Map::new(count, slots.span, B::NULL_IS_ZERO);
                let page = |index| {
                    // SAFETY: the map has so many pages.
                    let start = unsafe { map.start().add(index * slots.span) };
                    slots.make_nodes::<B>(start);
                    Page {
                        start,
                        free: Batch::new(),
                        untouched: slots.per_page,
                        next: None,
                        is_listed: false,
                        can_go_back: map.can_go_back() || !B::NULL_IS_ZERO,
                    }
                };
                let pages = (0..count).map(page).collect();
                Self::Pages(Box::new(Region {
                    _map: map,
                    pages,
                    next: None,
                }))
            }
        }
    }
}

impl<B: LockBackend> Pages<B> {
    fn take(&mut self, slots: Slots, home: NonNull<()>, most: usize) -> Result<Batch<B>, Need> {
        let mut batch = Batch::new();
        while batch.len < most {
            if let Some(node) = self.in_blocks.pop() {
                batch.push(node);
                continue;
            }
            let Some(page) = self.partial.first else {
                if batch.len > 0 {
                    break;
                }
                self.list_fresh(slots)?;
                continue;
            };
            // SAFETY: a page in a list, and the lock is held.
            let this = unsafe { &mut *page.as_ptr() };
            if this.is_empty(slots) {
                self.empty -= 1;
                // SAFETY: at the start of a page is room for it, and no slot of the page is in use.
                unsafe { this.start.cast().write(Header { home, page }) };
            }
            batch.push(this.take(slots));
            if this.free.len + this.untouched == 0 {
                this.is_listed = false;
                let _ = self.partial.pop();
            }
        }
        Ok(batch)
    }

    /// Takes a page that is all zeros into use.
    fn list_fresh(&mut self, slots: Slots) -> Result<(), Need> {
        if let Some(page) = self.fresh.pop() {
            self.list(page, slots);
            return Ok(());
        }
        // As above.
        let in_blocks = if B::NULL_IS_ZERO {
            IN_BLOCKS
        } else {
            FIRST_BLOCK
        };
        if slots.align <= IN_BLOCK && self.block_slots < in_blocks {
            return Err(Need::Block(self.block_slots.max(FIRST_BLOCK)));
        }
        Err(Need::Pages(self.pages.clamp(1, MOST_PAGES)))
    }

    fn add(&mut self, new: New<B>) {
        match new {
            New::Block(mut block, mut batch) => {
                self.block_slots += block.slots;
                block.next = self.blocks.take();
                self.blocks = Some(block);
                self.in_blocks.append(&mut batch);
            }
            New::Pages(mut region) => {
                self.pages += region.pages.len();
                // Then there is no use in looking for idle ones.
                self.refused |= region.pages.iter().any(|page| !page.can_go_back);
                region.next = self.regions.take();
                for page in region.pages.iter_mut().rev() {
                    self.fresh.push(NonNull::from(page));
                }
                self.regions = Some(region);
            }
        }
    }

    fn give(&mut self, slots: Slots, mut batch: Batch<B>) {
        while let Some(node) = batch.pop() {
            if is_in_block(node) {
                self.in_blocks.push(node);
                continue;
            }
            // SAFETY: the slot was taken, so its page's header was written.
            let page = unsafe { slots.header_of(node).as_ref() }.page;
            // SAFETY: the page is ours, and the lock is held.
            let this = unsafe { &mut *page.as_ptr() };
            this.free.push(node);
            if !this.is_listed {
                self.list(page, slots);
            } else if this.is_empty(slots) {
                self.empty += 1;
            }
        }
    }

    fn list(&mut self, page: NonNull<Page<B>>, slots: Slots) {
        // SAFETY: the page is ours, and the lock is held.
        let this = unsafe { &mut *page.as_ptr() };
        this.is_listed = true;
        self.empty += usize::from(this.is_empty(slots));
        self.partial.push(page);
    }

    /// Takes pages without a taken slot out of the list, all but some.
    fn idle(&mut self, slots: Slots, keep: usize) -> PageList<B> {
        let mut partial = self.partial.take();
        let mut idle = PageList {
            first: None,
            len: 0,
        };
        let mut keep = keep;
        self.empty = 0;
        while let Some(page) = partial.pop() {
            // SAFETY: the page is ours, and the lock is held.
            let this = unsafe { &mut *page.as_ptr() };
            if this.is_empty(slots) && this.can_go_back && keep == 0 {
                this.is_listed = false;
                idle.push(page);
            } else {
                keep -= usize::from(this.is_empty(slots) && keep > 0);
                self.list(page, slots);
            }
        }
        idle
    }

    fn keep(&mut self, slots: Slots, mut pages: PageList<B>) {
        while let Some(page) = pages.pop() {
            self.list(page, slots);
        }
    }

    /// Takes pages back that were not given back, and are zeros.
    fn stay(&mut self, slots: Slots, mut pages: PageList<B>) {
        while let Some(page) = pages.pop() {
            // SAFETY: the page is ours, and the lock is held.
            unsafe { &mut *page.as_ptr() }.start_again(slots);
            self.list(page, slots);
        }
    }

    fn start_again(&mut self, slots: Slots, mut pages: PageList<B>) {
        while let Some(page) = pages.pop() {
            // SAFETY: the page is ours, and the lock is held.
            unsafe { &mut *page.as_ptr() }.start_again(slots);
            self.fresh.push(page);
        }
    }
}

impl<B: LockBackend> Page<B> {
    /// Whether no slot of it is taken.
    fn is_empty(&self, slots: Slots) -> bool {
        self.free.len + self.untouched == slots.per_page
    }

    /// All its slots are zeros.
    fn start_again(&mut self, slots: Slots) {
        // The links of the free slots are gone.
        self.free = Batch::new();
        self.untouched = slots.per_page;
    }

    fn take(&mut self, slots: Slots) -> NonNull<Node<B>> {
        self.free.pop().unwrap_or_else(|| {
            let index = slots.per_page - self.untouched;
            self.untouched -= 1;
            slots.in_page(self.start, index)
        })
    }
}

impl<B: LockBackend> PageList<B> {
    /// Takes all that is in it.
    fn take(&mut self) -> Self {
        core::mem::replace(
            self,
            Self {
                first: None,
                len: 0,
            },
        )
    }

    fn push(&mut self, page: NonNull<Page<B>>) {
        // SAFETY: the page belongs to the owner of the list, and is in no other.
        unsafe { (*page.as_ptr()).next = self.first };
        self.first = Some(page);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<NonNull<Page<B>>> {
        let page = self.first?;
        // SAFETY: as for `push`.
        self.first = unsafe { (*page.as_ptr()).next };
        self.len -= 1;
        Some(page)
    }
}

impl<B: LockBackend> Batch<B> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds a slot that is free.
    #[inline]
    pub(super) fn push(&mut self, node: NonNull<Node<B>>) {
        // SAFETY: a slot is a node.
        unsafe { node.as_ref() }.set_next(self.first);
        self.first = Some(node);
        self.len += 1;
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<NonNull<Node<B>>> {
        let node = self.first?;
        // SAFETY: a slot is a node.
        self.first = unsafe { node.as_ref() }.next();
        self.len -= 1;
        Some(node)
    }

    pub(super) fn append(&mut self, other: &mut Self) {
        while let Some(node) = other.pop() {
            self.push(node);
        }
    }

    /// Takes all but so many out.
    pub(super) fn split_off(&mut self, keep: usize) -> Self {
        let mut rest = Self::new();
        while self.len > keep {
            let node = self.pop().expect("there are as many as its length");
            rest.push(node);
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::atomic::Native;

    fn take(
        memory: &Memory<Native>,
        home: NonNull<()>,
        count: usize,
    ) -> Vec<NonNull<Node<Native>>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let mut batch = memory.take(home, count - taken.len());
            assert!(batch.len() > 0);
            while let Some(node) = batch.pop() {
                taken.push(node);
            }
        }
        taken
    }

    fn give(memory: &Memory<Native>, nodes: &[NonNull<Node<Native>>]) {
        let mut batch = Batch::new();
        nodes.iter().for_each(|&node| batch.push(node));
        // SAFETY: they were taken from it, and nothing is in them.
        unsafe { memory.give(batch) };
    }

    /// Every slot of every size and alignment finds its home, and is written by nobody else.
    #[test]
    fn slots_of_every_size_know_their_home() {
        let mark = 0_u64;
        let home = NonNull::from(&mark).cast();
        for (size, align) in [
            (0, 1),
            (1, 1),
            (4, 4),
            (16, 8),
            (24, 8),
            (40, 8),
            (100, 64),
            (128, 16),
            (128, 8),
        ] {
            let payload = Layout::from_size_align(size, align).unwrap();
            let memory = Memory::<Native>::new(payload);
            let taken = take(&memory, home, 1000);
            let places: HashSet<_> = taken.iter().collect();
            assert_eq!(places.len(), taken.len());
            for (index, &node) in taken.iter().enumerate() {
                // SAFETY: taken, and not given back.
                assert_eq!(unsafe { home_of(node, payload) }, home);
                let place = Node::payload(node, payload);
                assert_eq!(place.addr().get() % align, 0);
                // SAFETY: the slot has room for it.
                unsafe { place.write_bytes(index as u8, size) };
            }
            for (index, &node) in taken.iter().enumerate() {
                let place = Node::payload(node, payload);
                // SAFETY: it was written.
                let bytes = unsafe { core::slice::from_raw_parts(place.as_ptr(), size) };
                assert!(bytes.iter().all(|byte| *byte == index as u8));
                // SAFETY: as above.
                assert_eq!(unsafe { home_of(node, payload) }, home);
            }
            give(&memory, &taken);
        }
    }

    /// Pages without a taken slot go back, and read as dead nodes; the others stay as they are.
    #[test]
    fn pages_go_back_and_are_used_again() {
        let payload = Layout::new::<[u64; 2]>();
        let mark = 0_u64;
        let home = NonNull::from(&mark).cast();
        let memory = Memory::<Native>::new(payload);
        let taken = take(&memory, home, 20_000);
        let peak = memory.pages_in_use();
        assert!(peak > 100);
        let (kept, rest) = taken.split_at(10);
        for &node in kept {
            // SAFETY: the slot has room for it.
            unsafe { Node::payload(node, payload).write_bytes(7, 16) };
        }
        for part in rest.chunks(16) {
            give(&memory, part);
        }
        let goes_back = cfg!(all(target_os = "linux", not(miri)));
        if goes_back {
            assert!(memory.pages_in_use() < peak / 2, "by itself");
        }
        memory.trim();
        if goes_back {
            assert!(memory.pages_in_use() <= 2);
        }
        for &node in rest {
            // SAFETY: a slot stays a node.
            let node = unsafe { node.as_ref() };
            assert_eq!(node.refs.count_hint(), 0);
        }
        for &node in kept {
            // SAFETY: it was written, and is not given back.
            let bytes =
                unsafe { core::slice::from_raw_parts(Node::payload(node, payload).as_ptr(), 16) };
            assert_eq!(bytes, [7; 16]);
            // SAFETY: as above.
            assert_eq!(unsafe { home_of(node, payload) }, home);
        }
        let again = take(&memory, home, 19_990);
        assert!(memory.pages_in_use() <= peak, "the same pages");
        let all: HashSet<_> = again.iter().chain(kept).collect();
        assert_eq!(all.len(), 20_000);
        give(&memory, &again);
        give(&memory, kept);
    }

    /// The system refuses to take a locked page, and has taken those before it then.
    #[test]
    #[cfg(all(target_os = "linux", not(miri)))]
    fn a_page_that_is_locked_stays_and_its_neighbours_are_as_good() {
        let payload = Layout::new::<[u64; 2]>();
        let mark = 0_u64;
        let home = NonNull::from(&mark).cast();
        let memory = Memory::<Native>::new(payload);
        let mut taken = take(&memory, home, 20_000);
        let page = memory.slots.header_of(taken[15_000]).as_ptr().cast();
        // SAFETY: the page is mapped.
        assert_eq!(unsafe { libc::mlock(page, PAGE) }, 0);
        for _ in 0..2 {
            taken.chunks(16).for_each(|part| give(&memory, part));
            memory.trim();
            assert!(memory.pages_in_use() <= 2, "all but the locked one went");
            taken = take(&memory, home, 20_000);
            assert_eq!(taken.iter().collect::<HashSet<_>>().len(), taken.len());
            for &node in &taken {
                // SAFETY: taken, and not given back.
                assert!(unsafe { home_of(node, payload) } == home);
            }
        }
        // SAFETY: the page is mapped.
        assert_eq!(unsafe { libc::munlock(page, PAGE) }, 0);
        give(&memory, &taken);
        memory.trim();
        assert!(memory.pages_in_use() <= 1, "it is tried again");
    }
}
