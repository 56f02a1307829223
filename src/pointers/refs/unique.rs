//! The owning pointer to a value that is not shared yet, or no longer shared: [`UniqueRef`].

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::ptr::{self, NonNull};

use super::Ref;
use super::fill;
use super::memory::{Memory, header_of};
use crate::RefCount;
use crate::atomic::{Backend, Native};
use crate::pointers::deep::with_room;
use crate::pointers::forward::forward_to_value;

/// A [`Ref`] that is not shared yet, and so is still mutable.
///
/// It dereferences to `&mut T`. Build a value in it and [`share`](Self::share) it, which cannot fail and
/// moves nothing; or get one back from the only [`Ref`] there is, by [`Ref::try_unique`].
///
/// # Examples
///
/// ```
/// use kref::{Ref, UniqueRef};
///
/// let mut squares = UniqueRef::new([0; 4]);
/// for (i, square) in squares.iter_mut().enumerate() {
///     *square = i * i;
/// }
/// let squares = UniqueRef::share(squares);
/// assert_eq!(*squares, [0, 1, 4, 9]);
///
/// let other = squares.clone();
/// let squares = Ref::try_unique(squares).unwrap_err(); // there are two
/// drop(other);
/// let mut squares = Ref::try_unique(squares).unwrap();
/// squares[0] = 100;
/// ```
// # Invariants
//
// As for [`Ref`], but the count is zero.
#[must_use = "the value is destroyed when it is dropped"]
pub struct UniqueRef<T: ?Sized, B: Backend = Native> {
    pub(super) value: NonNull<T>,
    owns: PhantomData<T>,
    /// Invariant, as in [`Ref`].
    backend: PhantomData<fn(B) -> B>,
}

// SAFETY: it owns the value as a `Box` does, and nobody else uses the count.
unsafe impl<T: ?Sized + Send, B: Backend> Send for UniqueRef<T, B> {}
// SAFETY: as above: a `&UniqueRef` gives `&T`, and nothing more.
unsafe impl<T: ?Sized + Sync, B: Backend> Sync for UniqueRef<T, B> {}

// The value does not move with the pointer.
impl<T: ?Sized, B: Backend> Unpin for UniqueRef<T, B> {}

// As for a `Box`.
impl<T: ?Sized + UnwindSafe, B: Backend> UnwindSafe for UniqueRef<T, B> {}
impl<T: ?Sized + RefUnwindSafe, B: Backend> RefUnwindSafe for UniqueRef<T, B> {}

impl<T> UniqueRef<T, Native> {
    /// Allocates the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    ///
    /// let mut five = UniqueRef::new(4);
    /// *five += 1;
    /// assert_eq!(*five, 5);
    /// ```
    #[inline]
    pub fn new(value: T) -> Self {
        Self::new_in(value)
    }

    /// Allocates the value, pinned.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, UniqueRef};
    /// use std::pin::Pin;
    ///
    /// let task = UniqueRef::pin(async { 5 });
    /// let shared: Pin<Ref<_>> = task.into(); // in the same place
    /// # drop(shared);
    /// ```
    #[inline]
    pub fn pin(value: T) -> Pin<Self> {
        Self::into_pin(Self::new(value))
    }
}

impl<T, B: Backend> UniqueRef<T, B> {
    /// Like [`new`](UniqueRef::new), for any backend.
    #[inline]
    pub fn new_in(value: T) -> Self {
        let value = fill::value(value, RefCount::<B>::new_in(0));
        // SAFETY: it was just made, with a count of zero.
        unsafe { Self::from_value(value) }
    }

    /// Moves the value out, and frees the memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    ///
    /// assert_eq!(UniqueRef::into_inner(UniqueRef::new(5)), 5);
    /// ```
    #[must_use = "drop the `UniqueRef` if the value is not needed"]
    #[inline]
    pub fn into_inner(this: Self) -> T {
        let value = Self::into_value(this);
        // SAFETY: by the invariant of the type, and the value is read just below and never again.
        let _memory = unsafe { Memory::<RefCount<B>>::of(value) };
        // SAFETY: the value is there, and the memory is freed after this without dropping it.
        unsafe { value.read() }
    }
}

impl<T: ?Sized, B: Backend> UniqueRef<T, B> {
    /// Takes over the value.
    ///
    /// # Safety
    ///
    /// `value` is what the invariant of the type says, and nobody else uses it.
    #[inline]
    pub(super) unsafe fn from_value(value: NonNull<T>) -> Self {
        Self {
            value,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    #[inline]
    pub(super) fn into_value(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).value
    }

    /// Becomes the first [`Ref`]. `Ref::from` does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, UniqueRef};
    ///
    /// let mut list = UniqueRef::new(vec![1]);
    /// list.push(2);
    /// let shared: Ref<Vec<i32>> = UniqueRef::share(list);
    /// assert_eq!(*shared, [1, 2]);
    /// ```
    #[must_use = "the value is destroyed when the last `Ref` is dropped"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn share(this: Self) -> Ref<T, B> {
        let value = Self::into_value(this);
        // SAFETY: the invariant of the type.
        let count = unsafe { header_of::<T, RefCount<B>>(value) };
        // SAFETY: the memory is alive, and nobody else uses the count.
        unsafe { count.as_ref() }.set(1);
        // SAFETY: the count of one is for this.
        unsafe { Ref::from_value(value) }
    }
}

impl<T: ?Sized, B: Backend> UniqueRef<T, B> {
    /// Pins the value: it will not move until it is destroyed. `Pin::from` does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    /// use std::pin::Pin;
    ///
    /// let mut pinned: Pin<UniqueRef<u32>> = UniqueRef::into_pin(UniqueRef::new(5));
    /// pinned.set(6);
    /// assert_eq!(*pinned, 6);
    /// ```
    #[must_use = "the value is destroyed when it is dropped"]
    #[inline]
    pub fn into_pin(this: Self) -> Pin<Self> {
        // SAFETY: the value is in the heap. The functions that move it or give `&mut T` need the
        // `UniqueRef`, which a `Pin` does not give if the value is not `Unpin`.
        unsafe { Pin::new_unchecked(this) }
    }
}

impl<T: ?Sized, B: Backend> From<UniqueRef<T, B>> for Pin<UniqueRef<T, B>> {
    /// Pins the value, as [`UniqueRef::into_pin`] does.
    #[inline]
    fn from(unique: UniqueRef<T, B>) -> Self {
        UniqueRef::into_pin(unique)
    }
}

impl<T: ?Sized, B: Backend> From<Pin<UniqueRef<T, B>>> for Pin<Ref<T, B>> {
    /// Shares the value, which stays pinned, as [`UniqueRef::share`] does.
    #[inline]
    fn from(unique: Pin<UniqueRef<T, B>>) -> Self {
        // SAFETY: the value is not moved, and the result is pinned again.
        let unique = unsafe { Pin::into_inner_unchecked(unique) };
        // SAFETY: the value was pinned, and stays where it is.
        unsafe { Pin::new_unchecked(UniqueRef::share(unique)) }
    }
}

impl<T: ?Sized, B: Backend> Drop for UniqueRef<T, B> {
    /// Destroys the value and frees its memory.
    #[inline]
    fn drop(&mut self) {
        let value = self.value;
        // SAFETY: the value is this owner's alone, by the invariant of the type, and the owner is gone.
        with_room::<T>(move || unsafe { destroy::<T, B>(value) });
    }
}

/// Destroys a value and frees its memory. Of all that happens in the last drop, this is what stays on
/// the stack while the value's own references are dropped.
///
/// # Safety
///
/// The value is in memory of a [`Memory<RefCount<B>>`], and is not used again.
#[inline(never)]
unsafe fn destroy<T: ?Sized, B: Backend>(value: NonNull<T>) {
    // Freed when this function is left, by a panic of the destructor as well.
    // SAFETY: the caller's promise; the value's last use is just below.
    let _memory = unsafe { Memory::<RefCount<B>>::of(value) };
    // SAFETY: the caller's promise.
    unsafe { ptr::drop_in_place(value.as_ptr()) };
}

impl<T: ?Sized, B: Backend> Deref for UniqueRef<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value is this owner's alone.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized, B: Backend> DerefMut for UniqueRef<T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is this owner's alone, and borrowed from it exclusively.
        unsafe { self.value.as_mut() }
    }
}

impl<T: ?Sized, B: Backend> From<UniqueRef<T, B>> for Ref<T, B> {
    /// Becomes the first `Ref`, as [`UniqueRef::share`] does.
    #[inline]
    fn from(unique: UniqueRef<T, B>) -> Self {
        UniqueRef::share(unique)
    }
}

impl<T: ?Sized, B: Backend> AsMut<T> for UniqueRef<T, B> {
    fn as_mut(&mut self) -> &mut T {
        self
    }
}

impl<T: ?Sized, B: Backend> core::borrow::BorrowMut<T> for UniqueRef<T, B> {
    fn borrow_mut(&mut self) -> &mut T {
        self
    }
}

forward_to_value!([T: ?Sized, B: Backend] UniqueRef<T, B>);

impl<T: ?Sized, B: Backend> Ref<T, B> {
    /// Claims the value if this is the only reference to it.
    ///
    /// It is one compare-and-swap, which tests and claims in one step, so the answer cannot go
    /// stale.
    ///
    /// # Errors
    ///
    /// Gives the `Ref` back if there are others, or the count is saturated. Of several threads that
    /// do this at once, *all* may get theirs back; use [`into_inner`](Self::into_inner) if exactly one must
    /// succeed.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done through all the other references happened before.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, UniqueRef};
    ///
    /// let a = Ref::new(5);
    /// let b = a.clone();
    /// let a = Ref::try_unique(a).unwrap_err(); // not the only one
    /// drop(b);
    /// assert_eq!(*Ref::try_unique(a).unwrap(), 5);
    /// ```
    #[doc(alias = "refcount_dec_if_one")]
    #[inline]
    pub fn try_unique(this: Self) -> Result<UniqueRef<T, B>, Self> {
        if this.count().dec_if_one() {
            // The token ends here: nobody else has a reference.
            let (value, _token) = Self::into_parts(this);
            // SAFETY: this was the only reference and the count is now zero.
            Ok(unsafe { UniqueRef::from_value(value) })
        } else {
            Err(this)
        }
    }

    /// Returns the value, to be changed in place, if this is the only reference to it.
    ///
    /// # Memory ordering
    ///
    /// Acquire if it succeeds: what was done through all the other references happened before.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let mut a = Ref::new(5);
    /// *Ref::get_mut(&mut a).unwrap() = 6;
    /// let b = a.clone();
    /// assert!(Ref::get_mut(&mut a).is_none());
    /// assert_eq!(*b, 6);
    /// ```
    #[must_use = "if it is `None` there are other references; `make_mut` clones the value then"]
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if this.count().is_only_reference() {
            // SAFETY: it is the only reference, and borrowed exclusively for as long as the result.
            Some(unsafe { this.value.as_mut() })
        } else {
            None
        }
    }
}

impl<T, B: Backend> Ref<T, B> {
    /// Moves the value out if this is the only reference to it.
    ///
    /// # Errors
    ///
    /// Gives the `Ref` back, as [`try_unique`](Self::try_unique) does.
    ///
    /// # Memory ordering
    ///
    /// As [`try_unique`](Self::try_unique).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let a = Ref::new(String::from("text"));
    /// assert_eq!(Ref::try_unwrap(a).unwrap(), "text");
    /// ```
    #[inline]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        Self::try_unique(this).map(UniqueRef::into_inner)
    }

    /// Drops the reference, and moves the value out if it was the last.
    ///
    /// It is one atomic decrement. If every reference to a value ends here, in whatever threads,
    /// exactly one caller gets the value. If the count is saturated, no caller does.
    ///
    /// # Memory ordering
    ///
    /// As a drop: Release, and Acquire when it was the last.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let a = Ref::new(5);
    /// let b = a.clone();
    /// assert_eq!(Ref::into_inner(a), None);
    /// assert_eq!(Ref::into_inner(b), Some(5)); // the last one gets it
    /// ```
    #[doc(alias = "refcount_dec_and_test")]
    #[must_use = "drop the `Ref` if the value is not needed"]
    #[inline]
    pub fn into_inner(this: Self) -> Option<T> {
        let mut this = ManuallyDrop::new(this);
        this.end_token();
        this.count().dec_held_and_test().then(|| {
            // SAFETY: it was the last reference, and the count is zero.
            UniqueRef::into_inner(unsafe { UniqueRef::<T, B>::from_value(this.value) })
        })
    }
}

impl<T: Clone, B: Backend> Ref<T, B> {
    /// Moves the value out if this is the only reference, and clones it if not.
    ///
    /// # Memory ordering
    ///
    /// As [`try_unwrap`](Self::try_unwrap).
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let a = Ref::new(5);
    /// let _b = a.clone();
    /// assert_eq!(Ref::unwrap_or_clone(a), 5);
    /// ```
    #[must_use = "drop the `Ref` if the value is not needed"]
    #[inline]
    pub fn unwrap_or_clone(this: Self) -> T {
        Self::try_unwrap(this).unwrap_or_else(|this| T::clone(&this))
    }
}
