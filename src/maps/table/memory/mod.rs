//! Where slots come from: blocks and pages of them, for a whole table.
//!
//! Shards take slots, and give them back, some at a time ([`Batch`]); what they have at hand is theirs. So one of their
//! critical sections neither takes this lock nor calls an allocator.
//!
//! | file | idea |
//! |---|---|
//! | `slots.rs` | what slots are like, and how a node finds its table |
//! | `batch.rs` | free slots on their way |
//! | `blocks.rs` | the first slots of a table, in small blocks |
//! | `pages.rs` | slots in pages, which go back to the system |
//! | this file | the lock, and what is done without it |
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

mod batch;
mod blocks;
mod pages;
mod slots;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ptr::NonNull;

pub(super) use self::batch::Batch;
use self::blocks::{Block, Blocks};
use self::pages::{Page, PageList, Pages, Region};
pub(super) use self::slots::home_of;
use self::slots::{Slots, is_in_block};
use super::locked::Locked;
use super::map::Map;
use super::node::Node;
use crate::lock::LockBackend;

/// The slots of a table.
pub(super) struct Memory<B: LockBackend> {
    slots: Slots,
    free: Locked<Free<B>, B>,
}

/// Where free slots are.
struct Free<B: LockBackend> {
    blocks: Blocks<B>,
    /// Made with the first page, as small tables have none.
    pages: Option<Box<Pages<B>>>,
}

/// What is to be allocated, with no lock held.
enum Need {
    Block(usize),
    /// So many, and whether they are the first.
    Pages(usize, bool),
}

enum New<B: LockBackend> {
    Block(Block, Batch<B>),
    Pages(Box<Region<B>>, Option<Box<Pages<B>>>),
}

// SAFETY: the blocks and pages are used under the lock only; the memory of the nodes is shared as `node.rs` says.
unsafe impl<B: LockBackend> Send for Free<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Send for Memory<B> {}
// SAFETY: as above.
unsafe impl<B: LockBackend> Sync for Memory<B> {}

impl<B: LockBackend> Memory<B> {
    /// Creates the memory of slots for such payloads. Allocates nothing.
    pub(super) fn new(payload: Layout) -> Self {
        Self {
            slots: Slots::new::<B>(payload),
            free: Locked::new(Free {
                blocks: Blocks::new(),
                pages: None,
            }),
        }
    }

    /// Takes some slots, at least one and at most `most`: `Absent` nodes with counts of zero, whose home is `home`. No lock
    /// is held.
    #[cold]
    pub(super) fn take(&self, home: NonNull<()>, most: usize) -> Batch<B> {
        loop {
            let need = match self.free.with(|free| free.take(self.slots, home, most)) {
                Ok(batch) => return batch,
                Err(need) => need,
            };
            let new = New::allocate(need, self.slots, home);
            let spare = self.free.with(|free| free.add(new));
            drop(spare);
        }
    }

    /// Gives slots back, and pages, if many have no taken slot; returns whether they are so many. No lock is held.
    ///
    /// # Safety
    ///
    /// They were taken from here, and nothing is in them any more.
    #[cold]
    pub(super) unsafe fn give(&self, batch: Batch<B>) -> bool {
        let idle = self.free.with(|free| {
            free.give(self.slots, batch);
            free.pages.as_mut()?.idle_if_many(self.slots)
        });
        let are_many = idle.is_some();
        if let Some(idle) = idle {
            self.give_back(idle);
        }
        are_many
    }

    /// Gives all pages without a taken slot back to the system.
    pub(super) fn trim(&self) {
        let idle = |free: &mut Free<B>| Some(free.pages.as_mut()?.idle(self.slots, 0));
        if let Some(idle) = self.free.with(idle) {
            self.give_back(idle);
        }
    }

    /// How many pages hold memory: with a taken slot, or kept.
    #[cfg(test)]
    pub(super) fn pages_in_use(&self) -> usize {
        let in_use = |free: &mut Free<B>| free.pages.as_ref().map_or(0, |pages| pages.in_use());
        self.free.with(in_use)
    }

    /// Calls `f` with the pages, of which there are some.
    fn with_pages(&self, f: impl FnOnce(&mut Pages<B>)) {
        self.free.with(|free| f(free.pages()));
    }

    fn give_back(&self, mut idle: PageList<B>) {
        if idle.len == 0 {
            return;
        }
        // In the order of their addresses, so that neighbours go back in one call.
        let mut sorted = Vec::new();
        if sorted.try_reserve_exact(idle.len).is_err() {
            return self.with_pages(|pages| pages.keep(self.slots, idle));
        }
        while let Some(page) = idle.pop() {
            sorted.push(page);
        }
        // SAFETY: these pages are this thread's: they are in no list, and none of their slots is taken.
        let start = |page: &NonNull<Page<B>>| unsafe { page.as_ref() }.start;
        sorted.sort_unstable_by_key(start);
        let (mut went, mut stay) = (idle.take(), idle);
        let span = self.slots.span();
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
        self.with_pages(|pages| pages.take_back(self.slots, went, stay));
    }
}

impl<B: LockBackend> Drop for Memory<B> {
    fn drop(&mut self) {
        let free = self.free.get_mut();
        if let Some(pages) = &mut free.pages {
            // SAFETY: nobody looks at them any more.
            unsafe { pages.free(self.slots) };
        }
        // SAFETY: as above.
        unsafe { free.blocks.free(self.slots) };
    }
}

impl<B: LockBackend> New<B> {
    /// Allocates what is needed. No lock is held, as it may take long, and may be the end of the process.
    fn allocate(need: Need, slots: Slots, home: NonNull<()>) -> Self {
        match need {
            Need::Block(count) => {
                let (block, batch) = Block::allocate(count, slots, home);
                Self::Block(block, batch)
            }
            Need::Pages(count, are_first) => {
                let pages = are_first.then(|| Box::new(Pages::new()));
                Self::Pages(Region::allocate(count, slots), pages)
            }
        }
    }
}

impl<B: LockBackend> Free<B> {
    fn take(&mut self, slots: Slots, home: NonNull<()>, most: usize) -> Result<Batch<B>, Need> {
        let mut batch = Batch::new();
        while batch.len() < most {
            let in_page = |pages: &mut Box<Pages<B>>| pages.take(slots, home);
            let node = self.blocks.free.pop();
            if let Some(node) = node.or_else(|| self.pages.as_mut().and_then(in_page)) {
                batch.push(node);
            } else if batch.len() > 0 {
                break;
            } else if !self
                .pages
                .as_mut()
                .is_some_and(|pages| pages.list_fresh(slots))
            {
                return Err(self.need(slots));
            }
        }
        Ok(batch)
    }

    /// What there has to be, as no slot is free.
    fn need(&self, slots: Slots) -> Need {
        if let Some(count) = self.blocks.wants(slots) {
            return Need::Block(count);
        }
        match &self.pages {
            Some(pages) => Need::Pages(pages.wants(), false),
            None => Need::Pages(1, true),
        }
    }

    /// Adds what was allocated. Returns what was not needed, as another thread was faster.
    fn add(&mut self, new: New<B>) -> Option<Box<Pages<B>>> {
        match new {
            New::Block(block, batch) => {
                self.blocks.add(block, batch);
                None
            }
            New::Pages(region, mut pages) => {
                if self.pages.is_none() {
                    self.pages = pages.take();
                }
                self.pages().add(region);
                pages
            }
        }
    }

    fn pages(&mut self) -> &mut Pages<B> {
        self.pages.as_mut().expect("they were made with the first")
    }

    fn give(&mut self, slots: Slots, mut batch: Batch<B>) {
        while let Some(node) = batch.pop() {
            if is_in_block(node) {
                self.blocks.free.push(node);
            } else {
                self.pages().give(slots, node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::slots::{PAGE, home_of};
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
        taken.chunks(16).for_each(|part| give(&memory, part));
        assert!(memory.pages_in_use() < 100, "it is tried again, by itself");
        memory.trim();
        assert!(memory.pages_in_use() <= 1, "it is tried again");
    }
}
