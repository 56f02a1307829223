//! An allocator that has no memory, and one that uses references itself.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use kref::{Ref, track};

#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Good,
    /// There is no memory.
    Empty,
    /// It clones a reference, and drops it again.
    Clones(*const Ref<i32>),
}

std::thread_local! {
    static MOOD: Cell<Mood> = const { Cell::new(Mood::Good) };
    static CLONED: Cell<u32> = const { Cell::new(0) };
}

struct Moody;

#[global_allocator]
static ALLOCATOR: Moody = Moody;

// SAFETY: it is the system's, or refuses.
unsafe impl GlobalAlloc for Moody {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match MOOD.try_with(Cell::get).unwrap_or(Mood::Good) {
            Mood::Good => {}
            Mood::Empty => return std::ptr::null_mut(),
            Mood::Clones(reference) => {
                MOOD.set(Mood::Good);
                // SAFETY: the test keeps it.
                drop(unsafe { &*reference }.clone());
                CLONED.set(CLONED.get() + 1);
                MOOD.set(Mood::Clones(reference));
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) };
    }
}

fn with_mood<R>(mood: Mood, f: impl FnOnce() -> R) -> R {
    MOOD.set(mood);
    let result = f();
    MOOD.set(Mood::Good);
    result
}

#[test]
fn without_memory_a_holder_is_counted() {
    let first = Ref::new(5);
    let mut held = Vec::with_capacity(1000);
    with_mood(Mood::Empty, || {
        for _ in 0..1000 {
            held.push(first.clone());
        }
    });
    let report = track::report_of(&first);
    assert_eq!(report.count(), 1001);
    assert!(
        (900..=1000).contains(&report.untracked()),
        "{}",
        report.untracked()
    );
    let text = report.to_string();
    assert!(text.contains(" untracked, oldest"), "{text}");
    // Given away and taken back they are as many.
    let raw = Ref::into_raw(held.pop().unwrap());
    assert_eq!(track::report_of(&first).count(), 1001);
    // SAFETY: once.
    held.push(unsafe { Ref::from_raw(raw) });
    assert_eq!(track::report_of(&first).count(), 1001);
    drop(held);
    let report = track::report_of(&first);
    assert_eq!((report.count(), report.untracked()), (1, 0));
}

#[test]
fn an_allocator_may_use_references() {
    let first = Ref::new(5);
    let mut held = Vec::with_capacity(1000);
    with_mood(Mood::Clones(&raw const first), || {
        for _ in 0..1000 {
            held.push(first.clone());
        }
    });
    assert!(CLONED.get() > 0, "the tracker allocates");
    assert_eq!(track::report_of(&first).count(), 1001);
    drop(held);
    assert_eq!(track::report_of(&first).count(), 1);
}
