//! Slices and strings, which have their contents behind the count.

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::mem::{self, MaybeUninit};
use core::ptr::{self, NonNull};
use core::str::Utf8Error;

use super::memory::{Memory, capacity_overflow};
use super::{Ref, UniqueRef};
use crate::atomic::{Backend, Native};

impl<T> UniqueRef<[T], Native> {
    /// Allocates room for a slice, to be filled in place.
    ///
    /// # Panics
    ///
    /// If the size does not fit in an `isize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, UniqueRef};
    ///
    /// let mut squares = UniqueRef::<[u64]>::new_uninit_slice(4);
    /// for (square, i) in squares.iter_mut().zip(0..) {
    ///     square.write(i * i);
    /// }
    /// // SAFETY: each of them was written.
    /// let squares: Ref<[u64]> = UniqueRef::share(unsafe { squares.assume_init() });
    /// assert_eq!(*squares, [0, 1, 4, 9]);
    /// ```
    pub fn new_uninit_slice(len: usize) -> UniqueRef<[MaybeUninit<T>]> {
        let Ok(layout) = Layout::array::<T>(len) else {
            capacity_overflow()
        };
        let first = Memory::<Native>::new(layout, 0).into_value().cast();
        let slice = NonNull::slice_from_raw_parts(first, len);
        // SAFETY: the memory has room for the slice, which may be uninitialised, and a count of zero.
        unsafe { UniqueRef::from_value(slice) }
    }
}

impl<T, B: Backend> UniqueRef<[MaybeUninit<T>], B> {
    /// Declares that every element has been written.
    ///
    /// # Safety
    ///
    /// It has to be true.
    pub unsafe fn assume_init(self) -> UniqueRef<[T], B> {
        let uninit = Self::into_value(self);
        let slice = NonNull::slice_from_raw_parts(uninit.cast(), uninit.len());
        // SAFETY: the same memory, and by the caller's promise the elements are of type `T`.
        unsafe { UniqueRef::from_value(slice) }
    }
}

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

impl<T: Clone> From<&[T]> for Ref<[T]> {
    /// Clones the elements into one allocation.
    fn from(from: &[T]) -> Self {
        /// Destroys what has been written, if a clone panics.
        struct Written<'a, T> {
            places: &'a mut [MaybeUninit<T>],
            written: usize,
        }

        impl<T> Drop for Written<'_, T> {
            fn drop(&mut self) {
                for place in &mut self.places[..self.written] {
                    // SAFETY: this one was written.
                    unsafe { place.assume_init_drop() };
                }
            }
        }

        let mut slice = UniqueRef::<[T]>::new_uninit_slice(from.len());
        let mut guard = Written {
            places: &mut slice,
            written: 0,
        };
        for (i, element) in from.iter().enumerate() {
            guard.places[i].write(element.clone());
            guard.written = i + 1;
        }
        mem::forget(guard);
        // SAFETY: the loop has gone to the end, which is the end of both.
        UniqueRef::share(unsafe { slice.assume_init() })
    }
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

impl From<&str> for Ref<str> {
    fn from(from: &str) -> Self {
        // SAFETY: bytes are `Copy`.
        let bytes = Ref::into_raw(unsafe { moved(from.as_bytes()) });
        // SAFETY: the same value and reference; the bytes are those of a `str`.
        unsafe { Self::from_raw(bytes as *const str) }
    }
}

impl From<String> for Ref<str> {
    fn from(from: String) -> Self {
        Self::from(from.as_str())
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

impl<'a, T: ?Sized + ToOwned> From<Cow<'a, T>> for Ref<T>
where
    Ref<T>: From<&'a T> + From<T::Owned>,
{
    fn from(from: Cow<'a, T>) -> Self {
        match from {
            Cow::Borrowed(value) => Self::from(value),
            Cow::Owned(value) => Self::from(value),
        }
    }
}

impl Default for Ref<str> {
    fn default() -> Self {
        Self::from("")
    }
}

impl<T> Default for Ref<[T]> {
    fn default() -> Self {
        Self::from([])
    }
}
