//! The allocator of these tests: it overwrites and refuses.
//!
//! Memory that is given back is overwritten, so that a test that goes on using it does not find what it needs.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::Mutex;

thread_local! {
    /// The thread gets no block of so many bytes, nor of more.
    static REFUSED: Cell<usize> = const { Cell::new(usize::MAX) };
    /// How many blocks the thread was refused.
    static REFUSALS: Cell<usize> = const { Cell::new(0) };
    /// How many locks the thread has under which no memory is to be allocated or freed.
    static LOCKS: Cell<usize> = const { Cell::new(0) };
    /// How many blocks it has allocated or freed under one.
    static UNDER_LOCK: Cell<usize> = const { Cell::new(0) };
}

/// Notes that the thread has got such a lock, or has given it up.
pub(crate) fn locked(is: bool) {
    LOCKS.set(if is { LOCKS.get() + 1 } else { LOCKS.get() - 1 });
}

/// Calls `f`; returns how many blocks the thread has allocated or freed under such a lock.
pub(crate) fn under_lock(f: impl FnOnce()) -> usize {
    UNDER_LOCK.set(0);
    f();
    UNDER_LOCK.get()
}

fn note_lock() {
    if LOCKS.get() > 0 {
        UNDER_LOCK.set(UNDER_LOCK.get() + 1);
    }
}

struct Overwriting;

// SAFETY: the memory is the system's, and what is written to it is within a block that is being given back.
unsafe impl GlobalAlloc for Overwriting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note_lock();
        if layout.size() >= REFUSED.get() {
            REFUSALS.set(REFUSALS.get() + 1);
            return ptr::null_mut();
        }
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note_lock();
        // SAFETY: the block has this size, and nobody uses it.
        unsafe { block.write_bytes(0xA5, layout.size()) };
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Overwriting = Overwriting;

/// Calls `f`, in which the thread gets no block of `size` bytes or more; returns how many it was refused.
pub(crate) fn refusing<R>(size: usize, f: impl FnOnce() -> R) -> (R, usize) {
    REFUSALS.set(0);
    let before = REFUSED.replace(size);
    let result = f();
    REFUSED.set(before);
    (result, REFUSALS.get())
}

/// Forgets a value, as `mem::forget` does, so that leak checkers find what it had: the leak is meant.
pub(crate) fn forget<T>(value: T) {
    static FORGOTTEN: Mutex<Vec<Forgotten>> = Mutex::new(Vec::new());
    let forgotten = Forgotten(Box::into_raw(Box::new(value)).cast());
    FORGOTTEN.lock().unwrap().push(forgotten);
}

/// Where a forgotten value is. Nobody looks there but leak checkers.
struct Forgotten(#[expect(dead_code)] *const ());

// SAFETY: nobody looks there.
unsafe impl Send for Forgotten {}

/// The buckets stay as they are if there is no memory for more, and all is found in longer chains.
#[test]
#[cfg_attr(feature = "track", ignore = "the tracker has memory of its own")]
fn without_memory_for_more_buckets_the_table_works() {
    let registry = kref::Registry::<u32, u32>::with_shards_and_hasher(1, Default::default());
    let insert = |key| registry.try_insert(key, key).expect("no other has it");
    let handles: Vec<_> = (0..300).map(insert).collect();
    // An array of heads for as many nodes again is larger, and chunks of slots are smaller.
    let (more, refusals) = refusing(8192, || (300..1300).map(insert).collect::<Vec<_>>());
    assert!(refusals > 0, "the table has asked");
    for key in 0..1300 {
        assert_eq!(registry.get(&key).as_deref(), Some(&key));
    }
    drop((handles, more));
    assert!(registry.is_empty());
    registry.shrink_to_fit();
}
