//! Trait objects: what a `Box<dyn Trait>` gets from the compiler and a pointer of a library, on stable
//! Rust, does not.

use core::any::Any;
use core::mem::{self, ManuallyDrop};
use core::ops::Deref;
use core::pin::Pin;
use core::ptr::{self, NonNull};

use super::{Ref, UniqueRef};
use crate::atomic::Backend;

/// Turns a [`Ref<T>`](crate::Ref) into a `Ref<dyn Trait>` (or an array into a slice), as the compiler
/// does of its own accord with `Box` and `Arc`. A [`UniqueRef`](crate::UniqueRef), a
/// [`WeakRef`](crate::weak::WeakRef), a [`Weak`](crate::weak::Weak), and a [`Pin`] of them are turned in the
/// same way.
///
/// `unsize!(reference)` takes the type from where it is used, `unsize!(reference => dyn Trait)` says it.
/// It costs nothing: the value stays where it is, and so do its other references.
///
/// [`Pin`]: core::pin::Pin
///
/// # Examples
///
/// ```
/// use kref::{Ref, unsize};
/// use std::fmt::Display;
/// use std::pin::Pin;
///
/// let five = Ref::new(5);
/// let shown: Vec<Ref<dyn Display>> = vec![unsize!(five.clone()), unsize!(Ref::new("text"))];
/// assert_eq!(shown[0].to_string(), "5");
///
/// let sent = unsize!(five => dyn Display + Send + Sync);
/// std::thread::spawn(move || assert_eq!(sent.to_string(), "5")).join().unwrap();
///
/// let tasks: Vec<Pin<Ref<dyn Future<Output = u32>>>> = vec![
///     unsize!(Ref::pin(async { 5 })),
///     unsize!(Ref::pin(std::future::ready(6))),
/// ];
/// # drop(tasks);
/// ```
#[macro_export]
macro_rules! unsize {
    ($reference:expr) => {{
        use $crate::Coerce as _;
        let reference = $reference;
        // The path, and not a method: it is only for types that have the trait.
        let value = $crate::Coerce::__kref_pointer(&reference);
        // SAFETY: the pointer is the reference's, after no more than an implicit coercion.
        unsafe { reference.__kref_coerce(value) }
    }};
    ($reference:expr => $target:ty) => {{
        let reference = $reference;
        let value: *const $target = $crate::Coerce::__kref_pointer(&reference);
        // SAFETY: the pointer is the reference's, after no more than an implicit coercion.
        unsafe { $crate::Coerce::__kref_coerce::<$target>(reference, value) }
    }};
}

/// Names the counted pointers that [`unsize!`](crate::unsize) works on. It is no part of the public API.
///
/// # Safety
///
/// [`__kref_pointer`](Self::__kref_pointer) returns the address of the value, good for whatever the
/// pointer itself may do with the value.
#[doc(hidden)]
pub unsafe trait Coerce: Sized {
    /// What the pointer owns.
    type Value: ?Sized;
    /// The same pointer to a value of another type.
    type To<U: ?Sized>;

    /// Returns the address of the value.
    fn __kref_pointer(&self) -> *const Self::Value;

    /// Returns the same pointer, with the type of `value`.
    ///
    /// # Safety
    ///
    /// `value` is what [`__kref_pointer`](Self::__kref_pointer) returned, after an unsizing coercion.
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> Self::To<U>;
}

// SAFETY: the address is the `Ref`'s own.
unsafe impl<T: ?Sized, B: Backend> Coerce for Ref<T, B> {
    type Value = T;
    type To<U: ?Sized> = Ref<U, B>;

    #[inline]
    fn __kref_pointer(&self) -> *const T {
        Self::as_ptr(self)
    }

    #[inline]
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> Ref<U, B> {
        // SAFETY: the caller's promise.
        unsafe { Self::coerce(self, value) }
    }
}

// SAFETY: the address is the `UniqueRef`'s own, good for writing as well.
unsafe impl<T: ?Sized, B: Backend> Coerce for UniqueRef<T, B> {
    type Value = T;
    type To<U: ?Sized> = UniqueRef<U, B>;

    #[inline]
    fn __kref_pointer(&self) -> *const T {
        self.value.as_ptr()
    }

    #[inline]
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> UniqueRef<U, B> {
        // SAFETY: the caller's promise.
        unsafe { Self::coerce(self, value) }
    }
}

// SAFETY: a `Pin` is the pointer that it pins, and the pointer keeps the promise.
unsafe impl<P: Coerce + Deref> Coerce for Pin<P> {
    type Value = P::Value;
    type To<U: ?Sized> = Pin<P::To<U>>;

    #[inline]
    fn __kref_pointer(&self) -> *const P::Value {
        // SAFETY: `Pin` is `repr(transparent)`, and only the address is asked for.
        let pointer = unsafe { &*ptr::from_ref(self).cast::<P>() };
        pointer.__kref_pointer()
    }

    #[inline]
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> Pin<P::To<U>> {
        // SAFETY: the value is not moved, and the result is pinned again.
        let pointer = unsafe { Pin::into_inner_unchecked(self) };
        // SAFETY: the caller's promise.
        let coerced = unsafe { pointer.__kref_coerce(value) };
        let coerced = ManuallyDrop::new(coerced);
        // Not `new_unchecked`, which asks for `Deref`: `To` has none if it is a `WeakRef`. SAFETY:
        // `Pin` is `repr(transparent)`; the value was pinned, and stays where it is.
        unsafe { ptr::from_ref(&*coerced).cast::<Pin<P::To<U>>>().read() }
    }
}

impl<T: ?Sized, B: Backend> Ref<T, B> {
    /// Turns the reference into one to the same value by another type, which is that of `value`; what
    /// [`unsize!`](crate::unsize) does for implicit coercions.
    ///
    /// # Safety
    ///
    /// `value` is [`as_ptr`](Self::as_ptr) of `this`, coerced, or cast as the last rule of
    /// [`from_raw`](Ref::from_raw) allows.
    #[must_use = "the reference is dropped otherwise"]
    #[inline]
    pub unsafe fn coerce<U: ?Sized>(this: Self, value: *const U) -> Ref<U, B> {
        let (_, token) = Self::into_parts(this);
        // SAFETY: what comes from a `Ref` is not null.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the same value, by the caller's promise, and the reference of `this`.
        unsafe { Ref::from_parts(value, token) }
    }
}

impl<T: ?Sized, B: Backend> UniqueRef<T, B> {
    /// Turns the owner into one of the same value by another type, which is that of `value`.
    ///
    /// # Safety
    ///
    /// `value` is the address that `this` owns, with the right to write there, and the value may be
    /// used and destroyed as a `U`.
    #[inline]
    unsafe fn coerce<U: ?Sized>(this: Self, value: *const U) -> UniqueRef<U, B> {
        mem::forget(this);
        // SAFETY: what an owner points at is not null.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the same value, by the caller's promise, which nobody else owns.
        unsafe { UniqueRef::from_value(value) }
    }
}

impl<B: Backend> Ref<dyn Any + Send + Sync, B> {
    /// Returns the same reference as one to a `T`, if that is what the value is.
    ///
    /// # Errors
    ///
    /// Gives the reference back if it is something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, unsize};
    /// use std::any::Any;
    ///
    /// let any: Ref<dyn Any + Send + Sync> = unsize!(Ref::new(5_u8));
    /// let any = Ref::downcast::<String>(any).unwrap_err();
    /// assert_eq!(*Ref::downcast::<u8>(any).unwrap(), 5);
    /// ```
    pub fn downcast<T: Any + Send + Sync>(this: Self) -> Result<Ref<T, B>, Self> {
        if this.is::<T>() {
            let (value, token) = Self::into_parts(this);
            // SAFETY: the same value and reference; its type is `T`, as was just checked.
            Ok(unsafe { Ref::from_parts(value.cast(), token) })
        } else {
            Err(this)
        }
    }
}
