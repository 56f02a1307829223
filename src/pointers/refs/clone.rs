//! Clones of values whose size is known at run time only: slices, strings, paths.

use core::ffi::CStr;
use core::mem::{self, MaybeUninit};
use core::ptr;
#[cfg(feature = "std")]
use std::{ffi::OsStr, path::Path};

use super::{Ref, UniqueRef, fill};
use crate::RefCount;
use crate::atomic::Backend;

/// Describes a type whose values can be cloned into memory that the caller provides, whatever their
/// size: what [`Ref::make_mut`] and the clone of a [`UniqueRef`] ask for.
///
/// Every sized [`Clone`] type has it, and so do `str`, slices of `Clone` elements, `CStr`, `OsStr` and
/// `Path`. It is the trait of std that has this name, which is not stable yet.
///
/// # Safety
///
/// When [`clone_to_uninit`](Self::clone_to_uninit) returns, `dest` holds a value to which the pointer
/// metadata of `self` applies.
pub unsafe trait CloneToUninit {
    /// Writes a clone of the value to `dest`.
    ///
    /// If it panics, nothing at `dest` needs to be dropped.
    ///
    /// # Safety
    ///
    /// `dest` may be written, has room for as many bytes as the value takes, has the value's alignment,
    /// and does not overlap with the value.
    unsafe fn clone_to_uninit(&self, dest: *mut u8);
}

// SAFETY: a clone is written, and a sized type has no metadata.
unsafe impl<T: Clone> CloneToUninit for T {
    #[inline]
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { dest.cast::<T>().write(self.clone()) };
    }
}

// SAFETY: as many clones are written as there are elements.
unsafe impl<T: Clone> CloneToUninit for [T] {
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
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

        let mut guard = Written {
            // SAFETY: there is room for as many elements, by the caller's promise, and the caller has
            // the memory for itself.
            places: unsafe { core::slice::from_raw_parts_mut(dest.cast(), self.len()) },
            written: 0,
        };
        for (i, element) in self.iter().enumerate() {
            guard.places[i].write(element.clone());
            guard.written = i + 1;
        }
        mem::forget(guard);
    }
}

/// Copies the bytes of a value.
///
/// # Safety
///
/// As for [`CloneToUninit::clone_to_uninit`], and a copy of the value's bytes is a value.
unsafe fn copy_to_uninit<T: ?Sized>(value: &T, dest: *mut u8) {
    let bytes = ptr::from_ref(value).cast::<u8>();
    // SAFETY: the caller's promise.
    unsafe { ptr::copy_nonoverlapping(bytes, dest, size_of_val(value)) };
}

// SAFETY: the bytes of a `str` are a `str`, of the same length.
unsafe impl CloneToUninit for str {
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
        // SAFETY: the caller's promise; see above.
        unsafe { copy_to_uninit(self, dest) };
    }
}

// SAFETY: a `CStr` owns nothing and borrows nothing: it is its bytes, the nul included, as
// `CStr::from_bytes_with_nul` shows, and std makes a `Box<CStr>` of a `&CStr` by copying them.
unsafe impl CloneToUninit for CStr {
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
        // SAFETY: the caller's promise; see above.
        unsafe { copy_to_uninit(self, dest) };
    }
}

// SAFETY: an `OsStr` owns nothing and borrows nothing: it is its encoded bytes, as
// `OsStr::as_encoded_bytes` shows.
#[cfg(feature = "std")]
unsafe impl CloneToUninit for OsStr {
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
        // SAFETY: the caller's promise; see above.
        unsafe { copy_to_uninit(self, dest) };
    }
}

// SAFETY: a `Path` is an `OsStr` by another name.
#[cfg(feature = "std")]
unsafe impl CloneToUninit for Path {
    unsafe fn clone_to_uninit(&self, dest: *mut u8) {
        // SAFETY: the caller's promise; see above.
        unsafe { copy_to_uninit(self, dest) };
    }
}

impl<T: ?Sized + CloneToUninit, B: Backend> UniqueRef<T, B> {
    /// Allocates a clone of `value`, which may be a slice or a string, over any backend.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    ///
    /// let mut text: UniqueRef<str> = UniqueRef::clone_of("text");
    /// text.make_ascii_uppercase();
    /// assert_eq!(&*text, "TEXT");
    /// ```
    #[inline]
    pub fn clone_of(value: &T) -> Self {
        let value = fill::cloned(value, RefCount::<B>::new_in(0));
        // SAFETY: it was just made, with a count of zero.
        unsafe { Self::from_value(value) }
    }
}

impl<T: ?Sized + CloneToUninit, B: Backend> Clone for UniqueRef<T, B> {
    /// Clones the value into memory of its own.
    #[inline]
    fn clone(&self) -> Self {
        Self::clone_of(self)
    }
}

impl<T: ?Sized + CloneToUninit, B: Backend> Ref<T, B> {
    /// Allocates a clone of `value` with a count of one; for `From`.
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub(super) fn clone_of(value: &T) -> Self {
        let value = fill::cloned(value, RefCount::<B>::new_in(1));
        // SAFETY: the count of one is for this.
        unsafe { Self::from_value(value) }
    }

    /// Returns the value for writing. If there are other references, replaces this one by a reference
    /// to a clone first.
    ///
    /// Slices and strings can be cloned as well: see [`CloneToUninit`].
    ///
    /// # Memory ordering
    ///
    /// As [`get_mut`](Self::get_mut).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let mut a = Ref::new(vec![1]);
    /// let b = a.clone();
    /// Ref::make_mut(&mut a).push(2);
    /// assert_eq!((&**a, &**b), (&[1, 2][..], &[1][..]));
    ///
    /// let mut text: Ref<str> = Ref::from("text");
    /// Ref::make_mut(&mut text).make_ascii_uppercase();
    /// assert_eq!(&*text, "TEXT");
    /// ```
    #[must_use = "the clone is made for the sake of the result"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn make_mut(this: &mut Self) -> &mut T {
        if !this.count().is_only_reference() {
            *this = Self::clone_of(this);
        }
        // SAFETY: it is the only reference, before or since the line above, and borrowed exclusively
        // for as long as the result.
        unsafe { this.value.as_mut() }
    }
}
