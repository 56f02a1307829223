//! How a value lies in a node's slot.
//!
//! | type | in the slot | in an allocation of its own |
//! |---|---|---|
//! | a sized `T` of at most 128 bytes | the value | |
//! | a larger sized `T` | its address | the value |
//! | `str`, `[T]` of at most `ROOM` bytes | the length and the elements | |
//! | a longer `str` or `[T]` | the length and the address of the elements | the elements |
//!
//! The allocation is made and filled before the lock is taken, and freed with no lock held.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use crate::lock::LockBackend;
use crate::maps::table::{DropInPlace, Large, Node, Payload, Place, State};
use crate::pointers::deep::with_room;

/// Names the types that an [`Interner`](super::Interner) can hold: every sized type, `str`, and
/// slices of `Copy` elements.
///
/// It cannot be implemented outside this crate.
///
/// # Safety
///
/// `at` is the value that is stored in a slot, and `end` drops it.
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
        /// The layout of what lies in the slot.
        const SLOT: Layout;

        /// The value that is stored in a slot.
        ///
        /// # Safety
        ///
        /// A value is stored there, as long as the borrow lasts.
        unsafe fn at<'a>(slot: NonNull<u8>) -> &'a Self;

        /// Whether `end` has nothing to do.
        ///
        /// # Safety
        ///
        /// A value is stored there.
        unsafe fn is_trivial(slot: NonNull<u8>) -> bool;

        /// Drops the value, and frees what it has outside the slot.
        ///
        /// # Safety
        ///
        /// A value is stored there, and is the caller's alone. Once only.
        unsafe fn end(slot: NonNull<u8>);
    }
}

// SAFETY: the value lies where `Place` has it.
#[diagnostic::do_not_recommend]
unsafe impl<T> sealed::Stored for T {
    const SLOT: Layout = Place::<T>::SLOT;

    #[inline]
    unsafe fn at<'a>(slot: NonNull<u8>) -> &'a T {
        // SAFETY: as the caller promises.
        let value = unsafe { Place::<T>::at(slot) };
        // SAFETY: as above.
        unsafe { value.as_ref() }
    }

    #[inline]
    unsafe fn is_trivial(_: NonNull<u8>) -> bool {
        Place::<T>::TRIVIAL
    }

    unsafe fn end(slot: NonNull<u8>) {
        with_room::<T>(|| {
            // SAFETY: the value is the caller's alone, and dropped before this.
            let _memory = unsafe { Place::<T>::free_at_end(slot) };
            // SAFETY: as the caller promises.
            let value = unsafe { Place::<T>::at(slot) };
            // SAFETY: as above, once.
            drop(unsafe { DropInPlace::new(value.as_ptr()) });
        });
    }
}

/// How many bytes of elements lie in the slot of a slice.
const ROOM: usize = 24;

/// How a slice lies in its slot: its length, and behind it the elements, or their address.
struct Slice<T>(PhantomData<T>);

impl<T: Copy> Slice<T> {
    const SLOT: Layout = {
        let size = Self::offset(true) + ROOM;
        let align = if align_of::<T>() > align_of::<usize>() && Self::FITS {
            align_of::<T>()
        } else {
            align_of::<usize>()
        };
        match Layout::from_size_align(size, align) {
            Ok(layout) => layout,
            Err(_) => panic!("a slot is small"),
        }
    };

    /// Whether elements may lie in a slot at all.
    const FITS: bool = align_of::<T>() <= 16;

    #[inline]
    const fn is_inline(len: usize) -> bool {
        Self::FITS && size_of::<T>() * len <= ROOM
    }

    /// Where the elements, or their address, are.
    #[inline]
    const fn offset(is_inline: bool) -> usize {
        if is_inline && Self::FITS {
            size_of::<usize>().next_multiple_of(align_of::<T>())
        } else {
            size_of::<usize>()
        }
    }

    /// # Safety
    ///
    /// A slice is stored there.
    #[inline]
    unsafe fn of(slot: NonNull<u8>) -> NonNull<[T]> {
        // SAFETY: the length is stored first.
        let len = unsafe { slot.cast::<usize>().read() };
        let is_inline = Self::is_inline(len);
        // SAFETY: within the slot.
        let place = unsafe { slot.add(Self::offset(is_inline)) };
        let elements = if is_inline {
            place.cast()
        } else {
            // SAFETY: their address is stored there.
            unsafe { place.cast::<NonNull<T>>().read() }
        };
        NonNull::slice_from_raw_parts(elements, len)
    }
}

// SAFETY: the elements lie where `Slice` has them, and need no drop, as they are `Copy`.
#[diagnostic::do_not_recommend]
unsafe impl<T: Copy> sealed::Stored for [T] {
    const SLOT: Layout = Slice::<T>::SLOT;

    #[inline]
    unsafe fn at<'a>(slot: NonNull<u8>) -> &'a [T] {
        // SAFETY: as the caller promises.
        let slice = unsafe { Slice::of(slot) };
        // SAFETY: as above.
        unsafe { slice.as_ref() }
    }

    unsafe fn is_trivial(slot: NonNull<u8>) -> bool {
        // SAFETY: the length is stored first.
        Slice::<T>::is_inline(unsafe { slot.cast::<usize>().read() })
    }

    unsafe fn end(slot: NonNull<u8>) {
        // SAFETY: as the caller promises.
        if unsafe { Self::is_trivial(slot) } {
            return;
        }
        // SAFETY: as above.
        let slice = unsafe { Slice::<T>::of(slot) };
        // SAFETY: it came from a box, in `NewSlice::store`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(slice.as_ptr()) });
    }
}

// SAFETY: as its bytes.
unsafe impl sealed::Stored for str {
    const SLOT: Layout = <[u8] as sealed::Stored>::SLOT;

    #[inline]
    unsafe fn at<'a>(slot: NonNull<u8>) -> &'a str {
        // SAFETY: as the caller promises.
        let bytes = unsafe { <[u8]>::at(slot) };
        // SAFETY: the bytes of a `str` were stored.
        unsafe { core::str::from_utf8_unchecked(bytes) }
    }

    unsafe fn is_trivial(slot: NonNull<u8>) -> bool {
        // SAFETY: as the caller promises.
        unsafe { <[u8]>::is_trivial(slot) }
    }

    unsafe fn end(slot: NonNull<u8>) {
        // SAFETY: as the caller promises.
        unsafe { <[u8]>::end(slot) }
    }
}

/// A slice that is to be stored: where it will lie in the slot it is not copied yet.
pub(super) enum NewSlice<'a, T> {
    Small(&'a [T]),
    Large(Box<[T]>),
}

impl<'a, T: Copy> NewSlice<'a, T> {
    pub(super) fn new(slice: &'a [T]) -> Self {
        if Slice::<T>::is_inline(slice.len()) {
            Self::Small(slice)
        } else {
            Self::Large(slice.into())
        }
    }

    /// # Safety
    ///
    /// The slot is for a slice of `T`.
    pub(super) unsafe fn store(self, slot: NonNull<u8>) {
        let (len, is_inline) = match &self {
            Self::Small(slice) => (slice.len(), true),
            Self::Large(slice) => (slice.len(), false),
        };
        // SAFETY: as the caller promises.
        unsafe { slot.cast::<usize>().write(len) };
        // SAFETY: within the slot.
        let place = unsafe { slot.add(Slice::<T>::offset(is_inline)) };
        match self {
            // SAFETY: so many have room, and a new slot does not overlap with the slice.
            Self::Small(slice) => unsafe {
                ptr::copy_nonoverlapping(slice.as_ptr(), place.cast().as_ptr(), len);
            },
            Self::Large(slice) => {
                let elements = NonNull::from(Box::leak(slice)).cast::<T>();
                // SAFETY: as above.
                unsafe { place.cast().write(elements) };
            }
        }
    }
}

/// A large sized value that is to be stored.
///
/// # Invariants
///
/// The value is there.
pub(super) struct LargeValue<T>(Large<T>);

impl<T> LargeValue<T> {
    pub(super) fn new(value: T) -> Self {
        let memory = Large::new();
        // SAFETY: the memory is for a `T`.
        unsafe { memory.get().write(value) };
        Self(memory)
    }

    pub(super) fn get(&self) -> &T {
        // SAFETY: the value is there.
        unsafe { self.0.get().as_ref() }
    }

    /// # Safety
    ///
    /// The slot is for a `T` that is not inline.
    pub(super) unsafe fn store(self, slot: NonNull<u8>) {
        let this = ManuallyDrop::new(self);
        // SAFETY: moved out once, as `this` is not dropped.
        let memory = unsafe { ptr::read(&raw const this.0) };
        // SAFETY: as the caller promises.
        unsafe { memory.store(slot) };
    }
}

impl<T> Drop for LargeValue<T> {
    fn drop(&mut self) {
        // SAFETY: the value is there, and is not used any more.
        unsafe { self.0.get().drop_in_place() };
    }
}

/// A value that is its own key, as the payload of a node.
pub(super) struct Inline<T: ?Sized>(PhantomData<T>);

// SAFETY: as `Stored` promises.
unsafe impl<T: Stored + ?Sized> Payload for Inline<T> {
    const SLOT: Layout = T::SLOT;

    #[inline]
    unsafe fn is_trivial<B: LockBackend>(node: NonNull<Node<B>>) -> bool {
        // SAFETY: a value is stored in the node.
        unsafe { T::is_trivial(Self::slot(node)) }
    }

    unsafe fn end_value<B: LockBackend>(_: NonNull<Node<B>>) {
        unreachable!("an interner's keys are not exclusive")
    }

    unsafe fn end<B: LockBackend>(node: NonNull<Node<B>>, _: State) {
        // SAFETY: a value is stored in the node, and the caller has it for itself.
        unsafe { T::end(Self::slot(node)) };
    }
}

impl<T: Stored + ?Sized> Inline<T> {
    /// Where a node has its value, or what leads to it.
    #[inline]
    pub(super) fn slot<B: LockBackend>(node: NonNull<Node<B>>) -> NonNull<u8> {
        Node::payload(node, T::SLOT)
    }
}
