//! Trait objects: what a `Box<dyn Trait>` gets from the compiler and a pointer of a library, on stable
//! Rust, does not.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::any::Any;
use core::mem::{self, ManuallyDrop};
use core::ptr::{self, NonNull};

use super::Ref;
use super::memory::Memory;
use crate::atomic::{Backend, Native};

/// Turns a [`Ref<T>`](crate::Ref) into a `Ref<dyn Trait>` (or an array into a slice), as the compiler
/// does of its own accord with `Box` and `Arc`.
///
/// `unsize!(reference)` takes the type from where it is used, `unsize!(reference => dyn Trait)` says it.
/// It costs nothing: the value stays where it is, and so do its other references.
///
/// # Examples
///
/// ```
/// use kref::{Ref, unsize};
/// use std::fmt::Display;
///
/// let five = Ref::new(5);
/// let shown: Vec<Ref<dyn Display>> = vec![unsize!(five.clone()), unsize!(Ref::new("text"))];
/// assert_eq!(shown[0].to_string(), "5");
///
/// let sent = unsize!(five => dyn Display + Send + Sync);
/// std::thread::spawn(move || assert_eq!(sent.to_string(), "5")).join().unwrap();
/// ```
#[macro_export]
macro_rules! unsize {
    ($reference:expr) => {{
        let reference = $reference;
        let value = $crate::Ref::as_ptr(&reference);
        // SAFETY: the pointer is the reference's, after no more than an implicit coercion.
        unsafe { $crate::Ref::coerce(reference, value) }
    }};
    ($reference:expr => $target:ty) => {{
        let reference: $crate::Ref<$target, _> = $crate::unsize!($reference);
        reference
    }};
}

impl<T: ?Sized, B: Backend> Ref<T, B> {
    /// Turns the reference into one to the same value by another type, which is that of `value`; what
    /// [`unsize!`](crate::unsize) does for implicit coercions.
    ///
    /// # Safety
    ///
    /// `value` is [`as_ptr`](Self::as_ptr) of `this`, coerced or cast as [`from_raw`](Ref::from_raw)
    /// allows.
    #[must_use = "the reference is dropped otherwise"]
    #[inline]
    pub unsafe fn coerce<U: ?Sized>(this: Self, value: *const U) -> Ref<U, B> {
        mem::forget(this);
        // SAFETY: the same value, by the caller's promise, and the reference of `this`.
        unsafe { Ref::from_raw_in(value) }
    }
}

impl<T: ?Sized> From<Box<T>> for Ref<T> {
    /// Moves the value from one allocation to another; also a trait object.
    ///
    /// ```
    /// use kref::Ref;
    /// use std::path::{Path, PathBuf};
    ///
    /// let path: Ref<Path> = Ref::from(PathBuf::from("/tmp").into_boxed_path());
    /// assert_eq!(&*path, Path::new("/tmp"));
    /// ```
    fn from(from: Box<T>) -> Self {
        let layout = Layout::for_value::<T>(&from);
        let memory = Memory::<Native>::new(layout, 1);
        let from = Box::into_raw(from);
        // SAFETY: both places have this layout, and one of them is new.
        unsafe {
            ptr::copy_nonoverlapping(from.cast::<u8>(), memory.value().as_ptr(), layout.size());
        }
        // SAFETY: it comes from a box, and the value, which was moved, is not dropped.
        drop(unsafe { Box::from_raw(from as *mut ManuallyDrop<T>) });
        let value = with_address(from, memory.into_value());
        // SAFETY: the value is there, and the count of one is for this.
        unsafe { Self::from_value(value) }
    }
}

/// Returns the pointer with another address, and what it knows of the value's type.
fn with_address<T: ?Sized>(mut pointer: *mut T, address: NonNull<u8>) -> NonNull<T> {
    // A pointer is its address, and behind that what is known of the type, if anything. The language
    // does not promise it, but there is no other way before `ptr::metadata`.
    // SAFETY: every pointer is at least as large as a pointer, and as aligned.
    unsafe { (&raw mut pointer).cast::<*mut u8>().write(address.as_ptr()) };
    assert!(
        ptr::addr_eq(pointer, address.as_ptr()),
        "a pointer does not start with its address"
    );
    // SAFETY: the address is not null, as was just checked.
    unsafe { NonNull::new_unchecked(pointer) }
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
            // SAFETY: the same value and reference; its type is `T`, as was just checked.
            Ok(unsafe { Ref::from_raw_in(Self::into_raw(this).cast()) })
        } else {
            Err(this)
        }
    }
}
