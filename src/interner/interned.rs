//! The user's reference to an interned value.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use super::stored::{Inline, Stored};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::table::Counted;

/// Owns one reference to a value of an [`Interner`](super::Interner), and dereferences to it.
///
/// It is one pointer, also for `str`. Cloning it is one atomic increment, dropping it one atomic
/// decrement; the last drop takes the value out of the interner, under the lock of its shard.
///
/// `Eq` and `Hash` go by the address, in constant time: two values of one interner are equal if and
/// only if they are the same. So values of different interners are never equal. `Ord` and `Display`
/// go by the value.
///
/// # Examples
///
/// ```
/// use kref::{Interned, Interner};
///
/// let names = Interner::<str>::new();
/// let name: Interned<str> = names.intern_ref("kref");
/// assert_eq!(name.len(), 4); // a method of str
/// assert_eq!(names.get("kref"), Some(name.clone()));
/// drop(name);
/// assert!(names.is_empty());
/// ```
pub struct Interned<T: Stored + ?Sized, B: LockBackend = Native> {
    value: Counted<Inline<T>, B>,
}

impl<T: Stored + ?Sized, B: LockBackend> Interned<T, B> {
    pub(super) fn new(value: Counted<Inline<T>, B>) -> Self {
        Self { value }
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    #[must_use]
    pub fn count_hint(this: &Self) -> u32 {
        this.value.count_hint()
    }

    /// Returns whether two references are to the same value, as `==` does.
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.value.node() == other.value.node()
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Clone for Interned<T, B> {
    #[inline]
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Deref for Interned<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the reference keeps the value.
        unsafe { T::at(Inline::<T>::place(self.value.node())) }
    }
}

impl<T: Stored + ?Sized, B: LockBackend> AsRef<T> for Interned<T, B> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Stored + ?Sized, B: LockBackend> PartialEq for Interned<T, B> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        Self::ptr_eq(self, other)
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Eq for Interned<T, B> {}

impl<T: Stored + ?Sized, B: LockBackend> Hash for Interned<T, B> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::hash(self.value.node().as_ptr(), state);
    }
}

impl<T: Stored + ?Sized + Ord, B: LockBackend> PartialOrd for Interned<T, B> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Stored + ?Sized + Ord, B: LockBackend> Ord for Interned<T, B> {
    /// Compares the values; equal values of different interners, which are not `==`, by address.
    fn cmp(&self, other: &Self) -> Ordering {
        if self == other {
            return Ordering::Equal;
        }
        let address = |this: &Self| this.value.node();
        (**self)
            .cmp(&**other)
            .then_with(|| address(self).cmp(&address(other)))
    }
}

impl<T: Stored + ?Sized + fmt::Debug, B: LockBackend> fmt::Debug for Interned<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Stored + ?Sized + fmt::Display, B: LockBackend> fmt::Display for Interned<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Unpin for Interned<T, B> {}
impl<T: Stored + ?Sized + RefUnwindSafe, B: LockBackend> UnwindSafe for Interned<T, B> {}
impl<T: Stored + ?Sized + RefUnwindSafe, B: LockBackend> RefUnwindSafe for Interned<T, B> {}
