//! A borrowed reference to an interned value.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use super::stored::Inline;
use super::{Interned, Stored};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{Counted, Lent};

/// A borrowed value of an [`Interner`](super::Interner), lent by an [`Interned`]: `Copy`, one word even for a `str`,
/// and not counted.
///
/// `Eq` and `Hash` go by the address, as those of `Interned`. It can be [turned into](Self::to_interned) an `Interned`.
///
/// # Examples
///
/// ```
/// use kref::interner::Borrowed;
/// use kref::{Interned, Interner};
///
/// let names = Interner::<str>::new();
/// let (a, b) = (names.intern_ref("a"), names.intern_ref("b"));
/// let text = [&a, &b, &a].map(Interned::borrowed); // counts nothing
/// assert!(text[0] == text[2] && text[0] != text[1]);
///
/// let kept: Interned<str> = Borrowed::to_interned(text[1]);
/// assert_eq!(kept, b);
/// ```
pub struct Borrowed<'a, T: Stored + ?Sized, B: LockBackend = Native> {
    value: Lent<'a, Inline<T>, B>,
}

impl<'a, T: Stored + ?Sized, B: LockBackend> Borrowed<'a, T, B> {
    #[inline]
    pub(super) fn new(value: &'a Counted<Inline<T>, B>) -> Self {
        Self {
            value: Lent::new(value),
        }
    }

    /// Borrows a reference that [`Interned::into_raw`] has made a raw pointer, and leaves it one.
    ///
    /// # Safety
    ///
    /// The pointer came from `Interned::into_raw` of exactly this type, and its reference is not taken back before `'a` ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::interner::Borrowed;
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let raw = Interned::into_raw(names.intern_ref("kref"));
    /// // SAFETY: it is taken back below.
    /// let borrowed: Borrowed<'_, str> = unsafe { Borrowed::from_raw(raw) };
    /// assert_eq!(&*borrowed, "kref");
    /// // SAFETY: once, and nobody borrows it any more.
    /// drop(unsafe { Interned::<str>::from_raw(raw) });
    /// ```
    #[must_use]
    pub unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises.
        let value = unsafe { Lent::from_raw(raw) };
        Self { value }
    }

    /// Returns the value, for as long as it is lent.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    /// use kref::interner::{Borrowed, Interned};
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// let text: &str = Borrowed::value(Interned::borrowed(&name)); // borrows `name`, and not the `Borrowed`
    /// assert_eq!(text, "kref");
    /// ```
    #[must_use]
    #[inline]
    pub fn value(this: Self) -> &'a T {
        let value: *const T = super::value_of(&this.value.counted());
        // SAFETY: the reference that is lent keeps the value for `'a`.
        unsafe { &*value }
    }

    /// Returns a reference that is counted: one atomic increment.
    ///
    /// # Memory ordering
    ///
    /// Relaxed, as a clone of the `Interned`.
    ///
    /// # Examples
    ///
    /// See [`Borrowed`].
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn to_interned(this: Self) -> Interned<T, B> {
        Interned::new(Counted::clone(&this.value.counted()))
    }

    /// Returns whether both are of the same value, as `==` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Interner;
    /// use kref::interner::{Borrowed, Interned};
    ///
    /// let names = Interner::<str>::new();
    /// let (name, again) = (names.intern_ref("kref"), names.intern_ref("kref"));
    /// assert!(Borrowed::ptr_eq(Interned::borrowed(&name), Interned::borrowed(&again)));
    /// ```
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.value.counted().node() == other.value.counted().node()
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Clone for Borrowed<'_, T, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Copy for Borrowed<'_, T, B> {}

impl<T: Stored + ?Sized, B: LockBackend> Deref for Borrowed<'_, T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        Self::value(*self)
    }
}

impl<T: Stored + ?Sized, B: LockBackend> PartialEq for Borrowed<'_, T, B> {
    /// Compares the addresses.
    fn eq(&self, other: &Self) -> bool {
        Self::ptr_eq(*self, *other)
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Eq for Borrowed<'_, T, B> {}

impl<T: Stored + ?Sized, B: LockBackend> Hash for Borrowed<'_, T, B> {
    /// Hashes the address, as [`Interned`] does.
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::hash(self.value.counted().node().as_ptr(), state);
    }
}

impl<'a, T: Stored + ?Sized, B: LockBackend> From<&'a Interned<T, B>> for Borrowed<'a, T, B> {
    fn from(interned: &'a Interned<T, B>) -> Self {
        Self::new(interned.counted())
    }
}

impl<T: Stored + ?Sized + fmt::Debug, B: LockBackend> fmt::Debug for Borrowed<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Stored + ?Sized + fmt::Display, B: LockBackend> fmt::Display for Borrowed<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Stored + ?Sized + RefUnwindSafe, B: LockBackend> UnwindSafe for Borrowed<'_, T, B> {}
impl<T: Stored + ?Sized + RefUnwindSafe, B: LockBackend> RefUnwindSafe for Borrowed<'_, T, B> {}
