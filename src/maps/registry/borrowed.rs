//! A borrowed handle.

use core::fmt;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Handle;
use super::entry::Entry;
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{Counted, Lent};

/// A borrowed object of a [`Registry`](super::Registry), lent by a [`Handle`]: `Copy`, one word, and not
/// counted.
///
/// A `&Handle` is a pointer to a pointer, and dies with the place of the handle. This one points to the object itself; it can be
/// [turned into a handle](Self::to_handle), which a `&V` cannot.
///
/// # Examples
///
/// ```
/// use kref::registry::Borrowed;
/// use kref::{Handle, Registry};
///
/// /// Needs a handle only sometimes.
/// fn keep_long_ones(text: Borrowed<'_, u32, String>, kept: &mut Vec<Handle<u32, String>>) {
///     if text.len() > 3 {
///         kept.push(Borrowed::to_handle(text));
///     }
/// }
///
/// let registry = Registry::<u32, String>::new();
/// let one = registry.get_or_insert_with(1, |_| "one".into());
/// let three = registry.get_or_insert_with(3, |_| "three".into());
/// let mut kept = Vec::new();
/// for text in [&one, &three] {
///     keep_long_ones(Handle::borrowed(text), &mut kept);
/// }
/// assert_eq!(kept, [three]);
/// ```
pub struct Borrowed<'a, K, V, B: LockBackend = Native> {
    /// # Invariants
    ///
    /// The value is there, and seen.
    entry: Lent<'a, Entry<K, V>, B>,
}

impl<'a, K, V, B: LockBackend> Borrowed<'a, K, V, B> {
    #[inline]
    pub(super) fn new(entry: &'a Counted<Entry<K, V>, B>) -> Self {
        Self {
            entry: Lent::new(entry),
        }
    }

    /// Borrows a handle that [`Handle::into_raw`] has made a raw pointer, and leaves it one.
    ///
    /// # Safety
    ///
    /// The pointer came from `Handle::into_raw` of exactly this type, and its reference is not taken back before `'a` ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::registry::Borrowed;
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let raw = Handle::into_raw(registry.get_or_insert_with(1, |_| "one"));
    /// // SAFETY: it is taken back below.
    /// let borrowed: Borrowed<'_, u32, &str> = unsafe { Borrowed::from_raw(raw) };
    /// assert_eq!(*borrowed, "one");
    /// // SAFETY: once, and nobody borrows it any more.
    /// drop(unsafe { Handle::<u32, &str>::from_raw(raw) });
    /// ```
    #[must_use]
    pub unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises; it was a handle's, whose value is there.
        let entry = unsafe { Lent::from_raw(raw) };
        Self { entry }
    }

    /// Returns the value, for as long as it is lent.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::registry::Borrowed;
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// let value: &&str = Borrowed::value(Handle::borrowed(&one)); // borrows `one`, and not the `Borrowed`
    /// assert_eq!(*value, "one");
    /// ```
    #[must_use]
    #[inline]
    pub fn value(this: Self) -> &'a V {
        let counted = this.entry.counted();
        // SAFETY: the invariant of the field.
        let value: *const V = unsafe { Entry::value(&counted) };
        // SAFETY: the reference that is lent keeps the value for `'a`.
        unsafe { &*value }
    }

    /// Returns the key, for as long as it is lent.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::registry::Borrowed;
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert_eq!(Borrowed::key(Handle::borrowed(&one)), &1);
    /// ```
    #[must_use]
    pub fn key(this: Self) -> &'a K {
        let counted = this.entry.counted();
        let key: *const K = Entry::key(&counted);
        // SAFETY: the reference that is lent keeps the key for `'a`.
        unsafe { &*key }
    }

    /// Returns a handle to the object: one atomic increment.
    ///
    /// # Memory ordering
    ///
    /// Relaxed, as a clone of the handle.
    ///
    /// # Examples
    ///
    /// See [`Borrowed`].
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn to_handle(this: Self) -> Handle<K, V, B> {
        let counted = Counted::clone(&this.entry.counted());
        // SAFETY: the invariant of the field.
        unsafe { Handle::new(counted) }
    }

    /// Returns whether both are of the same object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::registry::Borrowed;
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(Borrowed::ptr_eq(Handle::borrowed(&one), Handle::borrowed(&one.clone())));
    /// ```
    #[must_use]
    pub fn ptr_eq(this: Self, other: Self) -> bool {
        this.entry.counted().node() == other.entry.counted().node()
    }
}

impl<K, V, B: LockBackend> Clone for Borrowed<'_, K, V, B> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V, B: LockBackend> Copy for Borrowed<'_, K, V, B> {}

impl<K, V, B: LockBackend> Deref for Borrowed<'_, K, V, B> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        Self::value(*self)
    }
}

impl<'a, K, V, B: LockBackend> From<&'a Handle<K, V, B>> for Borrowed<'a, K, V, B> {
    fn from(handle: &'a Handle<K, V, B>) -> Self {
        Handle::borrowed(handle)
    }
}

impl<K, V: fmt::Debug, B: LockBackend> fmt::Debug for Borrowed<'_, K, V, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<K: RefUnwindSafe, V: RefUnwindSafe, B: LockBackend> UnwindSafe for Borrowed<'_, K, V, B> {}
impl<K: RefUnwindSafe, V: RefUnwindSafe, B: LockBackend> RefUnwindSafe for Borrowed<'_, K, V, B> {}
