//! The conversions that need no more than the constructors.

use alloc::borrow::{Cow, ToOwned};
use alloc::ffi::CString;
use alloc::string::String;
use core::ffi::CStr;
#[cfg(feature = "std")]
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{CloneToUninit, Ref, UniqueRef};

impl<T> From<T> for Ref<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> From<T> for UniqueRef<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Ref<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default> Default for UniqueRef<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

mod sealed {
    use super::CloneToUninit;

    /// Names the types that a `Ref` takes over from a borrow by copying what is borrowed. For sized
    /// types `Ref::from(&value)` is a `Ref` of the borrow.
    pub trait Contents: CloneToUninit {}
}

use self::sealed::Contents;

impl<T: Clone> Contents for [T] {}
impl Contents for str {}
impl Contents for CStr {}
#[cfg(feature = "std")]
impl Contents for OsStr {}
#[cfg(feature = "std")]
impl Contents for Path {}

impl<T: ?Sized + Contents> From<&T> for Ref<T> {
    /// Clones the contents of a slice, a string or a path into one allocation.
    fn from(from: &T) -> Self {
        Self::clone_of(from)
    }
}

impl<T: ?Sized + Contents> From<&mut T> for Ref<T> {
    /// Clones the contents of a slice, a string or a path into one allocation.
    fn from(from: &mut T) -> Self {
        Self::clone_of(from)
    }
}

impl From<String> for Ref<str> {
    fn from(from: String) -> Self {
        Self::clone_of(&from)
    }
}

impl From<CString> for Ref<CStr> {
    fn from(from: CString) -> Self {
        Self::clone_of(&from)
    }
}

#[cfg(feature = "std")]
impl From<OsString> for Ref<OsStr> {
    fn from(from: OsString) -> Self {
        Self::clone_of(&from)
    }
}

#[cfg(feature = "std")]
impl From<PathBuf> for Ref<Path> {
    fn from(from: PathBuf) -> Self {
        Self::clone_of(&from)
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

impl Default for Ref<CStr> {
    fn default() -> Self {
        Self::from(c"")
    }
}
