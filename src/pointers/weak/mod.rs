//! A reference-counting pointer, [`WeakRef`], and its [`Weak`], whose upgrade is one addition.
//!
//! [`WeakRef`] and [`Weak`] are what `std`'s `Arc` and `Weak` are, with the same names. They differ in
//! what the operations cost:
//!
//! | | `std` | here |
//! |---|---|---|
//! | [`Weak::upgrade`] | a compare-exchange loop: one of two threads that upgrade at once has to try again | one `fetch_add`, whatever other threads do: wait-free |
//! | [`WeakRef::downgrade`] | a compare-exchange loop, and a spin while another thread is in `get_mut` | one `fetch_add` |
//! | drop of the last pointer, no `Weak` left | two decrements | one decrement |
//! | drop of the last `WeakRef`, a `Weak` left | two decrements | two decrements and a compare-exchange |
//! | upgrade of a dead value | a load | one `fetch_add`; a load in [`Weak::upgrade_if_live`] |
//! | in front of the value | two words of the size of a pointer | 8 bytes |
//! | too many references | abort | leak, and a [report](crate::report) |
//!
//! Use [`Ref`](crate::Ref) where no `Weak` is needed: its header is half as large. An index that
//! forgets a value with its last reference needs no `Weak` either: [`Registry`](crate::Registry) holds
//! none.
//!
//! # Modules
//!
//! `counts` has the two counts, the algorithm and its proof. This module has the strong pointer, `unique`
//! the sole use of its value, and `pointer` the [`Weak`].
//!
//! # Examples
//!
//! ```
//! use kref::weak::WeakRef;
//!
//! let five = WeakRef::new(5);
//! let weak = WeakRef::downgrade(&five);
//! assert_eq!(*weak.upgrade().unwrap(), 5);
//! drop(five);
//! assert!(weak.upgrade().is_none());
//! ```

#[cfg(doctest)]
mod compile_fail;
mod convert;
mod counts;
mod pointer;
mod unique;

use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::ptr::{self, NonNull};

use self::counts::{Closed, Counts};
pub use self::pointer::Weak;
use crate::atomic::{Backend, Native};
use crate::pointers::deep::with_room;
use crate::pointers::forward::forward_to_value;
use crate::pointers::refs::fill;
use crate::pointers::refs::memory::header_of;
use crate::track::{Operation, Origin, Token};

/// A thread-safe reference-counting pointer with a [`Weak`] of its own, like
/// [`Arc`](std::sync::Arc), whose [`Weak::upgrade`] is wait-free.
///
/// All clones of a `WeakRef` own the value together, and the last one to be dropped destroys it. A
/// [`Weak`], made by [`downgrade`](Self::downgrade), does not keep the value, only its memory. See the
/// [module](self) for what the operations cost.
///
/// On overflow (more than 2^31 strong references) the value is leaked. With more than 2^31 - 1 weak
/// references its memory is leaked. Both are [reported](crate::report); `Arc` aborts.
///
/// Coercion to a trait object: [`unsize!`](crate::unsize), or `WeakRef::from(Box<dyn Trait>)`.
///
/// # Long chains
///
/// Dropping the last reference to the head of a chain of any length does not overflow the stack, under
/// the conditions that [`Ref`](crate::Ref#long-chains) states.
///
/// # Panics
///
/// A destructor that panics in the last drop unwinds into the caller of the drop, as with `Arc`. The
/// value's fields are destroyed, and the memory is freed with the last [`Weak`].
///
/// # Memory ordering
///
/// Whatever is done with the value through one `WeakRef` happens before its destruction, and before
/// anything that a caller does with it after it was told that its reference is the only one.
///
/// # Examples
///
/// A tree whose nodes know their parents:
///
/// ```
/// use kref::weak::{Weak, WeakRef};
///
/// struct Node {
///     parent: Weak<Node>,
///     children: Vec<WeakRef<Node>>,
/// }
///
/// let root = WeakRef::new_cyclic(|root| Node {
///     parent: Weak::new(),
///     children: vec![WeakRef::new(Node { parent: root.clone(), children: vec![] })],
/// });
/// let child = &root.children[0];
/// assert!(WeakRef::ptr_eq(&child.parent.upgrade().unwrap(), &root));
/// assert!(root.parent.upgrade().is_none());
/// ```
// # Invariants
//
// `value` points at a value in the memory of a `Memory<Counts<B>>`, and this `WeakRef` is one of the
// strong references that its counts count, or they are saturated.
#[doc(alias = "Arc")]
pub struct WeakRef<T: ?Sized, B: Backend = Native> {
    value: NonNull<T>,
    /// Ends before the count is decremented.
    token: Token,
    /// Destroys a `T`.
    owns: PhantomData<T>,
    /// Invariant: `B` decides what is in front of the value.
    backend: PhantomData<fn(B) -> B>,
}

// SAFETY: a `WeakRef` gives its thread `&T`, hence `Sync`, and the last one the `T` itself, hence `Send`.
// The counts are atomics.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Send for WeakRef<T, B> {}
// SAFETY: a `&WeakRef` can be cloned, so the same as for `Send`.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Sync for WeakRef<T, B> {}

// The value does not move with the pointer.
impl<T: ?Sized, B: Backend> Unpin for WeakRef<T, B> {}

// Shared use is what a `WeakRef` allows, as `&T` does.
impl<T: ?Sized + RefUnwindSafe, B: Backend> UnwindSafe for WeakRef<T, B> {}

impl<T> WeakRef<T, Native> {
    /// Allocates the value, with one reference.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// assert_eq!(*five, 5);
    /// ```
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new(value: T) -> Self {
        Self::new_in(value)
    }

    /// Allocates the value, pinned: it will not move until it is destroyed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let pinned = WeakRef::pin(async { 5 });
    /// let _same_place = pinned.clone();
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn pin(value: T) -> Pin<Self> {
        // SAFETY: the value is in the heap. The functions that move it or give `&mut T` need the
        // `WeakRef`, which a `Pin` does not give if the value is not `Unpin`.
        unsafe { Pin::new_unchecked(Self::new(value)) }
    }

    /// Allocates a value that holds a [`Weak`] to itself.
    ///
    /// `make` gets that `Weak`, and may clone it into the value or elsewhere. Upgrades fail until the
    /// value exists.
    ///
    /// # Panics
    ///
    /// If `make` panics, the panic propagates to the caller. No value exists then, and upgrades of
    /// clones of the `Weak` fail.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::{Weak, WeakRef};
    ///
    /// struct Gadget {
    ///     me: Weak<Gadget>,
    /// }
    ///
    /// let gadget = WeakRef::new_cyclic(|me| {
    ///     assert!(me.upgrade().is_none()); // not yet
    ///     Gadget { me: me.clone() }
    /// });
    /// assert!(WeakRef::ptr_eq(&gadget.me.upgrade().unwrap(), &gadget));
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_cyclic(make: impl FnOnce(&Weak<T>) -> T) -> Self {
        Self::new_cyclic_in(make)
    }
}

impl<T: ?Sized> WeakRef<T, Native> {
    /// Takes back a reference that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Safety
    ///
    /// - The pointer comes from [`into_raw`](Self::into_raw) or [`as_ptr`](Self::as_ptr), and is not
    ///   derived from a `&T`. Its type is that of the `WeakRef`, or one that such pointers coerce or may
    ///   be cast to, of the same size and alignment, and as which the value may be used and destroyed
    ///   while it is used as the other (`[u8]` for `str`).
    /// - There is a reference that no `WeakRef` has: one call for each reference that was given
    ///   away.
    ///
    /// # Examples
    ///
    /// See [`into_raw`](Self::into_raw).
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw(value: *const T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw_in(value) }
    }
}

impl<T, B: Backend> WeakRef<T, B> {
    /// Like [`new`](WeakRef::new), for any backend.
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_in(value: T) -> Self {
        let value = fill::value(value, Counts::<B>::new());
        // SAFETY: the value is there, and the one reference is for this.
        unsafe { Self::from_value(value) }
    }

    /// Like [`new_cyclic`](WeakRef::new_cyclic), for any backend.
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_cyclic_in(make: impl FnOnce(&Weak<T, B>) -> T) -> Self {
        let place = fill::room_for::<T, _>(Counts::<B>::unborn());
        // Has the weak reference of the value to be, and drops it if `make` panics.
        // SAFETY: the memory is there, and one weak reference is counted.
        let weak = unsafe { Weak::from_value(place) };
        let value = make(&weak);
        // SAFETY: the place is of this layout, and nobody reads it before the birth.
        unsafe { place.write(value) };
        weak.counts_of_allocated().birth();
        // It is the value's from now on.
        mem::forget(weak);
        // SAFETY: the value is there, and the one reference is for this.
        unsafe { Self::from_value(place) }
    }
}

impl<T: ?Sized, B: Backend> WeakRef<T, B> {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `value` is what the type's invariant says, and the counts count the new `WeakRef`.
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    unsafe fn from_value(value: NonNull<T>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_value_for(value, Origin::here()) }
    }

    /// # Safety
    ///
    /// As for [`from_value`](Self::from_value).
    #[inline]
    unsafe fn from_value_for(value: NonNull<T>, origin: Origin) -> Self {
        // SAFETY: the caller's promise.
        let token = Token::new::<T>(unsafe { address::<T, B>(value) }, origin);
        // SAFETY: the caller's promise.
        unsafe { Self::from_parts(value, token) }
    }

    /// Takes over one reference, and the token that it has.
    ///
    /// # Safety
    ///
    /// As for [`from_value`](Self::from_value).
    #[inline]
    unsafe fn from_parts(value: NonNull<T>, token: Token) -> Self {
        Self {
            value,
            token,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    /// Keeps the reference counted, and lets the pointer go.
    #[inline]
    fn into_parts(this: Self) -> (NonNull<T>, Token) {
        let mut this = ManuallyDrop::new(this);
        let token = mem::replace(&mut this.token, Token::lent());
        (this.value, token)
    }

    /// The address under which the holders are recorded: that of the counts, which no other object has.
    fn tracked(this: &Self) -> *const () {
        ptr::from_ref(this.counts()).cast()
    }

    #[inline]
    fn counts(&self) -> &Counts<B> {
        // SAFETY: the invariant of the type.
        let counts = unsafe { header_of::<T, Counts<B>>(self.value) };
        // SAFETY: the counts live as long as any reference.
        unsafe { counts.as_ref() }
    }

    /// Makes a [`Weak`] to the value, by one atomic increment.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the caller has a reference.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// let weak = WeakRef::downgrade(&five);
    /// assert_eq!(weak.upgrade(), Some(five));
    /// ```
    #[doc(alias = "Arc::downgrade")]
    #[must_use = "a `Weak` that is dropped at once has no effect"]
    #[inline]
    #[track_caller]
    pub fn downgrade(this: &Self) -> Weak<T, B> {
        this.counts().inc_weak();
        // SAFETY: the weak reference was just counted, or the count is saturated.
        unsafe { Weak::from_value(this.value) }
    }

    /// Returns whether both point to the same value. Only the addresses are compared, not what is known of
    /// a trait object's type.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let a = WeakRef::new(5);
    /// assert!(WeakRef::ptr_eq(&a, &a.clone()));
    /// assert!(!WeakRef::ptr_eq(&a, &WeakRef::new(5)));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        ptr::addr_eq(Self::as_ptr(this), Self::as_ptr(other))
    }

    /// Returns how many `WeakRef`s there are: a hint, out of date as soon as it is read.
    ///
    /// Returns [`RefCount::SATURATED`](crate::RefCount::SATURATED) if the value leaks. Make no decision by
    /// this number: [`try_unwrap`](Self::try_unwrap), [`into_inner`](Self::into_inner) and
    /// [`get_mut`](Self::get_mut) claim the value.
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
    /// let a = WeakRef::new(5);
    /// let _b = a.clone();
    /// assert_eq!(WeakRef::count_hint(&a), 2);
    /// ```
    #[doc(alias = "strong_count")]
    #[must_use]
    #[inline]
    pub fn count_hint(this: &Self) -> u32 {
        this.counts().strong_hint()
    }

    /// Returns how many [`Weak`] pointers there are: a hint, out of date as soon as it is read.
    ///
    /// The number is one more for each other thread that is inside a drop of what seemed to be the
    /// last `WeakRef`. Returns [`RefCount::SATURATED`](crate::RefCount::SATURATED) if the memory
    /// leaks.
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
    /// let a = WeakRef::new(5);
    /// let _weak = WeakRef::downgrade(&a);
    /// assert_eq!(WeakRef::weak_count_hint(&a), 1);
    /// ```
    #[doc(alias = "weak_count")]
    #[must_use]
    #[inline]
    pub fn weak_count_hint(this: &Self) -> u32 {
        this.counts().weak_hint()
    }

    /// Returns the value's address.
    ///
    /// The pointer is valid as long as the value lives, and for [`from_raw`](WeakRef::from_raw) if a
    /// reference was kept for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let five = WeakRef::new(5);
    /// assert_eq!(WeakRef::as_ptr(&five), &raw const *five);
    /// ```
    #[must_use]
    #[inline]
    pub fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }

    /// Returns the value's address and keeps the reference counted, until
    /// [`from_raw`](WeakRef::from_raw) takes it back.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let raw = WeakRef::into_raw(WeakRef::new(5));
    /// // SAFETY: it comes from `into_raw`, and is taken back once.
    /// assert_eq!(*unsafe { WeakRef::from_raw(raw) }, 5);
    /// ```
    #[must_use = "the value leaks unless the pointer goes back to `from_raw`"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn into_raw(this: Self) -> *const T {
        let (value, token) = Self::into_parts(this);
        token.give_away(Origin::here());
        value.as_ptr()
    }

    /// Like [`from_raw`](WeakRef::from_raw), for any backend.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](WeakRef::from_raw), and the `WeakRef` that the pointer comes from had the same
    /// `B`.
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw_in(value: *const T) -> Self {
        // SAFETY: the caller's promise; what comes from a `WeakRef` is not null.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the caller's promise.
        let address = unsafe { address::<T, B>(value) };
        let token = Token::taken_back(address, Origin::here());
        // SAFETY: the caller's promise.
        unsafe { Self::from_parts(value, token) }
    }

    /// Makes another reference to the same value, and says what for: [`report_of`](crate::track) shows the tag.
    ///
    /// Without the feature `track` it is `clone`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    ///
    /// let file = WeakRef::new("file");
    /// let uploader = WeakRef::clone_for(&file, "uploader");
    /// # #[cfg(feature = "track")]
    /// assert!(WeakRef::is_held_by(&file, "uploader"));
    /// # drop(uploader);
    /// ```
    #[must_use = "a reference that is dropped at once has no effect"]
    #[inline]
    #[track_caller]
    pub fn clone_for(this: &Self, tag: &'static str) -> Self {
        this.get(Origin::tagged(tag))
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
        crate::track::is_held_by(Self::tracked(this), tag)
    }

    #[inline]
    #[track_caller]
    fn get(&self, origin: Origin) -> Self {
        let operation = Operation::on(Self::tracked(self));
        self.counts().inc_strong();
        operation.end();
        // SAFETY: the new reference was just counted, or the count is saturated.
        unsafe { Self::from_value_for(self.value, origin) }
    }
}

/// The address of the counts of a value.
///
/// # Safety
///
/// `value` is what the invariant of a [`WeakRef`] says.
#[inline]
unsafe fn address<T: ?Sized, B: Backend>(value: NonNull<T>) -> *const () {
    // SAFETY: the caller's promise.
    let counts = unsafe { header_of::<T, Counts<B>>(value) };
    counts.as_ptr().cast_const().cast()
}

#[cfg(feature = "track")]
impl<T: ?Sized, B: Backend> crate::track::sealed::Object for WeakRef<T, B> {
    fn object_report(&self) -> crate::track::ObjectReport {
        let address = Self::tracked(self).addr();
        let subject = crate::track::at("WeakRef", core::any::type_name::<T>(), address);
        crate::track::object(address, subject, None)
    }
}

impl<T: ?Sized, B: Backend> Clone for WeakRef<T, B> {
    /// Adds a reference to the same value, by one atomic increment.
    #[inline]
    #[track_caller]
    fn clone(&self) -> Self {
        self.get(Origin::here())
    }
}

impl<T: ?Sized, B: Backend> Drop for WeakRef<T, B> {
    /// Drops the reference, by one atomic decrement. If it was the last, the value is destroyed, and its
    /// memory is freed when there is no [`Weak`] left.
    #[inline]
    fn drop(&mut self) {
        self.token.end();
        let operation = Operation::on(Self::tracked(self));
        let closes = self.counts().dec_strong();
        operation.end();
        if closes {
            // SAFETY: this thread has just become a closer.
            unsafe { close::<T, B>(self.value) };
        }
    }
}

/// Ends the drop of what seemed to be the last strong reference.
///
/// # Safety
///
/// The caller has become a closer, and has not closed yet.
#[cold]
#[inline(never)]
unsafe fn close<T: ?Sized, B: Backend>(value: NonNull<T>) {
    // SAFETY: a closer has the value's weak reference.
    let rest = unsafe { Weak::<T, B>::from_value(value) };
    match rest.counts_of_allocated().close() {
        Closed::Overtaken => {}
        // SAFETY: the value is this thread's alone, and `rest` keeps its memory.
        Closed::Value => unsafe { end(value, rest) },
        Closed::Alone => {
            // SAFETY: there is no other reference of either kind.
            let memory = unsafe { rest.into_memory() };
            // SAFETY: as above.
            unsafe { end(value, memory) };
        }
    }
}

/// Destroys a value if it needs that, where it has room, and drops what keeps its memory.
///
/// # Safety
///
/// As [`destroy`].
#[inline]
unsafe fn end<T: ?Sized, R>(value: NonNull<T>, rest: R) {
    if mem::needs_drop::<T>() {
        // SAFETY: the caller's promise.
        with_room::<T>(move || unsafe { destroy(value, rest) });
    }
}

/// Destroys a value, and drops what keeps its memory. Of all that happens in the last drop, this is what stays
/// on the stack while the value's own references are dropped.
///
/// # Safety
///
/// The value is dead, and this thread has to destroy it. `rest` keeps its memory.
#[inline(never)]
unsafe fn destroy<T: ?Sized, R>(value: NonNull<T>, rest: R) {
    // Dropped when this function is left, by a panic of the destructor as well.
    let _rest = rest;
    // SAFETY: the caller's promise.
    unsafe { ptr::drop_in_place(value.as_ptr()) };
}

impl<T: ?Sized, B: Backend> Deref for WeakRef<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value lives as long as any `WeakRef`, and nobody has a `&mut` to it while there is a
        // `&WeakRef`.
        unsafe { self.value.as_ref() }
    }
}

forward_to_value!([T: ?Sized, B: Backend] WeakRef<T, B>);
