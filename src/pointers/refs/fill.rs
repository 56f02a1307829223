//! Values put into new memory behind a header: what the constructors and conversions of all owning
//! pointers have in common.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::CloneToUninit;
use super::memory::{Memory, capacity_overflow};

/// Allocates room for a value.
#[inline]
pub(crate) fn room_for<T, H>(header: H) -> NonNull<T> {
    let memory = Memory::new(Layout::new::<T>(), header);
    memory.into_value().cast()
}

/// Allocates a value.
#[inline]
pub(crate) fn value<T, H>(value: T, header: H) -> NonNull<T> {
    let place = room_for::<T, H>(header);
    // SAFETY: the place is of this layout, and uninitialised.
    unsafe { place.write(value) };
    place
}

/// Moves a value out of its box, which is freed.
pub(crate) fn boxed<T: ?Sized, H>(from: Box<T>, header: H) -> NonNull<T> {
    let layout = Layout::for_value::<T>(&from);
    let memory = Memory::new(layout, header);
    let from = Box::into_raw(from);
    // SAFETY: both places have this layout, and one of them is new.
    unsafe {
        ptr::copy_nonoverlapping(from.cast::<u8>(), memory.value().as_ptr(), layout.size());
    }
    // SAFETY: it comes from a box, and the value, which was moved, is not dropped.
    drop(unsafe { Box::from_raw(from as *mut ManuallyDrop<T>) });
    with_address(from, memory.into_value())
}

/// Returns the pointer with another address, and what it knows of the value's type.
fn with_address<T: ?Sized>(mut pointer: *mut T, address: NonNull<u8>) -> NonNull<T> {
    // A pointer is its address, and behind that what is known of the type, if anything. The language
    // does not promise it, but there is no other way before `ptr::metadata`.
    // SAFETY: every pointer is at least as large as a pointer, and as aligned.
    unsafe { (&raw mut pointer).cast::<*mut u8>().write(address.as_ptr()) };
    assert!(
        ptr::addr_eq(pointer, address.as_ptr()),
        "a pointer does not start with its address"
    );
    // SAFETY: the address is not null, as was just checked.
    unsafe { NonNull::new_unchecked(pointer) }
}

/// Allocates room for a slice.
///
/// # Panics
///
/// If the size does not fit in an `isize`.
pub(crate) fn room_for_slice<T, H>(len: usize, header: H) -> NonNull<[T]> {
    let Ok(layout) = Layout::array::<T>(len) else {
        capacity_overflow()
    };
    let first = Memory::new(layout, header).into_value().cast();
    NonNull::slice_from_raw_parts(first, len)
}

/// Makes a slice of bitwise copies.
///
/// # Safety
///
/// The elements are moved: the caller forgets the originals, or `T` is `Copy`.
pub(crate) unsafe fn moved<T, H>(from: &[T], header: H) -> NonNull<[T]> {
    let slice = room_for_slice::<T, H>(from.len(), header);
    let places = slice.cast::<T>().as_ptr();
    // SAFETY: as many elements as there are places, in new memory.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), places, from.len()) };
    slice
}

/// Allocates a clone.
#[inline]
pub(crate) fn cloned<T: ?Sized + CloneToUninit, H>(value: &T, header: H) -> NonNull<T> {
    // Freed if the clone panics.
    let memory = Memory::new(Layout::for_value(value), header);
    // SAFETY: the memory is new, and of the value's layout.
    unsafe { value.clone_to_uninit(memory.value().as_ptr()) };
    with_address(ptr::from_ref(value).cast_mut(), memory.into_value())
}
