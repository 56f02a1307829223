//! The user's reference to an object in a registry.

use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;

use super::Borrowed;
use super::entry::Entry;
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::held::Held;
use crate::maps::table::Counted;
use crate::pointers::forward::forward_to_value;
use crate::track::Origin;

/// A counted reference to an object of a [`Registry`](super::Registry), which dereferences to the
/// object's value.
///
/// A handle is a pointer. Cloning it is one atomic increment, and dropping it is one atomic decrement.
/// The last drop takes the lock of the object's shard, removes the object from the registry, and
/// unlocks. Then it drops the value and the key, in this order, in the dropping thread, where they lie: the value has one
/// address from its insertion to the end of its destructor. (A lookup in another thread may hold the object a moment
/// longer, and drop it then.) Chains of
/// objects that hold handles to one another are dropped to any depth, without overflowing the stack.
///
/// Handles may outlive the registry. As with [`std::sync::Arc`], everything but the traits is an
/// associated function (`Handle::key(&handle)`), and comparisons compare the values.
///
/// # Other threads
///
/// A handle is `Send` and `Sync` if the key and the value are both, as with [`std::sync::Arc`]: every handle lends them,
/// and the thread that drops the last one drops them. With an `Rc` or a `Cell` in the value, the compiler says that it
/// "cannot be sent" or "cannot be shared between threads safely", and names the `Handle` or the
/// [`Registry`](super::Registry) further down. Use an `Arc`, a `Mutex` or an atomic instead.
///
/// # Memory ordering
///
/// As [`std::sync::Arc`]: what was done with one handle before it was dropped happens before the value
/// is dropped. What was done before the object was put into the registry happens before what is done
/// with any handle to it.
///
/// # Examples
///
/// ```
/// use kref::{Handle, Registry};
///
/// let registry = Registry::<u32, String>::new();
/// let one = registry.get_or_insert_with(1, |key| key.to_string());
/// let other = one.clone();
/// assert_eq!(one.len(), 1); // a method of the value
/// assert_eq!(Handle::key(&other), &1);
/// drop((one, other));
/// assert!(registry.is_empty());
/// ```
#[doc(alias = "downgrade")]
pub struct Handle<K, V, B: LockBackend = Native> {
    /// # Invariants
    ///
    /// The value is there, and seen: the entry was found listed, or listed by the same thread.
    entry: Held<Entry<K, V>, B>,
}

impl<K, V, B: LockBackend> Handle<K, V, B> {
    /// # Safety
    ///
    /// The entry's value is there, and the caller knows it from an Acquire or under the lock.
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub(super) unsafe fn new(entry: Counted<Entry<K, V>, B>) -> Self {
        Self {
            entry: Held::new::<V>(entry, Origin::here()),
        }
    }

    #[inline]
    pub(super) fn entry(&self) -> &Counted<Entry<K, V>, B> {
        self.entry.counted()
    }

    /// Lends the handle as a [`Borrowed`], which is `Copy` and one word.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// let borrowed = Handle::borrowed(&one);
    /// assert_eq!(*borrowed, "one");
    /// ```
    #[must_use]
    #[inline]
    pub fn borrowed(this: &Self) -> Borrowed<'_, K, V, B> {
        Borrowed::new(this.entry())
    }

    /// Returns the address of the value. It does not change while the object lives.
    ///
    /// It is not the pointer that [`into_raw`](Self::into_raw) returns.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert_eq!(Handle::as_ptr(&one), &raw const *one);
    /// ```
    #[must_use]
    pub fn as_ptr(this: &Self) -> *const V {
        &raw const **this
    }

    /// Pins the object: its address stays the same to the end of its destructor.
    ///
    /// Every object of a registry is pinned in this sense, as nothing moves a value that was put in, and handles only
    /// lend it shared. `into_pin` says so to code that asks for a `Pin`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    /// use std::marker::PhantomPinned;
    /// use std::pin::Pin;
    ///
    /// let registry = Registry::<u32, PhantomPinned>::new();
    /// let pinned: Pin<Handle<u32, PhantomPinned>> = Handle::into_pin(registry.insert(1, PhantomPinned));
    /// let _: Pin<&PhantomPinned> = pinned.as_ref();
    /// ```
    #[must_use]
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: a value is not moved from its insertion to the end of its destructor, which runs in place; there is
        // no way from a handle to a `&mut V`; and a value that leaks keeps its memory.
        unsafe { Pin::new_unchecked(this) }
    }

    /// Gives the reference to the caller, as one word: for a field of a C structure, or a pointer with a tag.
    ///
    /// The pointer is opaque: hand it to [`from_raw`](Self::from_raw), which takes the reference back, or to
    /// [`Borrowed::from_raw`], which borrows it. It is aligned as a pointer is, so that its lower bits are free for a tag: three on 64-bit targets, two on 32-bit ones. The
    /// object stays in the registry until the reference is taken back and dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, String>::new();
    /// let raw = Handle::into_raw(registry.get_or_insert_with(1, |_| "one".into()));
    /// assert_eq!(registry.len(), 1);
    /// // SAFETY: it came from `into_raw`, and is taken back once.
    /// let one: Handle<u32, String> = unsafe { Handle::from_raw(raw) };
    /// assert_eq!(*one, "one");
    /// ```
    #[must_use = "the object stays alive until the reference is taken back"]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn into_raw(this: Self) -> *const () {
        this.entry.into_raw()
    }

    /// Takes back a reference that [`into_raw`](Self::into_raw) gave.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` of a handle of exactly this type, and its reference was not taken back
    /// before.
    ///
    /// # Examples
    ///
    /// See [`into_raw`](Self::into_raw).
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw(raw: *const ()) -> Self {
        // SAFETY: as the caller promises. It was a handle's, whose value is there.
        let entry = unsafe { Held::from_raw(raw) };
        Self { entry }
    }

    /// Makes another handle to the same object, and says what for: [`report_of`](crate::track) shows the tag.
    ///
    /// Without the feature `track` it is `clone`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// let uploader = Handle::clone_for(&one, "uploader");
    /// # #[cfg(feature = "track")]
    /// assert!(Handle::is_held_by(&one, "uploader"));
    /// # drop(uploader);
    /// ```
    #[must_use = "a reference that is dropped at once has no effect"]
    #[inline]
    #[track_caller]
    pub fn clone_for(this: &Self, tag: &'static str) -> Self {
        Self {
            entry: this.entry.take::<V>(Origin::tagged(tag)),
        }
    }

    /// Returns whether a handle to the object was taken for this tag and is still held.
    ///
    /// A hint, if other threads take and drop handles. Takes time in proportion to the holders.
    ///
    /// # Examples
    ///
    /// See [`clone_for`](Self::clone_for).
    #[cfg(feature = "track")]
    #[must_use]
    pub fn is_held_by(this: &Self, tag: &str) -> bool {
        this.entry.is_held_by(tag)
    }

    /// Removes the object from the registry. Returns `false` if the registry does not list the
    /// object any more.
    ///
    /// As [`Registry::unlist`](super::Registry::unlist), for this very object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(Handle::unlist(&one));
    /// assert!(!Handle::unlist(&one)); // once only
    /// assert!(registry.is_empty());
    /// ```
    #[doc(alias = "remove")]
    #[expect(
        clippy::must_use_candidate,
        reason = "afterwards it is not in it, whatever the answer"
    )]
    pub fn unlist(this: &Self) -> bool {
        this.entry().lock().unlist(this.entry())
    }

    /// Returns the object's key.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert_eq!(Handle::key(&one), &1);
    /// ```
    #[must_use]
    pub fn key(this: &Self) -> &K {
        Entry::key(this.entry())
    }

    /// Returns whether two handles are to the same object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(Handle::ptr_eq(&one, &one.clone()));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.entry.ptr_eq(&other.entry)
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    ///
    /// It may count a lookup that is under way, or a handle that is being dropped.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// let _other = one.clone();
    /// assert_eq!(Handle::count_hint(&one), 2);
    /// ```
    #[must_use]
    pub fn count_hint(this: &Self) -> u32 {
        this.entry().count_hint()
    }

    /// Returns whether the registry still lists the object, so that a lookup can find it; a hint if
    /// other threads may unlist it.
    ///
    /// It returns `false` after [`Registry::unlist`](super::Registry::unlist), and after the
    /// registry was dropped.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: it orders nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Handle, Registry};
    ///
    /// let registry = Registry::<u32, &str>::new();
    /// let one = registry.get_or_insert_with(1, |_| "one");
    /// assert!(Handle::is_listed(&one));
    /// registry.unlist(&1);
    /// assert!(!Handle::is_listed(&one));
    /// ```
    #[must_use]
    pub fn is_listed(this: &Self) -> bool {
        this.entry().is_listed()
    }
}

#[cfg(feature = "track")]
impl<K: core::fmt::Debug, V, B: LockBackend> Handle<K, V, B> {
    /// The report of the object; `mine` leaves this handle out.
    pub(super) fn report(&self, mine: bool) -> crate::track::ObjectReport {
        self.entry
            .report(std::format!("key {:?}", Self::key(self)), mine)
    }
}

#[cfg(feature = "track")]
impl<K: core::fmt::Debug, V, B: LockBackend> crate::track::sealed::Object for Handle<K, V, B> {
    fn object_report(&self) -> crate::track::ObjectReport {
        self.report(false)
    }
}

impl<K, V, B: LockBackend> Clone for Handle<K, V, B> {
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    fn clone(&self) -> Self {
        Self {
            entry: self.entry.take::<V>(Origin::here()),
        }
    }
}

impl<K, V, B: LockBackend> Deref for Handle<K, V, B> {
    type Target = V;

    #[inline]
    fn deref(&self) -> &V {
        // SAFETY: the invariant of the field.
        unsafe { Entry::value(self.entry()) }
    }
}

forward_to_value!([K, T, B: LockBackend] Handle<K, T, B>);

impl<K, V, B: LockBackend> Unpin for Handle<K, V, B> {}
impl<K: RefUnwindSafe, V: RefUnwindSafe, B: LockBackend> UnwindSafe for Handle<K, V, B> {}
impl<K: RefUnwindSafe, V: RefUnwindSafe, B: LockBackend> RefUnwindSafe for Handle<K, V, B> {}

impl<K, V, B: LockBackend> From<Handle<K, V, B>> for Pin<Handle<K, V, B>> {
    fn from(handle: Handle<K, V, B>) -> Self {
        Handle::into_pin(handle)
    }
}
