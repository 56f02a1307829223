//! Memory that is given back is overwritten, so that a test that goes on using it does not find what it needs.

use std::alloc::{GlobalAlloc, Layout, System};

struct Overwriting;

// SAFETY: the memory is the system's, and what is written to it is within a block that is being given back.
unsafe impl GlobalAlloc for Overwriting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block has this size, and nobody uses it.
        unsafe { block.write_bytes(0xA5, layout.size()) };
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Overwriting = Overwriting;
