//! Objects that keep their own counts.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use kref::{IntrusiveRef, Kref, RefCounted};

use crate::tools::Canary;

#[repr(C)]
struct Parent {
    kref: Kref,
    child: Child,
    _canary: Canary<'static>,
}

/// Lives in its parent, and has no count of its own.
struct Child {
    name: &'static str,
    parent: NonNull<Parent>,
}

// SAFETY: the pointer is to what contains it, and never changes.
unsafe impl Send for Child {}
// SAFETY: as above.
unsafe impl Sync for Child {}

impl Parent {
    fn create(name: &'static str, destroyed: &'static AtomicUsize) -> IntrusiveRef<Self> {
        let parent = Box::into_raw(Box::new(Self {
            kref: Kref::new(),
            child: Child {
                name,
                parent: NonNull::dangling(),
            },
            _canary: Canary(destroyed),
        }));
        let parent = NonNull::new(parent).unwrap();
        // SAFETY: nobody else knows of it yet.
        unsafe { (*parent.as_ptr()).child.parent = parent };
        // SAFETY: a new object has one reference, and it is for this.
        unsafe { IntrusiveRef::from_raw(parent) }
    }

    fn child(parent: &IntrusiveRef<Self>) -> IntrusiveRef<Child> {
        let parent = IntrusiveRef::into_raw(parent.clone());
        // SAFETY: the field of an object that is alive by the reference just taken.
        let child = unsafe { &raw mut (*parent.as_ptr()).child };
        let child = NonNull::new(child).unwrap();
        // SAFETY: the reference is now the child's.
        unsafe { IntrusiveRef::from_raw(child) }
    }
}

// SAFETY: parents are made by `create` and destroyed only by the last `dec_ref`.
unsafe impl RefCounted for Parent {
    fn inc_ref(&self) {
        self.kref.get();
    }

    unsafe fn dec_ref(parent: NonNull<Self>) {
        // SAFETY: alive until the put, by the caller's reference.
        if unsafe { parent.as_ref() }.kref.put() {
            // SAFETY: that was the last reference, and the memory is that of a box.
            drop(unsafe { Box::from_raw(parent.as_ptr()) });
        }
    }
}

// SAFETY: a child lives as long as its parent, which counts for both.
unsafe impl RefCounted for Child {
    fn inc_ref(&self) {
        // SAFETY: it contains `self`.
        unsafe { self.parent.as_ref() }.inc_ref();
    }

    unsafe fn dec_ref(child: NonNull<Self>) {
        // SAFETY: alive by the caller's reference.
        let parent = unsafe { child.as_ref() }.parent;
        // SAFETY: the caller's reference is one to the parent.
        unsafe { Parent::dec_ref(parent) };
    }
}

#[test]
fn the_last_reference_destroys_the_object_whatever_it_points_at() {
    static DESTROYED: AtomicUsize = AtomicUsize::new(0);

    let parent = Parent::create("only", &DESTROYED);
    let child = Parent::child(&parent);
    assert_eq!(parent.kref.count(), 2);
    assert!(IntrusiveRef::ptr_eq(&child, &child.clone()));
    drop(parent);
    assert_eq!(child.name, "only");
    assert_eq!(DESTROYED.load(Relaxed), 0);
    drop(child);
    assert_eq!(DESTROYED.load(Relaxed), 1);
}

#[test]
fn a_reference_goes_through_c_and_other_threads() {
    static DESTROYED: AtomicUsize = AtomicUsize::new(0);

    let parent = Parent::create("sent", &DESTROYED);
    let raw = IntrusiveRef::into_raw(parent);
    // SAFETY: just taken from an `IntrusiveRef`, and taken back once.
    let parent = unsafe { IntrusiveRef::from_raw(raw) };
    thread::scope(|scope| {
        for _ in 0..4 {
            let parent = parent.clone();
            scope.spawn(move || assert_eq!(Parent::child(&parent).name, "sent"));
        }
    });
    assert_eq!(parent.kref.count(), 1);
    // SAFETY: the reference of `parent`, dropped by hand.
    unsafe { Parent::dec_ref(IntrusiveRef::into_raw(parent)) };
    assert_eq!(DESTROYED.load(Relaxed), 1);
}
