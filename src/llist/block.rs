//! Where the nodes of an [`LList`](super::LList) come from: a kilobyte of them to an allocation.
//!
//! A push needs a node, and a node per push from the allocator costs more than all the rest of the
//! push. This is so above all where one thread pushes and another takes: then each allocation is made by one thread and freed
//! by the other, and they pass the allocator's own data to and fro. (With fifteen values to a block instead of
//! forty, one producer and one consumer take twice the time.) So the list takes nodes from a block. The block in use
//! and the number of its slots that are taken are one word, as a block's address is a multiple of 64:
//!
//! ```text
//!   current = address of the block | slots taken, 0 to SLOTS
//!
//!   take a slot:   (block, n)     -> (block, n + 1)   slot n is ours
//!   none is left:  (block, SLOTS) -> (new block, 1)   slot 0 is ours
//! ```
//!
//! Each is one compare-and-swap, in a loop, and neither looks into the block before it has succeeded.
//! So it does not matter that a block whose slots are all taken may be freed while it still is
//! `current`, nor that another one may appear at the same address: the word says what is free *now*.
//! The word is an integer and not a pointer. A pointer that was loaded before the compare-exchange would
//! still be one to the block that was freed, also if it succeeds because another block is at the address.
//! So the thread that installs a block exposes the provenance of its pointer, and the thread that takes a
//! slot makes a pointer of the address that the compare-exchange returned, with the provenance that was
//! exposed there: that of the block that is there now.
//!
//! A block counts the slots that are not yet done with, and the thread that finishes with the last
//! slot frees the block. A slot that was taken is finished with when its value was taken out, and the
//! slots that were never taken when the list is dropped. Values are taken out newest first, thus slot
//! after slot of one block, and counted together ([`Emptied`]).
//!
//! # Orderings
//!
//! - `current`: the new block's count must be seen by every thread that uses one of its slots. So
//!   it is published by Release, and a slot is taken by Acquire; taking continues the release
//!   sequence.
//! - The count is a [`RefCount`], whose last decrement happens after all the others.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::intrusive::{Linked, Node, Pointer, UniquePointer};
use crate::RefCount;
use crate::atomic::pace::paced;
use crate::atomic::{Atomic, AtomicExt, AtomicUsize, Backend, Native};

/// What a block is aligned to; the bits below hold the number of slots taken.
const ALIGN: usize = 64;
/// What allocators align to in any case. Many of them are slow to align to more, so a block is aligned by hand.
const USUAL: usize = 16;
/// How large a block is at most, if it has more than one slot: some allocators (glibc) have no quick path beyond that.
const SIZE: usize = 1024;

/// A value on the list.
pub(super) struct Slot<T, B: Backend> {
    node: Node<Self, B>,
    block: NonNull<Block<T, B>>,
    value: T,
}

// SAFETY: always the same field.
unsafe impl<T, B: Backend> Linked<B> for Slot<T, B> {
    #[inline]
    fn node(&self) -> &Node<Self, B> {
        &self.node
    }
}

/// The head of a block, which the slots follow.
///
/// # Invariants
///
/// `unfinished` counts the slots that hold a value, or may still be given one. The block lies `shift` bytes behind the
/// start of its memory, at a multiple of `ALIGN`.
pub(super) struct Block<T, B: Backend> {
    unfinished: RefCount<B>,
    shift: u32,
    slots: PhantomData<Slot<T, B>>,
}

impl<T, B: Backend> Block<T, B> {
    /// How many slots there are: as many as fit, and the word can count.
    const SLOTS: usize = {
        let fit = (SIZE - ALIGN) / size_of::<Slot<T, B>>();
        if fit == 0 {
            1
        } else if fit < ALIGN {
            fit
        } else {
            ALIGN - 1
        }
    };

    /// The layout of the memory of a block, with some bytes to align the block, and where in the block the slots begin.
    fn layout() -> (Layout, usize) {
        Layout::array::<Slot<T, B>>(Self::SLOTS)
            .and_then(|slots| Layout::new::<Self>().extend(slots))
            .and_then(|(layout, slots)| {
                let align = layout.align().max(USUAL);
                let size = layout.size() + ALIGN.saturating_sub(align);
                Ok((Layout::from_size_align(size, align)?, slots))
            })
            .expect("a slot fits in memory, and so does a kilobyte")
    }

    fn allocate() -> NonNull<Self> {
        let (layout, _) = Self::layout();
        // SAFETY: the size is not zero: a slot has a node.
        let memory = unsafe { alloc(layout) };
        let Some(memory) = NonNull::new(memory) else {
            handle_alloc_error(layout);
        };
        let shift = memory.addr().get().wrapping_neg() % ALIGN;
        // SAFETY: the layout has room for it.
        let block = unsafe { memory.add(shift) }.cast::<Self>();
        let head = Self {
            shift: shift as u32,
            unfinished: RefCount::new_in(Self::SLOTS as u32),
            slots: PhantomData,
        };
        // SAFETY: just allocated, with this layout.
        unsafe { block.write(head) };
        block
    }

    /// # Safety
    ///
    /// The block was allocated and not freed.
    #[inline]
    unsafe fn slot(block: NonNull<Self>, index: usize) -> NonNull<Slot<T, B>> {
        let (_, slots) = Self::layout();
        // SAFETY: inside the block, by its layout.
        let first = unsafe { block.byte_add(slots) }.cast::<Slot<T, B>>();
        // SAFETY: likewise, as the index is below SLOTS.
        unsafe { first.add(index) }
    }

    /// Counts slots as finished, and frees the block if they were the last.
    ///
    /// # Safety
    ///
    /// The slots were not finished, and the caller does not use them any more.
    #[inline]
    unsafe fn finish(block: NonNull<Self>, slots: usize) {
        // SAFETY: alive, as slots are unfinished. The reference is not used afterwards.
        let last = unsafe { block.as_ref() }
            .unfinished
            .sub_and_test(slots as u32);
        if last {
            // SAFETY: nobody has or gets a slot, and the count has ordered all uses before this.
            unsafe { Self::free(block) };
        }
    }

    /// # Safety
    ///
    /// No thread uses the block, or will.
    unsafe fn free(block: NonNull<Self>) {
        // SAFETY: the caller's promise.
        let shift = unsafe { (*block.as_ptr()).shift };
        // SAFETY: the caller's promise; it is not used afterwards.
        unsafe { block.drop_in_place() };
        // SAFETY: that is where its memory begins.
        let memory = unsafe { block.byte_sub(shift as usize) };
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(memory.as_ptr().cast(), Self::layout().0) };
    }
}

/// The slots that a list has for its next values.
pub(super) struct Slots<T, B: Backend> {
    current: B::Usize,
    blocks: PhantomData<*mut Block<T, B>>,
}

// SAFETY: the word is atomic, and leads only to slots that nobody has.
unsafe impl<T, B: Backend> Send for Slots<T, B> {}
// SAFETY: as above.
unsafe impl<T, B: Backend> Sync for Slots<T, B> {}

/// How many slots are taken, by a value of `current`.
const fn taken(current: usize) -> usize {
    current % ALIGN
}

/// The block of a value of `current`.
///
/// The pointer may be used if a slot of the block is not finished.
fn block<T, B: Backend>(current: usize) -> Option<NonNull<Block<T, B>>> {
    NonNull::new(ptr::with_exposed_provenance_mut(current & !(ALIGN - 1)))
}

impl<T> Slots<T, Native> {
    /// No block, of which all slots are taken.
    pub(super) const fn new() -> Self {
        Self {
            current: AtomicUsize::new(Block::<T, Native>::SLOTS),
            blocks: PhantomData,
        }
    }
}

impl<T, B: Backend> Slots<T, B> {
    pub(super) fn new_in() -> Self {
        Self {
            current: B::Usize::new(Block::<T, B>::SLOTS),
            blocks: PhantomData,
        }
    }

    /// Puts a value in a slot.
    #[inline]
    pub(super) fn fill(&self, value: T) -> Filled<T, B> {
        let (block, index) = self.take();
        // SAFETY: we have a slot in it, so it is not freed.
        let slot = unsafe { Block::slot(block, index) };
        let filled = Slot {
            node: Node::new_in(),
            block,
            value,
        };
        // SAFETY: the slot is ours.
        unsafe { slot.write(filled) };
        Filled(slot)
    }

    /// Takes a slot that no other thread has.
    #[inline]
    fn take(&self) -> (NonNull<Block<T, B>>, usize) {
        loop {
            let is_left = |current| taken(current) < Block::<T, B>::SLOTS;
            let next = paced(is_left, |current| is_left(current).then(|| current + 1));
            // Acquire: pairs with the Release in `take_from_new`, so that the block's count is seen.
            let found = self.current.cas_loop(Acquire, next);
            match found {
                Ok(old) => return (block(old).expect("no block has no slots"), taken(old)),
                Err(exhausted) => {
                    if let Some(block) = self.take_from_new(exhausted) {
                        return (block, 0);
                    }
                }
            }
        }
    }

    /// Takes the first slot of a new block, unless another thread was faster.
    #[cold]
    fn take_from_new(&self, exhausted: usize) -> Option<NonNull<Block<T, B>>> {
        let block = Block::allocate();
        let tagged = block.as_ptr().expose_provenance() + 1;
        // Release: pairs with the Acquire in `take`, so that the count of the new block is seen.
        // Relaxed: on failure the loop in `take` begins again.
        let installed = self
            .current
            .compare_exchange(exhausted, tagged, Release, Relaxed);
        if installed.is_err() {
            // SAFETY: nobody has heard of it.
            unsafe { Block::free(block) };
            return None;
        }
        Some(block)
    }
}

impl<T, B: Backend> Drop for Slots<T, B> {
    fn drop(&mut self) {
        let current = self.current.with_mut(|current| *current);
        let left = Block::<T, B>::SLOTS - taken(current);
        if left > 0 {
            if let Some(block) = block::<T, B>(current) {
                // SAFETY: nobody has taken them, and nobody will.
                unsafe { Block::finish(block, left) };
            }
        }
    }
}

/// A slot that holds a value, and owns both.
pub(super) struct Filled<T, B: Backend>(NonNull<Slot<T, B>>);

// SAFETY: it owns a value, and a slot that only it knows; the count of the block is atomic.
unsafe impl<T: Send, B: Backend> Send for Filled<T, B> {}
// SAFETY: it gives out shared references to the value.
unsafe impl<T: Sync, B: Backend> Sync for Filled<T, B> {}

impl<T, B: Backend> Filled<T, B> {
    /// Takes out the value, and adds the slot to those that are to be counted as finished.
    #[inline]
    pub(super) fn into_value(self, emptied: &mut Emptied<T, B>) -> T {
        // SAFETY: the slot is ours, and is not used again.
        let slot = unsafe { ManuallyDrop::new(self).0.read() };
        emptied.add(slot.block);
        slot.value
    }
}

impl<T, B: Backend> Slot<T, B> {
    pub(super) const fn value(&self) -> &T {
        &self.value
    }
}

impl<T, B: Backend> Deref for Filled<T, B> {
    type Target = Slot<T, B>;

    #[inline]
    fn deref(&self) -> &Slot<T, B> {
        // SAFETY: the slot is ours, and holds a value.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: the slot stays where it is, and its block is not freed as long as it is not finished.
unsafe impl<T, B: Backend> Pointer for Filled<T, B> {
    #[inline]
    fn into_raw(self) -> NonNull<Slot<T, B>> {
        ManuallyDrop::new(self).0
    }
    #[inline]
    unsafe fn from_raw(slot: NonNull<Slot<T, B>>) -> Self {
        Self(slot)
    }
}

// SAFETY: it is the only pointer to the slot.
unsafe impl<T, B: Backend> UniquePointer for Filled<T, B> {}

impl<T, B: Backend> Drop for Filled<T, B> {
    fn drop(&mut self) {
        // SAFETY: the slot is ours, and is not used again.
        let slot = unsafe { self.0.read() };
        // SAFETY: the slot has been read out. (The value is dropped afterwards: it may panic.)
        unsafe { Block::finish(slot.block, 1) };
    }
}

/// Slots of one block that were emptied one after the other, and are to be counted as finished.
pub(super) struct Emptied<T, B: Backend> {
    /// Dangling as long as `slots` is zero.
    block: NonNull<Block<T, B>>,
    slots: usize,
}

// SAFETY: it knows the block by the unfinished slots that it holds, and the count is atomic.
unsafe impl<T, B: Backend> Send for Emptied<T, B> {}
// SAFETY: a shared one does nothing.
unsafe impl<T, B: Backend> Sync for Emptied<T, B> {}

impl<T, B: Backend> Emptied<T, B> {
    pub(super) const fn new() -> Self {
        Self {
            block: NonNull::dangling(),
            slots: 0,
        }
    }

    #[inline]
    fn add(&mut self, block: NonNull<Block<T, B>>) {
        // Equal only if slots of this block are unfinished here, so that it is the same block and not another
        // at its address.
        if self.block != block {
            self.finish();
            self.block = block;
        }
        self.slots += 1;
    }

    #[inline]
    fn finish(&mut self) {
        let slots = mem::take(&mut self.slots);
        if slots > 0 {
            // SAFETY: these slots have been emptied and not yet counted.
            unsafe { Block::finish(self.block, slots) };
        }
    }
}

impl<T, B: Backend> Drop for Emptied<T, B> {
    fn drop(&mut self) {
        self.finish();
    }
}
