//! What the list of values allocates, and that it frees all of it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use kref::LList;

thread_local! {
    /// How many allocations the thread has made, and not freed.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    /// The size of the largest.
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: forwards to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get() + 1);
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - 1);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Calls `f` with a function that says how much it has allocated, and asserts that it frees all.
fn counted(f: impl FnOnce(&dyn Fn() -> isize)) {
    let before = LIVE.get();
    f(&|| LIVE.get() - before);
    assert_eq!(LIVE.get(), before);
}

/// How many values of eight bytes a block has room for: a node, a pointer and the value, in a kilobyte less what it takes to
/// align the block.
const SLOTS: usize = {
    let fit = (1024 - 64) / (2 * size_of::<usize>() + 8);
    if fit < 64 { fit } else { 63 }
};

#[test]
fn a_kilobyte_of_values_to_an_allocation() {
    counted(|allocated| {
        let list = LList::new();
        assert_eq!(allocated(), 0, "an empty list has nothing");
        (0..10 * SLOTS as u64).for_each(|i| assert_eq!(list.push(i), i == 0));
        assert_eq!(allocated(), 10);
        let mut chain = list.take_all();
        // The first five blocks of which all values were taken out are gone.
        chain.by_ref().take(5 * SLOTS + 1).for_each(drop);
        assert_eq!(allocated(), 5);
        drop(chain);
        assert_eq!(allocated(), 0);
        list.push(1);
        assert_eq!(list.take_all().count(), 1);
        assert_eq!(
            allocated(),
            1,
            "the list goes on with what is left of a block"
        );
    });
}

/// With their block, whatever their size and alignment; in few bytes more than the values take.
#[test]
fn blocks_are_no_larger_than_a_kilobyte() {
    fn of<T: Copy>(value: T) {
        let list = LList::new();
        LARGEST.set(0);
        list.push(value);
        let slot = (2 * size_of::<usize>()).next_multiple_of(align_of::<T>()) + size_of::<T>();
        let one = 64 + slot.next_multiple_of(align_of::<T>().max(8)) + align_of::<T>();
        assert!(LARGEST.get() <= one.max(1024), "{}", LARGEST.get());
    }
    #[derive(Clone, Copy)]
    #[repr(align(32))]
    struct Aligned(#[expect(dead_code)] u8);

    of(());
    of(0_u8);
    of(0_u64);
    of(0_u128);
    of(Aligned(0));
    of([0_u8; 100]);
    of([0_u64; 50]);
    of([0_u64; 500]);
}

#[test]
fn large_values_have_their_own() {
    counted(|allocated| {
        let list = LList::new();
        (0..3).for_each(|i| assert_eq!(list.push([i; 2_000]), i == 0));
        assert_eq!(allocated(), 3);
        drop(list.take_all());
        assert_eq!(allocated(), 0);
    });
}

/// In the chain, in the consumer, on the list; some dropped and some taken; and by a panic.
#[test]
fn everything_is_freed() {
    counted(|_| {
        let list: LList<u64> = (0..100).collect();
        let mut consumer = list.consumer().unwrap();
        (0..7).for_each(|_| assert!(consumer.pop().is_some()));
        drop(consumer);
        let mut chain = list.take_all().reverse();
        chain.by_ref().take(20).for_each(drop);
        list.push_all(chain.by_ref().take(5));
    });
    counted(|_| {
        let list = LList::<u64>::new();
        // Without the panic hook, whose backtrace allocates.
        let values = (0..20).map(|i| {
            if i < 19 {
                i
            } else {
                resume_unwind(Box::new(()))
            }
        });
        catch_unwind(AssertUnwindSafe(|| list.push_all(values))).unwrap_err();
    });
}
