//! Slices and strings, which have their contents behind the count: elements that are moved, and
//! references that change their type.

use alloc::vec::Vec;
use core::mem;
use core::ptr;
use core::str::Utf8Error;

use super::{Ref, UniqueRef};
use crate::atomic::Backend;

/// Makes a slice of bitwise copies.
///
/// # Safety
///
/// The elements are moved: the caller forgets the originals, or `T` is `Copy`.
unsafe fn moved<T>(from: &[T]) -> Ref<[T]> {
    let mut slice = UniqueRef::<[T]>::new_uninit_slice(from.len());
    let places = slice.as_mut_ptr().cast::<T>();
    // SAFETY: as many elements as there are places, in new memory.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), places, from.len()) };
    // SAFETY: each of them was copied.
    UniqueRef::share(unsafe { slice.assume_init() })
}

impl<T> From<Vec<T>> for Ref<[T]> {
    /// Moves the elements into one allocation.
    fn from(mut from: Vec<T>) -> Self {
        // SAFETY: the vector forgets its elements in the next line, and nothing panics between.
        let slice = unsafe { moved(&from) };
        // SAFETY: zero elements are initialised.
        unsafe { from.set_len(0) };
        slice
    }
}

impl<T, const N: usize> From<[T; N]> for Ref<[T]> {
    /// Moves the elements into one allocation.
    fn from(from: [T; N]) -> Self {
        // SAFETY: the array is forgotten in the next line, and nothing panics between.
        let slice = unsafe { moved(&from) };
        mem::forget(from);
        slice
    }
}

impl<T> FromIterator<T> for Ref<[T]> {
    /// Collects the elements in a vector, and moves them from there.
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self::from(Vec::from_iter(iter))
    }
}

impl<T, B: Backend, const N: usize> TryFrom<Ref<[T], B>> for Ref<[T; N], B> {
    type Error = Ref<[T], B>;

    /// Returns the same reference if the length is right, and gives it back if it is not.
    fn try_from(slice: Ref<[T], B>) -> Result<Self, Self::Error> {
        if slice.len() != N {
            return Err(slice);
        }
        let array = Ref::into_value(slice).cast::<[T; N]>();
        // SAFETY: the same value and reference; an array has the layout of a slice of its length.
        Ok(unsafe { Self::from_value(array) })
    }
}

impl<B: Backend> From<Ref<str, B>> for Ref<[u8], B> {
    /// Returns the same reference, as bytes.
    fn from(from: Ref<str, B>) -> Self {
        // SAFETY: the same value and reference; a `str` is bytes.
        unsafe { Self::from_raw_in(Ref::into_raw(from) as *const [u8]) }
    }
}

impl<B: Backend> TryFrom<Ref<[u8], B>> for Ref<str, B> {
    type Error = Utf8Error;

    /// Returns the same reference if the bytes are UTF-8.
    fn try_from(from: Ref<[u8], B>) -> Result<Self, Self::Error> {
        core::str::from_utf8(&from)?;
        // SAFETY: the same value and reference; the bytes are those of a `str`, as was just checked.
        Ok(unsafe { Self::from_raw_in(Ref::into_raw(from) as *const str) })
    }
}

impl<T> Default for Ref<[T]> {
    fn default() -> Self {
        Self::from([])
    }
}
