//! The reference that does not keep the value alive: [`Weak`].

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::WeakRef;
use super::counts::Counts;
use crate::atomic::{Backend, Native};
use crate::pointers::refs::memory::{Memory, header_of};
use crate::track::Origin;

/// The address of a `Weak` that [`Weak::new`] made. No value has it: the header in front of a value is
/// aligned, and so is its end.
const DANGLING: usize = usize::MAX;

/// A pointer to the value of a [`WeakRef`] that does not keep the value alive, with a wait-free
/// [`upgrade`](Self::upgrade).
///
/// It keeps the memory allocated, but not what the value owns. It breaks cycles: a child that holds its
/// parent by a `Weak` does not keep the parent alive.
///
/// # Examples
///
/// ```
/// use kref::weak::{Weak, WeakRef};
///
/// let five = WeakRef::new(5);
/// let weak: Weak<i32> = WeakRef::downgrade(&five);
/// assert_eq!(weak.upgrade(), Some(WeakRef::clone(&five)));
/// drop(five);
/// assert_eq!(weak.upgrade(), None);
/// ```
// # Invariants
//
// Either the address is `DANGLING`, or `value` points at the place of a value in the memory of a
// `Memory<Counts<B>>`, and this `Weak` is one of the weak references that its counts count, or their
// weak count is saturated.
pub struct Weak<T: ?Sized, B: Backend = Native> {
    value: NonNull<T>,
    /// Invariant: `B` decides what is in front of the value.
    backend: PhantomData<fn(B) -> B>,
}

// SAFETY: `upgrade` makes a `WeakRef`, so the same as for a `WeakRef`.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Send for Weak<T, B> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Sync for Weak<T, B> {}

impl<T> Weak<T, Native> {
    /// Makes a pointer to no value, without allocating: [`upgrade`](Self::upgrade) returns `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::Weak;
    ///
    /// static NOTHING: Weak<i32> = Weak::new();
    ///
    /// assert!(NOTHING.upgrade().is_none());
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in()
    }
}

impl<T, B: Backend> Weak<T, B> {
    /// Like [`new`](Weak::new), for any backend.
    #[must_use]
    pub const fn new_in() -> Self {
        let value = ptr::without_provenance_mut(DANGLING);
        Self {
            // SAFETY: the address is not null.
            value: unsafe { NonNull::new_unchecked(value) },
            backend: PhantomData,
        }
    }
}

impl<T: ?Sized> Weak<T, Native> {
    /// Takes back a weak reference that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Safety
    ///
    /// - The pointer comes from [`into_raw`](Self::into_raw) or [`as_ptr`](Self::as_ptr), or from
    ///   [`WeakRef::as_ptr`]; its type is as [`WeakRef::from_raw`] demands.
    /// - Unless it comes from a [`new`](Weak::new) `Weak`, there is a weak reference that no `Weak` has:
    ///   one call for each reference that was given away.
    ///
    /// # Examples
    ///
    /// See [`into_raw`](Self::into_raw).
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    pub unsafe fn from_raw(value: *const T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw_in(value) }
    }
}

impl<T: ?Sized, B: Backend> Weak<T, B> {
    /// Takes over one weak reference.
    ///
    /// # Safety
    ///
    /// `value` is what the type's invariant says, and the counts count the new `Weak`.
    #[inline]
    pub(super) unsafe fn from_value(value: NonNull<T>) -> Self {
        Self {
            value,
            backend: PhantomData,
        }
    }

    /// Returns the counts of a `Weak` that points to the memory of a value.
    #[inline]
    pub(super) fn counts_of_allocated(&self) -> &Counts<B> {
        // SAFETY: the invariant of the type; the callers know that it does not dangle.
        let counts = unsafe { header_of::<T, Counts<B>>(self.value) };
        // SAFETY: the counts live as long as any weak reference.
        unsafe { counts.as_ref() }
    }

    /// Returns the counts, if there are any.
    #[inline]
    fn counts(&self) -> Option<&Counts<B>> {
        let dangles = self.value.cast::<u8>().addr().get() == DANGLING;
        (!dangles).then(|| self.counts_of_allocated())
    }

    /// Takes a strong reference unless the value is dead.
    ///
    /// It is one atomic increment, whatever other threads do: wait-free. Rarely it takes one more step:
    ///
    /// - an increment of the weak count, if the last `WeakRef` is being dropped;
    /// - a compare-exchange, repeated at most once for each other thread, while
    ///   [`WeakRef::get_mut`] looks at the counts, and at every 2^28th upgrade of a dead value;
    /// - the same, lock-free, at every 2^27th upgrade or so beyond 2^31 references.
    ///
    /// It also writes if the value is dead; [`upgrade_if_live`](Self::upgrade_if_live) does not.
    ///
    /// An upgrade that begins while the last `WeakRef` is being dropped in another thread may succeed: the
    /// value then lives on.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds, which pairs with the birth of the value in [`WeakRef::new_cyclic`].
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert!(weak.upgrade().is_some());
    /// drop(five);
    /// assert!(weak.upgrade().is_none());
    /// ```
    #[doc(alias = "Weak::upgrade")]
    #[must_use = "the value may be dead; `is_dead` asks without taking a reference"]
    #[inline]
    #[track_caller]
    pub fn upgrade(&self) -> Option<WeakRef<T, B>> {
        let origin = Origin::here();
        self.counts()?.upgrade().then(|| {
            // SAFETY: a strong reference was just counted, or the count is saturated.
            unsafe { WeakRef::from_value_for(self.value, origin) }
        })
    }

    /// Takes a strong reference unless the value is dead, and writes nothing if it is.
    ///
    /// It is a load, and then [`upgrade`](Self::upgrade) if the value is not dead. Use it where many of the
    /// values that are asked for are dead: then threads do not take the cache line of the counts from one
    /// another. For a live value it takes longer than `upgrade`.
    ///
    /// # Memory ordering
    ///
    /// As [`upgrade`](Self::upgrade).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert!(weak.upgrade_if_live().is_some());
    /// drop(five);
    /// assert!(weak.upgrade_if_live().is_none());
    /// ```
    #[must_use = "the value may be dead; `is_dead` asks without taking a reference"]
    #[inline]
    #[track_caller]
    pub fn upgrade_if_live(&self) -> Option<WeakRef<T, B>> {
        if self.is_dead() { None } else { self.upgrade() }
    }

    /// Returns whether upgrades fail from now on: the value was destroyed, or another thread is about to
    /// destroy it, or there never was a value.
    ///
    /// `true` is final, except in a [`new_cyclic`](WeakRef::new_cyclic) whose value does not exist yet.
    /// `false` is out of date as soon as it is returned. It writes nothing.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert!(!weak.is_dead());
    /// drop(five);
    /// assert!(weak.is_dead());
    /// ```
    #[doc(alias = "strong_count")]
    #[must_use]
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.counts().is_none_or(Counts::is_dead)
    }

    /// Returns how many [`WeakRef`]s there are: a hint, as [`WeakRef::count_hint`]. Zero for a
    /// [`new`](Weak::new) `Weak`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// assert_eq!(WeakRef::downgrade(&five).count_hint(), 1);
    /// ```
    #[doc(alias = "strong_count")]
    #[must_use]
    #[inline]
    pub fn count_hint(&self) -> u32 {
        self.counts().map_or(0, Counts::strong_hint)
    }

    /// Returns how many `Weak`s there are, or zero if there is no `WeakRef`: a hint, as
    /// [`WeakRef::weak_count_hint`].
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert_eq!(weak.clone().weak_count_hint(), 2);
    /// drop(five);
    /// assert_eq!(weak.weak_count_hint(), 0);
    /// ```
    #[doc(alias = "weak_count")]
    #[must_use]
    #[inline]
    pub fn weak_count_hint(&self) -> u32 {
        self.counts().map_or(0, Counts::weak_hint)
    }

    /// Returns whether both point to the same memory, or both point to no memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::{Weak, WeakRef};
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert!(weak.ptr_eq(&weak.clone()));
    /// assert!(!weak.ptr_eq(&Weak::new()));
    /// assert!(Weak::<i32>::new().ptr_eq(&Weak::new()));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        ptr::addr_eq(self.as_ptr(), other.as_ptr())
    }

    /// Returns the value's address, which may be read only while there is a `WeakRef`.
    ///
    /// The pointer dangles, and is not aligned, if this is a [`new`](Weak::new) `Weak`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// assert_eq!(WeakRef::downgrade(&five).as_ptr(), WeakRef::as_ptr(&five));
    /// ```
    #[must_use]
    #[inline]
    pub fn as_ptr(&self) -> *const T {
        self.value.as_ptr()
    }

    /// Returns the value's address and keeps the weak reference counted, until
    /// [`from_raw`](Weak::from_raw) takes it back.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::{Weak, WeakRef};
    ///
    /// let five = WeakRef::new(5);
    /// let raw = WeakRef::downgrade(&five).into_raw();
    /// // SAFETY: it comes from `into_raw`, and is taken back once.
    /// let weak = unsafe { Weak::from_raw(raw) };
    /// assert_eq!(weak.upgrade(), Some(five));
    /// ```
    #[must_use = "the memory leaks unless the pointer goes back to `from_raw`"]
    #[inline]
    pub fn into_raw(self) -> *const T {
        ManuallyDrop::new(self).value.as_ptr()
    }

    /// Like [`from_raw`](Weak::from_raw), for any backend.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Weak::from_raw), and what the pointer comes from had the same `B`.
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    pub unsafe fn from_raw_in(value: *const T) -> Self {
        // SAFETY: the caller's promise; what comes from a `Weak` is not null.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the caller's promise.
        unsafe { Self::from_value(value) }
    }
}

/// The memory of a value of which nobody has a reference; dropping it frees the memory.
// # Invariants
//
// As of a `Weak` that does not dangle, and there is no other reference of either kind.
pub(super) struct Unreferenced<T: ?Sized, B: Backend> {
    value: NonNull<T>,
    backend: PhantomData<fn(B) -> B>,
}

impl<T: ?Sized, B: Backend> Drop for Unreferenced<T, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: there is or was a value, or a place for one of a sized type, and nobody uses the memory.
        drop(unsafe { Memory::<Counts<B>>::of(self.value) });
    }
}

impl<T: ?Sized, B: Backend> Weak<T, B> {
    /// Turns the only reference there is into the memory itself.
    ///
    /// # Safety
    ///
    /// There is no other reference of either kind, and this one does not dangle.
    #[inline]
    pub(super) unsafe fn into_memory(self) -> Unreferenced<T, B> {
        Unreferenced {
            value: ManuallyDrop::new(self).value,
            backend: PhantomData,
        }
    }
}

impl<T: ?Sized, B: Backend> Clone for Weak<T, B> {
    /// Adds a weak reference to the same value, by one atomic increment.
    #[inline]
    #[track_caller]
    fn clone(&self) -> Self {
        if let Some(counts) = self.counts() {
            counts.inc_weak();
        }
        // SAFETY: the weak reference was just counted, or the count is saturated, or this dangles.
        unsafe { Self::from_value(self.value) }
    }
}

impl<T: ?Sized, B: Backend> Drop for Weak<T, B> {
    /// Drops the weak reference, by one atomic decrement, or without one if there is no other reference.
    /// The last reference frees the memory.
    #[inline]
    fn drop(&mut self) {
        if self.counts().is_some_and(Counts::dec_weak) {
            // Frees the memory, to which there is no reference of either kind any more.
            drop(Unreferenced::<T, B> {
                value: self.value,
                backend: PhantomData,
            });
        }
    }
}

impl<T, B: Backend> Default for Weak<T, B> {
    /// Makes a pointer to no value, as [`Weak::new`] does.
    fn default() -> Self {
        Self::new_in()
    }
}

impl<T: ?Sized, B: Backend> fmt::Debug for Weak<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(Weak)")
    }
}
