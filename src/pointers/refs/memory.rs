//! The memory of a counted value: where its header is, and how to find the header from the value.
//!
//! ```text
//!        value's address - size of the header
//!                v
//! +-------------+--------+----------------+
//! | padding     | header | value          |
//! +-------------+--------+----------------+
//! ^ the allocation       ^ what the pointer points at
//! ```
//!
//! The header of a [`Ref`](super::Ref) is its count, of 4 bytes; that of a
//! [`WeakRef`](crate::weak::WeakRef) has two counts and 8 bytes.
//!
//! The value's offset is its own alignment, or the header's size if that is more; the padding is empty
//! unless the value is aligned to more than that size. The header stands at the *end* of what precedes
//! the value, so the way to it is the same for all types, and needs neither the size nor the alignment
//! of what a trait object hides.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, size_of};
use core::ptr::{self, NonNull};

/// Owns an allocation with a header and room for a value. Dropping it drops the header and frees the
/// allocation; it does not drop the value.
///
/// # Invariants
///
/// `value` points into an allocation of the global allocator, made with what [`placed`] says of
/// `layout` and `H`, at the offset that it says. The header is initialised.
pub(crate) struct Memory<H> {
    value: NonNull<u8>,
    /// The value's, not the allocation's.
    layout: Layout,
    header: PhantomData<H>,
}

/// Returns the layout of an allocation for a value of this layout, and the value's offset in it.
///
/// The header is aligned: its size is a multiple of its alignment, and the offset is a multiple of it
/// too, being the size rounded up to the value's alignment, another power of two.
#[inline]
fn placed<H>(value: Layout) -> (Layout, usize) {
    match Layout::new::<H>().extend(value) {
        Ok(placed) => placed,
        Err(_) => capacity_overflow(),
    }
}

#[cold]
pub(crate) fn capacity_overflow() -> ! {
    panic!("capacity overflow");
}

impl<H> Memory<H> {
    /// Allocates room for a value of this layout, behind this header.
    ///
    /// # Panics
    ///
    /// If the size does not fit in an `isize`.
    #[inline]
    pub(crate) fn new(layout: Layout, header: H) -> Self {
        const { assert!(size_of::<H>() > 0) };
        let (allocation, offset) = placed::<H>(layout);
        // SAFETY: the size is not zero, as no header is empty.
        let start = unsafe { alloc(allocation) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(allocation)
        };
        // SAFETY: the offset is inside the allocation, or at its end for a value of size zero.
        let value = unsafe { start.add(offset) };
        // SAFETY: `value` is at the value's place.
        let place = unsafe { header_of::<u8, H>(value) };
        // SAFETY: the header lies inside the allocation, aligned, and nobody else has seen it.
        unsafe { place.write(header) };
        Self {
            value,
            layout,
            header: PhantomData,
        }
    }

    /// Takes over the memory of a value that exists, or existed until just now.
    ///
    /// # Safety
    ///
    /// `value` was made by [`into_value`](Self::into_value) with this `H`, or is such a pointer
    /// after an unsizing coercion. The memory is not used afterwards.
    #[inline]
    pub(crate) unsafe fn of<T: ?Sized>(value: NonNull<T>) -> Self {
        Self {
            // SAFETY: the caller's promise: there is or was a value, so the pointer may be read to
            // ask for its size and alignment.
            layout: Layout::for_value(unsafe { value.as_ref() }),
            value: value.cast(),
            header: PhantomData,
        }
    }

    /// Returns where the value is to be written.
    #[inline]
    pub(crate) fn value(&self) -> NonNull<u8> {
        self.value
    }

    /// Gives up the memory: it now belongs to the pointer to the value.
    #[inline]
    pub(crate) fn into_value(self) -> NonNull<u8> {
        ManuallyDrop::new(self).value
    }
}

impl<H> Drop for Memory<H> {
    #[inline]
    fn drop(&mut self) {
        let (allocation, offset) = placed::<H>(self.layout);
        // SAFETY: `value` is at the value's place, by the invariant.
        let header = unsafe { header_of::<u8, H>(self.value) };
        // SAFETY: the header is initialised, and this is the last use of the memory.
        unsafe { ptr::drop_in_place(header.as_ptr()) };
        // SAFETY: the allocation starts there, by the invariant.
        let start = unsafe { self.value.sub(offset) };
        // SAFETY: it was allocated with this layout, by the invariant.
        unsafe { dealloc(start.as_ptr(), allocation) };
    }
}

/// Returns where the header of a value is.
///
/// # Safety
///
/// `value` points at the place of a value in the memory of a [`Memory`] with this `H`.
#[inline]
pub(crate) unsafe fn header_of<T: ?Sized, H>(value: NonNull<T>) -> NonNull<H> {
    // SAFETY: the header ends where the value begins, in the same allocation.
    unsafe { value.cast::<u8>().sub(size_of::<H>()) }.cast()
}
