//! How a value lies in a node: a sized value as it is, a string or a slice inline behind its length.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use crate::lock::LockBackend;
use crate::table::{Node, Payload, State};

/// Names the types that an [`Interner`](super::Interner) can hold: every sized type, `str`, and
/// slices of `Copy` elements.
///
/// It cannot be implemented outside this crate.
///
/// # Safety
///
/// `layout_at` tells the layout that the value was stored with, and `at` the value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored in an interner",
    label = "neither sized, nor `str`, nor a slice of `Copy` elements",
    note = "an interner stores sized values, `str`, and slices of `Copy` elements; for other slices intern a `Box<[T]>` or a `Vec<T>`"
)]
pub unsafe trait Stored: sealed::Stored {}

// SAFETY: as for the sealed half.
#[diagnostic::do_not_recommend]
unsafe impl<T: sealed::Stored + ?Sized> Stored for T {}

pub(super) mod sealed {
    use super::{Layout, NonNull};

    /// # Safety
    ///
    /// As [`Stored`](super::Stored).
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be stored in an interner",
        label = "neither sized, nor `str`, nor a slice of `Copy` elements",
        note = "an interner stores sized values, `str`, and slices of `Copy` elements; for other slices intern a `Box<[T]>` or a `Vec<T>`"
    )]
    pub unsafe trait Stored {
        /// What has to be dropped when the value's node dies.
        type Taken;
        /// The alignment of every stored value.
        const ALIGN: usize;

        /// The layout of a value that is stored at a place.
        ///
        /// # Safety
        ///
        /// A value is stored there.
        unsafe fn layout_at(payload: NonNull<u8>) -> Layout;

        /// The value that is stored at a place.
        ///
        /// # Safety
        ///
        /// A value is stored there, as long as the borrow lasts.
        unsafe fn at<'a>(payload: NonNull<u8>) -> &'a Self;

        /// Takes out what has to be dropped.
        ///
        /// # Safety
        ///
        /// A value is stored there, and is not used afterwards.
        unsafe fn take(payload: NonNull<u8>) -> Self::Taken;
    }
}

// SAFETY: the value is stored as it is.
#[diagnostic::do_not_recommend]
unsafe impl<T> sealed::Stored for T {
    type Taken = T;
    const ALIGN: usize = align_of::<T>();

    #[inline]
    unsafe fn layout_at(_: NonNull<u8>) -> Layout {
        Layout::new::<T>()
    }

    #[inline]
    unsafe fn at<'a>(payload: NonNull<u8>) -> &'a T {
        // SAFETY: as the caller promises.
        unsafe { payload.cast().as_ref() }
    }

    unsafe fn take(payload: NonNull<u8>) -> T {
        // SAFETY: as the caller promises.
        unsafe { payload.cast().read() }
    }
}

// SAFETY: the elements are stored behind their number, and need no drop, as they are `Copy`.
#[diagnostic::do_not_recommend]
unsafe impl<T: Copy> sealed::Stored for [T] {
    type Taken = ();
    const ALIGN: usize = slice_layout::<T>(0).0.align();

    #[inline]
    unsafe fn layout_at(payload: NonNull<u8>) -> Layout {
        // SAFETY: the length is stored first.
        let len = unsafe { payload.cast::<usize>().read() };
        slice_layout::<T>(len).0
    }

    #[inline]
    unsafe fn at<'a>(payload: NonNull<u8>) -> &'a [T] {
        // SAFETY: the length is stored first.
        let len = unsafe { payload.cast::<usize>().read() };
        // SAFETY: within what was stored.
        let elements = unsafe { payload.add(slice_layout::<T>(0).1) };
        // SAFETY: so many elements were stored there.
        unsafe { core::slice::from_raw_parts(elements.cast().as_ptr(), len) }
    }

    unsafe fn take(_: NonNull<u8>) {}
}

// SAFETY: as its bytes.
unsafe impl sealed::Stored for str {
    type Taken = ();
    const ALIGN: usize = <[u8] as sealed::Stored>::ALIGN;

    #[inline]
    unsafe fn layout_at(payload: NonNull<u8>) -> Layout {
        // SAFETY: as the caller promises.
        unsafe { <[u8]>::layout_at(payload) }
    }

    #[inline]
    unsafe fn at<'a>(payload: NonNull<u8>) -> &'a str {
        // SAFETY: as the caller promises.
        let bytes = unsafe { <[u8]>::at(payload) };
        // SAFETY: the bytes of a `str` were stored.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }

    unsafe fn take(_: NonNull<u8>) {}
}

/// The layout of a length and so many elements, and the offset of the first.
pub(super) const fn slice_layout<T>(len: usize) -> (Layout, usize) {
    let head = Layout::new::<usize>();
    let (align, size) = (align_of::<T>(), size_of::<T>());
    let offset = head.size().next_multiple_of(align);
    let align = if align > head.align() {
        align
    } else {
        head.align()
    };
    let Ok(layout) = Layout::from_size_align(offset + size * len, align) else {
        panic!("a slice that exists has a size far below isize::MAX");
    };
    (layout, offset)
}

/// Stores a slice.
///
/// # Safety
///
/// The place is large enough, and aligned, for [`slice_layout`] of its length.
pub(super) unsafe fn store_slice<T: Copy>(payload: NonNull<u8>, slice: &[T]) {
    // SAFETY: as the caller promises.
    unsafe { payload.cast::<usize>().write(slice.len()) };
    // SAFETY: as the caller promises.
    let elements = unsafe { payload.add(slice_layout::<T>(0).1) };
    // SAFETY: as the caller promises; a new place does not overlap with the slice.
    unsafe { ptr::copy_nonoverlapping(slice.as_ptr(), elements.cast().as_ptr(), slice.len()) };
}

/// A value that is its own key, as the payload of a node.
pub(super) struct Inline<T: ?Sized>(PhantomData<T>);

// SAFETY: as `Stored` promises.
unsafe impl<T: Stored + ?Sized> Payload for Inline<T> {
    type Taken = T::Taken;

    #[inline]
    unsafe fn layout<B: LockBackend>(node: NonNull<Node<B>>) -> Layout {
        // SAFETY: a value is stored in the node.
        unsafe { T::layout_at(Self::place(node)) }
    }

    unsafe fn take<B: LockBackend>(node: NonNull<Node<B>>, _: State) -> T::Taken {
        // SAFETY: a value is stored in the node, and the caller has it for itself.
        unsafe { T::take(Self::place(node)) }
    }
}

impl<T: Stored + ?Sized> Inline<T> {
    /// Where a node has its value, whatever the value's size.
    #[inline]
    pub(super) fn place<B: LockBackend>(node: NonNull<Node<B>>) -> NonNull<u8> {
        const { assert!(T::ALIGN.is_power_of_two()) };
        let least = Layout::from_size_align(0, T::ALIGN).expect("a type's alignment");
        Node::payload(node, least)
    }
}
