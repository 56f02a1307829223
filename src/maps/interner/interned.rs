//! The user's reference to an interned value.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use super::Borrowed;
use super::stored::{Inline, Stored};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::held::Held;
use crate::maps::table::Counted;
use crate::track::Origin;

/// A counted reference to a value of an [`Interner`](super::Interner), which dereferences to the
/// value.
///
/// It is one pointer, also for `str`. Cloning it is one atomic increment, dropping it one atomic
/// decrement; the last drop takes the value out of the interner, under the lock of its shard.
///
/// `Eq` and `Hash` go by the address, in constant time: two references of one interner are equal if
/// and only if they lead to the same value. So values of different interners are never equal. `Ord`
/// and `Display` go by the value, and so does the comparison of an `Interned<str>` with a text
/// (`name == "kref"`).
///
/// It is `Send` and `Sync` if the value is both.
///
/// There is no `Default`: the value would have to belong to an interner of the crate's own, and would equal no
/// value of yours. For a type of yours that contains one, take the default from your `static`:
///
/// ```
/// use kref::{Interned, Interner};
///
/// static NAMES: Interner<str> = Interner::new();
///
/// struct Variable {
///     name: Interned<str>,
/// }
///
/// impl Default for Variable {
///     fn default() -> Self {
///         Self { name: NAMES.intern_ref("") }
///     }
/// }
///
/// assert!(Variable::default().name == NAMES.intern_ref(""));
/// ```
///
/// # As a key
///
/// A `HashMap` with `Interned` keys hashes and compares one word. `Hash` goes by the address, so that a map cannot look a text up
/// (there is no `Borrow<str>`). Ask the interner first: a text that it does not have is no key of the map either.
///
/// ```
/// use kref::{Interned, Interner};
/// use std::collections::HashMap;
///
/// let names = Interner::<str>::new();
/// let mut values = HashMap::<Interned<str>, u32>::new();
/// values.insert(names.intern_ref("x"), 7);
///
/// let value = |name| values.get(&names.get(name)?); // `get` adds nothing to the interner
/// assert_eq!(value("x"), Some(&7));
/// assert_eq!(value("y"), None);
/// ```
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
    value: Held<Inline<T>, B>,
}

impl<T: Stored + ?Sized, B: LockBackend> Interned<T, B> {
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub(super) fn new(value: Counted<Inline<T>, B>) -> Self {
        Self {
            value: Held::new::<T>(value, Origin::here()),
        }
    }

    #[inline]
    pub(super) fn counted(&self) -> &Counted<Inline<T>, B> {
        self.value.counted()
    }

    /// Lends the reference as a [`Borrowed`], which is `Copy` and one word.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// let borrowed = Interned::borrowed(&name);
    /// assert_eq!(size_of_val(&borrowed), size_of::<usize>());
    /// assert_eq!(&*borrowed, "kref");
    /// ```
    #[must_use]
    #[inline]
    pub fn borrowed(this: &Self) -> Borrowed<'_, T, B> {
        Borrowed::new(this.counted())
    }

    /// Returns the address of the value. It does not change while the value lives.
    ///
    /// It is not the pointer that [`into_raw`](Self::into_raw) returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// assert_eq!(Interned::as_ptr(&name), &raw const *name);
    /// ```
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const T {
        &raw const **this
    }

    /// Gives the reference to the caller, as one word, also of a `str`: for a pointer with a tag, or a field of a C structure.
    ///
    /// The pointer is opaque: hand it to [`from_raw`](Self::from_raw), which takes the reference back, or to
    /// [`Borrowed::from_raw`], which borrows it. It is aligned as a pointer is, so that its lower bits are free for a tag: three on 64-bit targets, two on 32-bit ones. The
    /// value stays in the interner until the reference is taken back and dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let raw = Interned::into_raw(names.intern_ref("kref"));
    /// assert_eq!(size_of_val(&raw), size_of::<usize>());
    /// // SAFETY: it came from `into_raw`, and is taken back once.
    /// let name: Interned<str> = unsafe { Interned::from_raw(raw) };
    /// assert_eq!(name, "kref");
    /// ```
    #[must_use = "the value stays alive until the reference is taken back"]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn into_raw(this: Self) -> *const () {
        this.value.into_raw()
    }

    /// Takes back a reference that [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` of exactly this type, and its reference was not taken back before.
    ///
    /// # Examples
    ///
    /// See [`into_raw`](Self::into_raw).
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises.
        let value = unsafe { Held::from_raw(raw) };
        Self { value }
    }

    /// Makes another reference to the same value, and says what for: [`report_of`](crate::track) shows the tag.
    ///
    /// Without the feature `track` it is `clone`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// let symbols = Interned::clone_for(&name, "symbol table");
    /// # #[cfg(feature = "track")]
    /// assert!(Interned::is_held_by(&name, "symbol table"));
    /// # drop(symbols);
    /// ```
    #[must_use = "a reference that is dropped at once has no effect"]
    #[inline]
    #[track_caller]
    pub fn clone_for(this: &Self, tag: &'static str) -> Self {
        Self {
            value: this.value.take::<T>(Origin::tagged(tag)),
        }
    }

    /// Returns whether a reference to the value was taken for this tag and is still held.
    ///
    /// A hint, if other threads take and drop references. Takes time in proportion to the holders.
    ///
    /// # Examples
    ///
    /// See [`clone_for`](Self::clone_for).
    #[cfg(feature = "track")]
    #[must_use]
    pub fn is_held_by(this: &Self, tag: &str) -> bool {
        this.value.is_held_by(tag)
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let name = names.intern_ref("kref");
    /// let _again = names.intern_ref("kref");
    /// assert_eq!(Interned::count_hint(&name), 2);
    /// ```
    #[must_use]
    pub fn count_hint(this: &Self) -> u32 {
        this.counted().count_hint()
    }

    /// Returns whether two references are to the same value, as `==` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Interned, Interner};
    ///
    /// let names = Interner::<str>::new();
    /// let (name, again) = (names.intern_ref("kref"), names.intern_ref("kref"));
    /// assert!(Interned::ptr_eq(&name, &again));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.value.ptr_eq(&other.value)
    }
}

#[cfg(feature = "track")]
impl<T: Stored + ?Sized + fmt::Debug, B: LockBackend> Interned<T, B> {
    /// The report of the value; `mine` leaves this reference out.
    pub(super) fn report(&self, mine: bool) -> crate::track::ObjectReport {
        self.value.report(std::format!("value {:?}", &**self), mine)
    }
}

#[cfg(feature = "track")]
impl<T: Stored + ?Sized + fmt::Debug, B: LockBackend> crate::track::sealed::Object
    for Interned<T, B>
{
    fn object_report(&self) -> crate::track::ObjectReport {
        self.report(false)
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Clone for Interned<T, B> {
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    fn clone(&self) -> Self {
        Self {
            value: self.value.take::<T>(Origin::here()),
        }
    }
}

impl<T: Stored + ?Sized, B: LockBackend> Deref for Interned<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the reference keeps the value.
        unsafe { T::at(Inline::<T>::slot(self.counted().node())) }
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
        ptr::hash(self.counted().node().as_ptr(), state);
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
        let address = |this: &Self| this.counted().node();
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
