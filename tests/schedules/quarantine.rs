//! An allocator that gives nothing back while a scenario runs.
//!
//! What is freed is overwritten and kept until the schedule ends, so that a use after free in a scenario
//! reads what is evidently wrong (see `backend::Life`), and does no harm. When the schedule ends, what
//! was freed must still be as it was overwritten, and have been freed once.
//!
//! All threads of a scenario are coroutines on one thread, so this is per thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::slice;

/// What freed memory is overwritten with.
const FREED: u8 = 0xDD;

/// The allocator.
pub struct Quarantine;

#[global_allocator]
pub static QUARANTINE: Quarantine = Quarantine;

/// A block that was freed.
#[derive(Clone, Copy)]
struct Block {
    memory: *mut u8,
    layout: Layout,
    next: *mut Block,
}

thread_local! {
    static IS_ON: Cell<bool> = const { Cell::new(false) };
    static BLOCKS: Cell<*mut Block> = const { Cell::new(ptr::null_mut()) };
    static FREED_TWICE: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: what is allocated is the system's; what is freed goes back to it, now or later.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if !IS_ON.get() {
            // SAFETY: as the caller promises.
            return unsafe { System.dealloc(memory, layout) };
        }
        // SAFETY: as the caller promises, or it was freed before, and is still here.
        let bytes = unsafe { slice::from_raw_parts_mut(memory, layout.size()) };
        if bytes.iter().all(|byte| *byte == FREED) && blocks().any(|block| block.memory == memory) {
            FREED_TWICE.set(true); // an allocator must not panic
            return;
        }
        bytes.fill(FREED);
        // SAFETY: its size is not zero.
        let block: *mut Block = unsafe { System.alloc(Layout::new::<Block>()) }.cast();
        if block.is_null() {
            return; // it leaks
        }
        let next = BLOCKS.replace(block);
        // SAFETY: it was allocated for this.
        unsafe {
            block.write(Block {
                memory,
                layout,
                next,
            });
        }
    }
}

/// Returns the blocks that are kept.
fn blocks() -> impl Iterator<Item = Block> {
    let mut next = BLOCKS.get();
    std::iter::from_fn(move || {
        // SAFETY: null or a block, which lives until `end`.
        let block = unsafe { next.as_ref() }?;
        next = block.next;
        Some(*block)
    })
}

/// Begins to keep what is freed.
pub fn begin() {
    assert!(BLOCKS.get().is_null() && !IS_ON.get());
    FREED_TWICE.set(false);
    IS_ON.set(true);
}

/// Gives back what was kept.
///
/// # Panics
///
/// Panics if something was freed twice or written after it was freed.
pub fn end() {
    IS_ON.set(false);
    assert!(!FREED_TWICE.get(), "freed twice");
    for block in blocks() {
        // SAFETY: it was allocated with this layout, is not freed yet, and nobody else has it.
        let bytes = unsafe { slice::from_raw_parts(block.memory, block.layout.size()) };
        let untouched = bytes.iter().all(|byte| *byte == FREED);
        assert!(untouched, "written after it was freed");
    }
    let mut next = BLOCKS.replace(ptr::null_mut());
    while !next.is_null() {
        // SAFETY: it is a block.
        let block = unsafe { *next };
        // SAFETY: as above; this is the end of it.
        unsafe { System.dealloc(block.memory, block.layout) };
        // SAFETY: as above.
        unsafe { System.dealloc(next.cast(), Layout::new::<Block>()) };
        next = block.next;
    }
}

/// Ends it after a failure: what is kept is leaked, as somebody may still refer to it.
pub fn abandon() {
    IS_ON.set(false);
    BLOCKS.set(ptr::null_mut());
}
