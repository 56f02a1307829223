//! The memory of a counted value: where the count is, and how to find it from the value.
//!
//! ```text
//!        value's address - 4
//!                v
//! +-------------+-------+----------------+
//! | padding     | count | value          |
//! +-------------+-------+----------------+
//! ^ the allocation      ^ what a `Ref` points at
//! ```
//!
//! The value's offset is its own alignment, or the count's size if that is more; the padding is empty
//! unless the value is aligned to more than 4. The count stands at the *end* of what precedes the
//! value, so the way to it is the same for all types, and needs neither the size nor the alignment of
//! what a trait object hides.

use alloc::alloc::{alloc, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, size_of};
use core::ptr::{self, NonNull};

use crate::RefCount;
use crate::atomic::Backend;

/// Owns an allocation with a count and room for a value; frees it when dropped, and the value with it
/// only in the sense that its memory is gone.
///
/// # Invariants
///
/// `value` points into an allocation of the global allocator, made with what [`placed`] says of
/// `layout` and this backend, at the offset that it says. The count is initialised.
pub(super) struct Memory<B: Backend> {
    value: NonNull<u8>,
    /// The value's, not the allocation's.
    layout: Layout,
    backend: PhantomData<B>,
}

/// Returns the layout of an allocation for a value of this layout, and the value's offset in it.
///
/// The count is aligned: its size is a multiple of its alignment, and the offset is a multiple of it
/// too, being the size rounded up to the value's alignment, another power of two.
#[inline]
fn placed<B: Backend>(value: Layout) -> (Layout, usize) {
    match Layout::new::<RefCount<B>>().extend(value) {
        Ok(placed) => placed,
        Err(_) => capacity_overflow(),
    }
}

#[cold]
pub(super) fn capacity_overflow() -> ! {
    panic!("capacity overflow");
}

impl<B: Backend> Memory<B> {
    /// Allocates room for a value of this layout, with a count of `refs`.
    ///
    /// # Panics
    ///
    /// If the size does not fit in an `isize`.
    #[inline]
    pub(super) fn new(layout: Layout, refs: u32) -> Self {
        let (allocation, offset) = placed::<B>(layout);
        // SAFETY: the size is not zero, as it contains a count.
        let start = unsafe { alloc(allocation) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(allocation)
        };
        // SAFETY: the offset is inside the allocation, or at its end for a value of size zero.
        let value = unsafe { start.add(offset) };
        // SAFETY: `value` is at the value's place.
        let count = unsafe { count_of::<u8, B>(value) };
        // SAFETY: the count lies inside the allocation, aligned, and nobody else has seen it.
        unsafe { count.write(RefCount::new_in(refs)) };
        Self {
            value,
            layout,
            backend: PhantomData,
        }
    }

    /// Takes over the memory of a value that exists, or existed until just now.
    ///
    /// # Safety
    ///
    /// `value` was made by [`into_value`](Self::into_value) with this backend, or is such a pointer
    /// after an unsizing coercion. Nobody uses the memory afterwards.
    #[inline]
    pub(super) unsafe fn of<T: ?Sized>(value: NonNull<T>) -> Self {
        Self {
            // SAFETY: the caller's promise: there is or was a value, so the pointer may be read to
            // ask for its size and alignment.
            layout: Layout::for_value(unsafe { value.as_ref() }),
            value: value.cast(),
            backend: PhantomData,
        }
    }

    /// Returns where the value is to be written.
    #[inline]
    pub(super) fn value(&self) -> NonNull<u8> {
        self.value
    }

    /// Lets go of the memory: it now belongs to the pointer to the value.
    #[inline]
    pub(super) fn into_value(self) -> NonNull<u8> {
        ManuallyDrop::new(self).value
    }
}

impl<B: Backend> Drop for Memory<B> {
    #[inline]
    fn drop(&mut self) {
        let (allocation, offset) = placed::<B>(self.layout);
        // SAFETY: `value` is at the value's place, by the invariant.
        let count = unsafe { count_of::<u8, B>(self.value) };
        // SAFETY: the count is initialised, and this is the last use of the memory.
        unsafe { ptr::drop_in_place(count.as_ptr()) };
        // SAFETY: the allocation starts there, by the invariant.
        let start = unsafe { self.value.sub(offset) };
        // SAFETY: it was allocated with this layout, by the invariant.
        unsafe { dealloc(start.as_ptr(), allocation) };
    }
}

/// Returns where the count of a value is.
///
/// # Safety
///
/// `value` points at the place of a value in the memory of a [`Memory`] of this backend.
#[inline]
pub(super) unsafe fn count_of<T: ?Sized, B: Backend>(value: NonNull<T>) -> NonNull<RefCount<B>> {
    // SAFETY: the count ends where the value begins, in the same allocation.
    unsafe { value.cast::<u8>().sub(size_of::<RefCount<B>>()) }.cast()
}
