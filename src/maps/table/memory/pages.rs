//! Slots in pages, which go back to the system.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::ptr::NonNull;

use super::batch::Batch;
use super::slots::Slots;
use crate::lock::LockBackend;
use crate::maps::table::map::Map;
use crate::maps::table::node::Node;

/// How many pages are mapped at once, at most.
const MOST_AT_ONCE: usize = 256;
/// How many pages without a taken slot are kept, at least, before any are given back.
const KEPT: usize = 16;

/// The pages of a table, made with the first of them.
pub(super) struct Pages<B: LockBackend> {
    regions: Option<Box<Region<B>>>,
    /// How many pages regions have.
    pages: usize,
    /// Pages with free slots.
    partial: PageList<B>,
    /// How many of these have no taken slot.
    empty: usize,
    /// Pages that were given back, or were never used.
    fresh: PageList<B>,
    /// With more pages than this that have no taken slot, some are given back. More when the system has refused to take
    /// one, so that it is asked again, but seldom.
    worth: usize,
    /// Whether there are pages that the system is never asked to take.
    stay: bool,
}

/// Pages that were mapped together.
pub(super) struct Region<B: LockBackend> {
    _map: Map,
    pages: Vec<Page<B>>,
    next: Option<Box<Region<B>>>,
}

/// What is known of a page.
pub(super) struct Page<B: LockBackend> {
    pub(super) start: NonNull<u8>,
    free: Batch<B>,
    /// How many slots at the end were never taken since the page was all zeros.
    untouched: usize,
    next: Option<NonNull<Page<B>>>,
    /// Whether it is in the list of partial pages.
    is_listed: bool,
    can_go_back: bool,
}

pub(super) struct PageList<B: LockBackend> {
    first: Option<NonNull<Page<B>>>,
    pub(super) len: usize,
}

/// What lies at the start of a page, once a slot of it was given out.
pub(super) struct Header<B: LockBackend> {
    pub(super) home: NonNull<()>,
    page: NonNull<Page<B>>,
}

impl<B: LockBackend> Region<B> {
    /// Maps so many pages.
    pub(super) fn allocate(count: usize, slots: Slots) -> Box<Self> {
        let map = Map::new(count, slots.span(), B::NULL_IS_ZERO);
        let page = |index| {
            // SAFETY: the map has so many pages.
            let start = unsafe { map.start().add(index * slots.span()) };
            slots.make_nodes::<B>(start);
            Page {
                start,
                free: Batch::new(),
                untouched: slots.per_page(),
                next: None,
                is_listed: false,
                can_go_back: map.can_go_back() || !B::NULL_IS_ZERO,
            }
        };
        let pages = (0..count).map(page).collect();
        Box::new(Self {
            _map: map,
            pages,
            next: None,
        })
    }
}

impl<B: LockBackend> Pages<B> {
    pub(super) fn new() -> Self {
        Self {
            regions: None,
            pages: 0,
            partial: PageList::new(),
            empty: 0,
            fresh: PageList::new(),
            worth: KEPT,
            stay: false,
        }
    }

    /// How many pages are to be mapped next.
    pub(super) fn wants(&self) -> usize {
        self.pages.clamp(1, MOST_AT_ONCE)
    }

    /// Takes a slot of a page that has a free one, if there is one.
    pub(super) fn take(&mut self, slots: Slots, home: NonNull<()>) -> Option<NonNull<Node<B>>> {
        let page = self.partial.first?;
        // SAFETY: a page in a list, and the lock is held.
        let this = unsafe { &mut *page.as_ptr() };
        if this.is_empty(slots) {
            self.empty -= 1;
            // SAFETY: at the start of a page is room for it, and no slot of the page is in use.
            unsafe { this.start.cast().write(Header { home, page }) };
        }
        let node = this.take(slots);
        if this.free.len() + this.untouched == 0 {
            this.is_listed = false;
            let _ = self.partial.pop();
        }
        Some(node)
    }

    /// Takes a page that is all zeros into use, if there is one.
    pub(super) fn list_fresh(&mut self, slots: Slots) -> bool {
        let fresh = self.fresh.pop();
        let is_there = fresh.is_some();
        if let Some(page) = fresh {
            self.list(page, slots);
        }
        is_there
    }

    pub(super) fn add(&mut self, mut region: Box<Region<B>>) {
        self.pages += region.pages.len();
        // Then there is no use in looking for idle ones.
        self.stay |= region.pages.iter().any(|page| !page.can_go_back);
        region.next = self.regions.take();
        for page in region.pages.iter_mut().rev() {
            self.fresh.push(NonNull::from(page));
        }
        self.regions = Some(region);
    }

    /// Gives a slot back, which was taken from here.
    pub(super) fn give(&mut self, slots: Slots, node: NonNull<Node<B>>) {
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

    /// Takes pages out of the list to be given back, if those without a taken slot are many.
    pub(super) fn idle_if_many(&mut self, slots: Slots) -> Option<PageList<B>> {
        // Each page that is passed by while idle ones are looked for is paid for by a third of one that goes back.
        let worth = self.empty > self.worth && 4 * self.empty > self.partial.len;
        (worth && !self.stay).then(|| self.idle(slots, KEPT / 2))
    }

    /// Takes pages back: those of `went` were given to the system, those of `stay` it has refused. All are zeros.
    pub(super) fn take_back(&mut self, slots: Slots, went: PageList<B>, stay: PageList<B>) {
        let are_refused = stay.first.is_some();
        self.stay(slots, stay);
        self.start_again(slots, went);
        self.worth = if are_refused {
            2 * self.empty.max(KEPT)
        } else {
            KEPT
        };
    }

    /// How many pages hold memory: with a taken slot, or kept.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.pages - self.fresh.len
    }

    /// Drops the nodes.
    ///
    /// # Safety
    ///
    /// Nobody uses them any more.
    pub(super) unsafe fn free(&mut self, slots: Slots) {
        let mut regions = self.regions.take();
        while let Some(mut region) = regions {
            regions = region.next.take();
            for page in &region.pages {
                // SAFETY: as the caller promises.
                unsafe { slots.drop_nodes::<B>(page.start) };
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
    pub(super) fn idle(&mut self, slots: Slots, keep: usize) -> PageList<B> {
        let mut partial = self.partial.take();
        let mut idle = PageList::new();
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

    pub(super) fn keep(&mut self, slots: Slots, mut pages: PageList<B>) {
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
        self.free.len() + self.untouched == slots.per_page()
    }

    /// All its slots are zeros.
    fn start_again(&mut self, slots: Slots) {
        // The links of the free slots are gone.
        self.free = Batch::new();
        self.untouched = slots.per_page();
    }

    fn take(&mut self, slots: Slots) -> NonNull<Node<B>> {
        self.free.pop().unwrap_or_else(|| {
            let index = slots.per_page() - self.untouched;
            self.untouched -= 1;
            slots.in_page(self.start, index)
        })
    }
}

impl<B: LockBackend> PageList<B> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            len: 0,
        }
    }

    /// Takes all that is in it.
    pub(super) fn take(&mut self) -> Self {
        mem::replace(self, Self::new())
    }

    pub(super) fn push(&mut self, page: NonNull<Page<B>>) {
        // SAFETY: the page belongs to the owner of the list, and is in no other.
        unsafe { (*page.as_ptr()).next = self.first };
        self.first = Some(page);
        self.len += 1;
    }

    pub(super) fn pop(&mut self) -> Option<NonNull<Page<B>>> {
        let page = self.first?;
        // SAFETY: as for `push`.
        self.first = unsafe { (*page.as_ptr()).next };
        self.len -= 1;
        Some(page)
    }
}
