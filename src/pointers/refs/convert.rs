//! The conversions from and between values, which all shared pointers have.
//!
//! A macro, because only `core` may implement `core`'s traits for all types that have some property
//! (see `forward`).

use core::ffi::CStr;
#[cfg(feature = "std")]
use std::{ffi::OsStr, path::Path};

use super::{CloneToUninit, Ref, UniqueRef};
use crate::RefCount;
use crate::atomic::Native;

mod sealed {
    use super::CloneToUninit;

    /// Names the types that a `Ref` takes over from a borrow by copying what is borrowed. For sized
    /// types `Ref::from(&value)` is a `Ref` of the borrow.
    pub trait Contents: CloneToUninit {}
}

pub(crate) use self::sealed::Contents;

impl<T: Clone> Contents for [T] {}
impl Contents for str {}
impl Contents for CStr {}
#[cfg(feature = "std")]
impl Contents for OsStr {}
#[cfg(feature = "std")]
impl Contents for Path {}

/// Implements the conversions of a pointer whose memory begins with a header. The header is that of a
/// value with one reference.
macro_rules! convert_from_values {
    ($Pointer:ident, $header:expr) => {
        impl<T> From<T> for $Pointer<T> {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(value: T) -> Self {
                Self::new(value)
            }
        }

        impl<T: Default> Default for $Pointer<T> {
            #[cfg_attr(feature = "track", track_caller)]
            fn default() -> Self {
                Self::new(T::default())
            }
        }

        impl<T: ?Sized> From<alloc::boxed::Box<T>> for $Pointer<T> {
            /// Moves the value from one allocation to another; also a trait object.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: alloc::boxed::Box<T>) -> Self {
                let value = $crate::pointers::refs::fill::boxed(from, $header);
                // SAFETY: the value is there, and the one reference is for this.
                unsafe { Self::from_value(value) }
            }
        }

        impl<T: ?Sized + $crate::pointers::refs::convert::Contents> From<&T> for $Pointer<T> {
            /// Clones the contents of a slice, a string or a path into one allocation.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: &T) -> Self {
                let value = $crate::pointers::refs::fill::cloned(from, $header);
                // SAFETY: the value is there, and the one reference is for this.
                unsafe { Self::from_value(value) }
            }
        }

        impl<T: ?Sized + $crate::pointers::refs::convert::Contents> From<&mut T> for $Pointer<T> {
            /// Clones the contents of a slice, a string or a path into one allocation.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: &mut T) -> Self {
                Self::from(&*from)
            }
        }

        impl From<alloc::string::String> for $Pointer<str> {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: alloc::string::String) -> Self {
                Self::from(&*from)
            }
        }

        impl From<alloc::ffi::CString> for $Pointer<core::ffi::CStr> {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: alloc::ffi::CString) -> Self {
                Self::from(&*from)
            }
        }

        #[cfg(feature = "std")]
        impl From<std::ffi::OsString> for $Pointer<std::ffi::OsStr> {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: std::ffi::OsString) -> Self {
                Self::from(&*from)
            }
        }

        #[cfg(feature = "std")]
        impl From<std::path::PathBuf> for $Pointer<std::path::Path> {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: std::path::PathBuf) -> Self {
                Self::from(&*from)
            }
        }

        impl<'a, T: ?Sized + alloc::borrow::ToOwned> From<alloc::borrow::Cow<'a, T>> for $Pointer<T>
        where
            $Pointer<T>: From<&'a T> + From<T::Owned>,
        {
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: alloc::borrow::Cow<'a, T>) -> Self {
                match from {
                    alloc::borrow::Cow::Borrowed(value) => Self::from(value),
                    alloc::borrow::Cow::Owned(value) => Self::from(value),
                }
            }
        }

        impl<T> From<alloc::vec::Vec<T>> for $Pointer<[T]> {
            /// Moves the elements into one allocation.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(mut from: alloc::vec::Vec<T>) -> Self {
                // SAFETY: the vector forgets its elements in the next line, and nothing panics between.
                let slice = unsafe { $crate::pointers::refs::fill::moved(&from, $header) };
                // SAFETY: zero elements are initialised.
                unsafe { from.set_len(0) };
                // SAFETY: the elements are there, and the one reference is for this.
                unsafe { Self::from_value(slice) }
            }
        }

        impl<T, const N: usize> From<[T; N]> for $Pointer<[T]> {
            /// Moves the elements into one allocation.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: [T; N]) -> Self {
                let from = core::mem::ManuallyDrop::new(from);
                // SAFETY: the array is not dropped.
                let slice = unsafe { $crate::pointers::refs::fill::moved(&from[..], $header) };
                // SAFETY: the elements are there, and the one reference is for this.
                unsafe { Self::from_value(slice) }
            }
        }

        impl<T> FromIterator<T> for $Pointer<[T]> {
            /// Collects the elements in a vector, and moves them from there.
            #[cfg_attr(feature = "track", track_caller)]
            fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
                Self::from(alloc::vec::Vec::from_iter(iter))
            }
        }

        impl<T, B: $crate::atomic::Backend, const N: usize> TryFrom<$Pointer<[T], B>>
            for $Pointer<[T; N], B>
        {
            type Error = $Pointer<[T], B>;

            /// Returns the same reference if the length is right, and gives it back if it is not.
            fn try_from(slice: $Pointer<[T], B>) -> Result<Self, Self::Error> {
                if slice.len() != N {
                    return Err(slice);
                }
                let (array, token) = $Pointer::into_parts(slice);
                // SAFETY: the same value and reference; an array has the layout of a slice of its length.
                Ok(unsafe { Self::from_parts(array.cast::<[T; N]>(), token) })
            }
        }

        impl<B: $crate::atomic::Backend> From<$Pointer<str, B>> for $Pointer<[u8], B> {
            /// Returns the same reference, as bytes.
            #[cfg_attr(feature = "track", track_caller)]
            fn from(from: $Pointer<str, B>) -> Self {
                let (value, token) = $Pointer::into_parts(from);
                let bytes = value.as_ptr() as *mut [u8];
                // SAFETY: what comes from a pointer is not null.
                let bytes = unsafe { core::ptr::NonNull::new_unchecked(bytes) };
                // SAFETY: the same value and reference; a `str` is bytes.
                unsafe { Self::from_parts(bytes, token) }
            }
        }

        impl<B: $crate::atomic::Backend> TryFrom<$Pointer<[u8], B>> for $Pointer<str, B> {
            type Error = core::str::Utf8Error;

            /// Returns the same reference if the bytes are UTF-8.
            fn try_from(from: $Pointer<[u8], B>) -> Result<Self, Self::Error> {
                core::str::from_utf8(&from)?;
                let (value, token) = $Pointer::into_parts(from);
                let text = value.as_ptr() as *mut str;
                // SAFETY: what comes from a pointer is not null.
                let text = unsafe { core::ptr::NonNull::new_unchecked(text) };
                // SAFETY: the same value and reference; the bytes are those of a `str`, as was just checked.
                Ok(unsafe { Self::from_parts(text, token) })
            }
        }

        impl Default for $Pointer<str> {
            #[cfg_attr(feature = "track", track_caller)]
            fn default() -> Self {
                Self::from("")
            }
        }

        impl Default for $Pointer<core::ffi::CStr> {
            #[cfg_attr(feature = "track", track_caller)]
            fn default() -> Self {
                Self::from(c"")
            }
        }

        impl<T> Default for $Pointer<[T]> {
            #[cfg_attr(feature = "track", track_caller)]
            fn default() -> Self {
                Self::from([])
            }
        }
    };
}

pub(crate) use convert_from_values;

convert_from_values!(Ref, RefCount::<Native>::new_in(1));

impl<T> From<T> for UniqueRef<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for UniqueRef<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
