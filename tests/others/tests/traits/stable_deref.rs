//! `StableDeref`: what a pointer dereferences to stays where it is when the pointer is moved or cloned.

use kref::{
    Handle, Interned, Interner, IntrusiveRef, Kref, Ref, RefCounted, Registry, UniqueRef, WeakRef,
};
use stable_deref_trait::{CloneStableDeref, StableDeref};
use std::ptr::NonNull;

/// Moves the pointer to the heap and back.
fn stays<P: StableDeref>(pointer: P) -> P {
    let address = (&raw const *pointer).cast::<u8>();
    let moved = Box::new(pointer);
    assert_eq!((&raw const **moved).cast::<u8>(), address);
    *moved
}

fn clones_stay<P: CloneStableDeref>(pointer: P) {
    let pointer = stays(pointer);
    let clone = pointer.clone();
    assert!(std::ptr::addr_eq(&*pointer, &*clone));
    drop(pointer);
    stays(clone);
}

struct Device(Kref);

// SAFETY: the one that the test makes is destroyed by the last `dec_ref` only.
unsafe impl RefCounted for Device {
    fn inc_ref(&self) {
        self.0.get();
    }
    unsafe fn dec_ref(device: NonNull<Self>) {
        // SAFETY: alive until the put, by the caller's reference.
        if unsafe { device.as_ref() }.0.put() {
            // SAFETY: that was the last reference, and the memory is that of a box.
            drop(unsafe { Box::from_raw(device.as_ptr()) });
        }
    }
}

#[test]
fn every_pointer() {
    clones_stay(Ref::new(5));
    clones_stay(Ref::<str>::from("text"));
    clones_stay(WeakRef::new(5));
    clones_stay(WeakRef::<str>::from("text"));
    drop(stays(UniqueRef::new([1, 2])));
    let device = NonNull::from(Box::leak(Box::new(Device(Kref::new()))));
    // SAFETY: a new object has one reference, and it is for this.
    clones_stay(unsafe { IntrusiveRef::from_raw(device) });
    let registry = Registry::<u32, String>::new();
    clones_stay::<Handle<_, _>>(registry.get_or_insert_with(1, u32::to_string));
    let names = Interner::<str>::new();
    clones_stay::<Interned<_>>(names.intern_ref("name"));
}
