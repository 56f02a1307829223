//! The owning pointer with a count of 4 bytes in front of the value.
//!
//! There is one atomic, the count, and one state in addition to its numbers:
//!
//! | count | holders of the value | may become |
//! |---|---|---|
//! | 1 ... `MAX` | as many [`Ref`]s, shared | one more or less; 0 |
//! | 0 | one [`UniqueRef`], or the thread that is destroying it | 1, by [`UniqueRef::share`] |
//! | saturated | the memory leaks; the [`Ref`]s stay usable permanently | nothing else |
//!
//! There is no weak count and no index: the only way to a new `Ref` is an existing one. So a thread that
//! has the exclusive use (`&mut`, or by value) of a `Ref`, and finds that the count is one, cannot be
//! overtaken.
//!
//! # Orderings
//!
//! They are [`RefCount`]'s; what they are needed for here:
//!
//! - `clone` is Relaxed: its caller has a `Ref`, and whatever hands the new one to another thread
//!   orders what that thread sees of the value.
//! - `drop` is Release, as other threads' uses of the value must not move past it, and Acquire when
//!   it was the last, as the destructor must not move in front of the others' drops.
//! - An operation that asks for the sole ownership (`try_unique`, `try_unwrap`, `into_inner`,
//!   `get_mut`, `make_mut`) is Acquire for the same reason: what comes next writes or moves the
//!   value.
//! - `share` is Relaxed: no other thread knows of the value yet.
//!
//! `get_mut` and `make_mut` look at the count and leave it alone, by an Acquire load. It cannot read a
//! one from the past: the increments to the count of which the caller's `&mut` does not know were made
//! from references that exist since before them, so they are followed by no count of one unless those
//! references were dropped. It is the last value of one that counts, and after it, by the argument
//! above, there is no other.

use core::marker::PhantomData;
use core::mem::{self, ManuallyDrop};
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::pin::Pin;
use core::ptr::{self, NonNull};

use super::fill;
use super::memory::header_of;
use super::unique::UniqueRef;
use crate::RefCount;
use crate::atomic::{Backend, Native};
use crate::pointers::forward::forward_to_value;
use crate::track::{Operation, Origin, Token};

/// A thread-safe reference-counting pointer, like [`Arc`](alloc::sync::Arc) without `Weak`, with a header
/// of 4 bytes.
///
/// The value is destroyed when the last clone is dropped. The count saturates as [`RefCount`] does: on
/// overflow, at 2^31 references, the value is leaked, where `Arc` aborts.
///
/// | `Arc` | `Ref` |
/// |---|---|
/// | `strong_count` | [`count_hint`](Self::count_hint): not for decisions |
/// | `strong_count(&a) == 1` | [`try_unique`](Self::try_unique), [`try_unwrap`](Self::try_unwrap), [`into_inner`](Self::into_inner), which claim the value, or [`get_mut`](Self::get_mut) |
/// | `Weak`, `new_cyclic` | none; an index that forgets the value with its last reference is what the rest of this crate is for |
/// | more than `isize::MAX` references: abort | more than [`RefCount::MAX`]: leak, and a [report](crate::report) |
/// | `a == b` compares the addresses first, where `T: Eq` | compares the values, always; use [`ptr_eq`](Self::ptr_eq) if the address is enough |
/// | coercion to `Arc<dyn Trait>`, `Arc<[T]>`, `Pin<Arc<dyn Trait>>` | [`unsize!`](crate::unsize), or `Ref::from(Box<dyn Trait>)` |
/// | `make_mut` for `T: Clone`, slices and `str` | [`make_mut`](Self::make_mut), for these and what else is [`CloneToUninit`](crate::CloneToUninit) |
/// | `new_uninit`, `new_uninit_slice`, `assume_init` | the same; and [`UniqueRef`], which is written through without a look at a count |
/// | `From` of a string, a path, a slice, a `Vec`, a `Box`, a `Cow` | the same |
/// | `std::task::Wake` | [`Wake`](crate::Wake) |
/// | `increment_strong_count`, `decrement_strong_count` | [`from_raw`](Self::from_raw) and `clone`, as each of them is |
/// | allocators, `new_zeroed`, `try_new` | none |
/// | a chain of a million overflows the stack | does not, with the feature `deep` |
///
/// `Ref<str>` and `Ref<[T]>` have their contents behind the count, and are made by `From`.
///
/// # Long chains
///
/// With the feature `deep`, dropping the last reference to a list of any length, or to a tree of any
/// depth, is safe on any thread, whatever the links' type and whether or not it borrows. When less than
/// 32 KiB of the stack are left, the destructors continue on a new stack of 1 MiB (and another, and so
/// on), which is given back when they return. So a list of a million takes memory to destroy, some
/// 50 MB. If no stack can be allocated (`stacker` writes that to stderr), the destructors continue on
/// the current one and may overflow it, which aborts the process; with `panic = "abort"` the process
/// aborts at once.
///
/// A coroutine runs on a stack that the operating system does not know of. There, destructors nest 32
/// deep on the coroutine's stack, and continue on a new one after that. (On other systems than Linux and Android,
/// this fails to notice a coroutine's stack that lies less than 1 GiB above the end of its thread's. On such a
/// stack nothing is done.)
///
/// Without the feature `deep`, or on a target that `stacker` does not support, take a long chain apart
/// in a loop, and use [`into_inner`](Self::into_inner) for it: of several threads that drop the
/// same chain, exactly one gets each link.
///
/// ```
/// use kref::Ref;
///
/// struct Node {
///     next: Option<Ref<Node>>,
/// }
///
/// impl Drop for Node {
///     fn drop(&mut self) {
///         let mut next = self.next.take();
///         // Each node is destroyed after it has lost its own next.
///         while let Some(mut node) = next.and_then(Ref::into_inner) {
///             next = node.next.take();
///         }
///     }
/// }
///
/// let mut list = None;
/// for _ in 0..100_000 {
///     list = Some(Ref::new(Node { next: list }));
/// }
/// drop(list);
/// ```
///
/// # Panics
///
/// A destructor that panics in the last drop unwinds into the caller of the drop, as with `Arc`. The
/// memory is freed, and the value's fields are destroyed, including the rest of a chain.
///
/// # Memory ordering
///
/// What is done with the value through one `Ref` happens before the value is destroyed. It also
/// happens before anything that a caller does with the value after it was told that it has the only
/// reference.
///
/// # Examples
///
/// ```
/// use kref::Ref;
/// use std::thread;
///
/// let words: Ref<[String]> = ["get", "put"].map(String::from).into_iter().collect();
/// let lengths = {
///     let words = Ref::clone(&words);
///     thread::spawn(move || words.iter().map(String::len).sum::<usize>())
/// };
/// assert_eq!(lengths.join().unwrap(), 6);
/// assert_eq!(Ref::count_hint(&words), 1);
/// ```
// # Invariants
//
// `value` points at a value in the memory of a `Memory<RefCount<B>>`, and this `Ref` is one of those that its
// count counts, or the count is saturated.
#[doc(alias = "Arc")]
pub struct Ref<T: ?Sized, B: Backend = Native> {
    pub(super) value: NonNull<T>,
    /// Ends before the count is decremented.
    token: Token,
    owns: PhantomData<T>,
    /// Invariant: `B` decides where the count is, and another `B` may be a subtype of this one.
    backend: PhantomData<fn(B) -> B>,
}

// SAFETY: a `Ref` gives its thread `&T`, hence `Sync`, and the last one the `T` itself, hence `Send`.
// The count is an atomic.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Send for Ref<T, B> {}
// SAFETY: a thread with a `&Ref` can clone it, so the same as for `Send`.
unsafe impl<T: ?Sized + Send + Sync, B: Backend> Sync for Ref<T, B> {}

// The value does not move with the pointer.
impl<T: ?Sized, B: Backend> Unpin for Ref<T, B> {}

// Shared use is what a `Ref` allows, as `&T` does.
impl<T: ?Sized + RefUnwindSafe, B: Backend> UnwindSafe for Ref<T, B> {}

impl<T> Ref<T, Native> {
    /// Allocates the value with a count of one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let five = Ref::new(5);
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
    /// use kref::Ref;
    ///
    /// let pinned = Ref::pin(async { 5 });
    /// let _same_place = pinned.clone();
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn pin(value: T) -> Pin<Self> {
        // SAFETY: the value is in the heap. The functions that move it or give `&mut T` need the
        // `Ref`, which a `Pin` does not give if the value is not `Unpin`.
        unsafe { Pin::new_unchecked(Self::new(value)) }
    }
}

impl<T: ?Sized> Ref<T, Native> {
    /// Takes back a reference that [`into_raw`](Self::into_raw) gave away.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let text: Ref<str> = Ref::from("text");
    /// let raw = Ref::into_raw(text.clone()) as *const [u8];
    /// // SAFETY: it is taken back once, and a `str` may be used as bytes while others use it as text.
    /// let bytes: Ref<[u8]> = unsafe { Ref::from_raw(raw) };
    /// assert_eq!((&*text, &*bytes), ("text", &b"text"[..]));
    /// ```
    ///
    /// # Safety
    ///
    /// - The pointer comes from [`into_raw`](Self::into_raw) or [`as_ptr`](Self::as_ptr), and is not
    ///   derived from a `&T`.
    /// - There is a reference that no `Ref` has: one call for each reference that was given away.
    /// - If the pointer was cast from a `U`, and not only coerced to a trait object or a slice: the size
    ///   and alignment of the value are the same as a `T` and as a `U`; a `&U` may be used as a `&T`,
    ///   and a `&T` as a `&U`, for as long as any reference of either type exists, in every thread that
    ///   may have one; and the value may be destroyed as either. `str` and `[u8]` are such types. `u32`
    ///   and `Cell<u32>` are not: a write through the second changes what a `&u32` borrows.
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw(value: *const T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_raw_in(value) }
    }
}

impl<T, B: Backend> Ref<T, B> {
    /// Like [`new`](Ref::new), for any backend.
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_in(value: T) -> Self {
        let value = fill::value(value, RefCount::<B>::new_in(1));
        // SAFETY: the count of one is for this.
        unsafe { Self::from_value(value) }
    }
}

impl<T: ?Sized, B: Backend> Ref<T, B> {
    /// Takes over one reference.
    ///
    /// # Safety
    ///
    /// `value` is what the type's invariant says, and the count counts the new `Ref`.
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub(super) unsafe fn from_value(value: NonNull<T>) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::from_value_for(value, Origin::here()) }
    }

    /// Takes over one reference, for a tag.
    ///
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
    pub(super) unsafe fn from_parts(value: NonNull<T>, token: Token) -> Self {
        Self {
            value,
            token,
            owns: PhantomData,
            backend: PhantomData,
        }
    }

    /// Returns the pointer, and keeps the reference counted.
    #[inline]
    pub(crate) fn into_parts(this: Self) -> (NonNull<T>, Token) {
        let mut this = ManuallyDrop::new(this);
        let token = mem::replace(&mut this.token, Token::lent());
        (this.value, token)
    }

    /// The pointer of a reference that somebody else has.
    ///
    /// # Safety
    ///
    /// As for [`from_value`](Self::from_value), but that the other one has the reference, for as long as the result is used.
    pub(super) unsafe fn lent(value: NonNull<T>) -> ManuallyDrop<Self> {
        // SAFETY: the caller's promise; it is not dropped.
        ManuallyDrop::new(unsafe { Self::from_parts(value, Token::lent()) })
    }

    /// The address under which the holders are recorded: that of the count, which no other object has.
    pub(crate) fn tracked(this: &Self) -> *const () {
        ptr::from_ref(this.count()).cast()
    }

    /// Ends the token: the reference is about to be given up.
    #[inline]
    pub(super) fn end_token(&mut self) {
        self.token.end();
    }

    #[inline]
    pub(super) fn count(&self) -> &RefCount<B> {
        // SAFETY: the invariant of the type.
        let count = unsafe { header_of::<T, RefCount<B>>(self.value) };
        // SAFETY: the count lives as long as any `Ref`.
        unsafe { count.as_ref() }
    }

    /// Returns whether both point to the same value. The addresses are compared; the vtables of trait
    /// objects are not.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let a = Ref::new(5);
    /// assert!(Ref::ptr_eq(&a, &a.clone()));
    /// assert!(!Ref::ptr_eq(&a, &Ref::new(5)));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        ptr::addr_eq(Self::as_ptr(this), Self::as_ptr(other))
    }

    /// Returns how many references there are; a hint, out of date as soon as it is read.
    ///
    /// It is [`RefCount::SATURATED`] if the value leaks. Make no decision by this number: see the
    /// table of [`Ref`].
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let a = Ref::new(5);
    /// let _b = a.clone();
    /// assert_eq!(Ref::count_hint(&a), 2);
    /// ```
    #[doc(alias = "strong_count")]
    #[doc(alias = "refcount_read")]
    #[must_use]
    #[inline]
    pub fn count_hint(this: &Self) -> u32 {
        this.count().count()
    }

    /// Returns the value's address.
    ///
    /// The pointer is valid as long as the value lives, and for [`from_raw`](Ref::from_raw) if a
    /// reference was kept for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let five = Ref::new(5);
    /// assert_eq!(Ref::as_ptr(&five), &raw const *five);
    /// ```
    #[must_use]
    #[inline]
    pub fn as_ptr(this: &Self) -> *const T {
        this.value.as_ptr()
    }

    /// Returns the value's address and keeps the reference counted, until
    /// [`from_raw`](Ref::from_raw) takes it back.
    ///
    /// # Examples
    ///
    /// A pointer to a value is a pointer to a trait object, and both are the same `Ref`:
    ///
    /// ```
    /// use kref::Ref;
    /// use std::fmt::Display;
    ///
    /// let five = Ref::into_raw(Ref::new(5));
    /// let raw: *const dyn Display = five;
    /// // SAFETY: it comes from `into_raw`, and is taken back once.
    /// let five: Ref<dyn Display> = unsafe { Ref::from_raw(raw) };
    /// assert_eq!(five.to_string(), "5");
    /// ```
    #[must_use = "the value leaks unless the pointer goes back to `from_raw`"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn into_raw(this: Self) -> *const T {
        let (value, token) = Self::into_parts(this);
        token.give_away(Origin::here());
        value.as_ptr()
    }

    /// Like [`from_raw`](Ref::from_raw), for any backend.
    ///
    /// # Safety
    ///
    /// As for [`from_raw`](Ref::from_raw), and the `Ref` that the pointer comes from had the same `B`.
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub unsafe fn from_raw_in(value: *const T) -> Self {
        // SAFETY: the caller's promise; what comes from a `Ref` is not null.
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
    /// use kref::Ref;
    ///
    /// let file = Ref::new("file");
    /// let uploader = Ref::clone_for(&file, "uploader");
    /// # #[cfg(feature = "track")]
    /// assert!(Ref::is_held_by(&file, "uploader"));
    /// drop(uploader);
    /// # #[cfg(feature = "track")]
    /// assert!(!Ref::is_held_by(&file, "uploader"));
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
    #[doc(alias = "zfs_refcount_held")]
    #[must_use]
    pub fn is_held_by(this: &Self, tag: &str) -> bool {
        crate::track::is_held_by(Self::tracked(this), tag)
    }

    #[inline]
    #[track_caller]
    fn get(&self, origin: Origin) -> Self {
        let operation = Operation::on(Self::tracked(self));
        self.count().inc_held();
        operation.end();
        // SAFETY: the new reference was just counted, or the count is saturated.
        unsafe { Self::from_value_for(self.value, origin) }
    }
}

/// The address of the count of a value.
///
/// # Safety
///
/// `value` is what the invariant of a [`Ref`] says.
#[inline]
unsafe fn address<T: ?Sized, B: Backend>(value: NonNull<T>) -> *const () {
    // SAFETY: the caller's promise.
    let count = unsafe { header_of::<T, RefCount<B>>(value) };
    count.as_ptr().cast_const().cast()
}

#[cfg(feature = "track")]
impl<T: ?Sized, B: Backend> crate::track::sealed::Object for Ref<T, B> {
    fn object_report(&self) -> crate::track::ObjectReport {
        let address = Self::tracked(self).addr();
        let subject = crate::track::at("Ref", core::any::type_name::<T>(), address);
        crate::track::object(address, subject, None)
    }
}

impl<T: ?Sized, B: Backend> Clone for Ref<T, B> {
    /// Adds a reference to the same value, by one atomic increment.
    #[doc(alias = "refcount_inc")]
    #[inline]
    #[track_caller]
    fn clone(&self) -> Self {
        self.get(Origin::here())
    }
}

impl<T: ?Sized, B: Backend> Drop for Ref<T, B> {
    /// Drops the reference, by one atomic decrement. If it was the last, the value is destroyed and
    /// its memory freed.
    #[doc(alias = "refcount_dec_and_test")]
    #[inline]
    fn drop(&mut self) {
        self.token.end();
        let operation = Operation::on(Self::tracked(self));
        let last = self.count().dec_held_and_test();
        operation.end();
        if last {
            // SAFETY: it was the last, so the value is this thread's alone.
            unsafe { destroy::<T, B>(self.value) };
        }
    }
}

/// Ends the drop of the last reference.
///
/// # Safety
///
/// The count is zero, and was made so by the caller.
#[cold]
#[inline(never)]
unsafe fn destroy<T: ?Sized, B: Backend>(value: NonNull<T>) {
    // SAFETY: the caller's promise.
    drop(unsafe { UniqueRef::<T, B>::from_value(value) });
}

impl<T: ?Sized, B: Backend> Deref for Ref<T, B> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the value lives as long as any `Ref`, and nobody has a `&mut` to it while there is
        // a `&Ref`.
        unsafe { self.value.as_ref() }
    }
}

forward_to_value!([T: ?Sized, B: Backend] Ref<T, B>);
