//! The conversions from and between values.

use core::any::Any;
use core::mem;
use core::ptr::NonNull;

use super::counts::Counts;
use super::{Weak, WeakRef};
use crate::atomic::{Backend, Native};
use crate::pointers::refs::Coerce;
use crate::pointers::refs::convert::convert_from_values;

convert_from_values!(WeakRef, Counts::<Native>::new());

// SAFETY: the address is the pointer's own.
unsafe impl<T: ?Sized, B: Backend> Coerce for WeakRef<T, B> {
    type Value = T;
    type To<U: ?Sized> = WeakRef<U, B>;

    #[inline]
    fn __kref_pointer(&self) -> *const T {
        Self::as_ptr(self)
    }

    #[inline]
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> WeakRef<U, B> {
        let (_, token) = Self::into_parts(self);
        // SAFETY: what comes from a `WeakRef` is not null.
        let value = unsafe { NonNull::new_unchecked(value.cast_mut()) };
        // SAFETY: the same value, by the caller's promise, and the reference of `self`.
        unsafe { WeakRef::from_parts(value, token) }
    }
}

// SAFETY: the address is the pointer's own.
unsafe impl<T: ?Sized, B: Backend> Coerce for Weak<T, B> {
    type Value = T;
    type To<U: ?Sized> = Weak<U, B>;

    #[inline]
    fn __kref_pointer(&self) -> *const T {
        self.as_ptr()
    }

    #[inline]
    unsafe fn __kref_coerce<U: ?Sized>(self, value: *const U) -> Weak<U, B> {
        mem::forget(self);
        // SAFETY: the same value or none, by the caller's promise, and the weak reference of `self`.
        unsafe { Weak::from_raw_in(value) }
    }
}

impl<B: Backend> WeakRef<dyn Any + Send + Sync, B> {
    /// Returns the same reference as one to a `T`, if that is what the value is.
    ///
    /// # Errors
    ///
    /// Gives the reference back if it is something else.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::weak::WeakRef;
    /// use std::any::Any;
    ///
    /// let five: Box<dyn Any + Send + Sync> = Box::new(5_u8);
    /// let any = WeakRef::downcast::<String>(WeakRef::from(five)).unwrap_err();
    /// assert_eq!(*WeakRef::downcast::<u8>(any).unwrap(), 5);
    /// ```
    pub fn downcast<T: Any + Send + Sync>(this: Self) -> Result<WeakRef<T, B>, Self> {
        if this.is::<T>() {
            let (value, token) = Self::into_parts(this);
            // SAFETY: the same value and reference; its type is `T`, as was just checked.
            Ok(unsafe { WeakRef::from_parts(value.cast(), token) })
        } else {
            Err(this)
        }
    }
}
