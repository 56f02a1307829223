//! The pointers that own an object while it is on a list: [`Pointer`].
//!
//! | pointer | other handles in the meantime | push |
//! |---|---|---|
//! | `Box<T>`, `&mut T`, and `Pin` of them | not possible: [`UniquePointer`] | cannot fail |
//! | [`Ref<T>`](crate::Ref), [`IntrusiveRef<T>`], `Arc<T>`, `&T`, and `Pin` of them | any number | [`try_push`](super::List::try_push): refused when the object is on a list already |

use core::ops::Deref;
use core::pin::Pin;
use core::ptr::NonNull;

use crate::{IntrusiveRef, RefCounted};
#[cfg(feature = "alloc")]
use crate::{Ref, atomic::Backend};
#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
use alloc::sync::Arc;

/// Describes a pointer that can be taken apart while its object is on a list, and put together again.
///
/// The kernel has no counterpart: in C the list does not know which pointer owns an object on it.
///
/// # Safety
///
/// The implementor must uphold:
///
/// - the pointer of [`into_raw`](Self::into_raw) is the address that [`Deref`] dereferences to. It
///   may be read, and used for what a `&Target` allows, until [`from_raw`](Self::from_raw), by any
///   thread to which the pointer may be sent; and all that the pointer owned stays as it is;
/// - [`from_raw`](Self::from_raw) may use the pointer that it is given as it may use the one that `into_raw` returned. (It is the same address,
///   with the provenance that was exposed there: the lists keep addresses.);
/// - neither moves the object, and neither panics;
/// - `Deref` has no side effects that a list could notice.
pub unsafe trait Pointer: Deref<Target: Sized> + Sized {
    /// Gives up the pointer and returns where it pointed to.
    fn into_raw(self) -> NonNull<Self::Target>;

    /// Puts the pointer together again.
    ///
    /// # Safety
    ///
    /// `object` was returned by [`into_raw`](Self::into_raw) of this type, and was not passed to
    /// this function since.
    unsafe fn from_raw(object: NonNull<Self::Target>) -> Self;
}

/// Marks a pointer that excludes every other handle to its object, so that an object whose pointer
/// is at hand is on no list.
///
/// # Safety
///
/// As long as the pointer exists, no other code can reach the object, by any type of pointer.
pub unsafe trait UniquePointer: Pointer {}

// SAFETY: a shared reference may be copied to a pointer and back; every holder of the pointer may
// read.
unsafe impl<T> Pointer for &T {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        NonNull::from(self)
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<T>) -> Self {
        // SAFETY: it was such a reference; the lifetime is that of `Self`, as it was.
        unsafe { object.as_ref() }
    }
}

// SAFETY: nothing else uses the object between the two, so that the pointer stays as good as the
// reference was; in between it may be read.
unsafe impl<T> Pointer for &mut T {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        NonNull::from(self)
    }
    #[inline]
    unsafe fn from_raw(mut object: NonNull<T>) -> Self {
        // SAFETY: it was such a reference; the lifetime is that of `Self`, as it was.
        unsafe { object.as_mut() }
    }
}

// SAFETY: an exclusive reference.
unsafe impl<T> UniquePointer for &mut T {}

// SAFETY: the object stays in its allocation, and nobody else knows of it.
#[cfg(feature = "alloc")]
unsafe impl<T> Pointer for Box<T> {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        // SAFETY: a box is not null.
        unsafe { NonNull::new_unchecked(Box::into_raw(self)) }
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<T>) -> Self {
        // SAFETY: it came from a box, and goes back to one once, by the caller's promise.
        unsafe { Box::from_raw(object.as_ptr()) }
    }
}

// SAFETY: a box is the only pointer to its object.
#[cfg(feature = "alloc")]
unsafe impl<T> UniquePointer for Box<T> {}

// SAFETY: the reference that the handle counts for is kept until the handle is back.
#[cfg(all(feature = "alloc", target_has_atomic = "ptr"))]
unsafe impl<T> Pointer for Arc<T> {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        // SAFETY: an Arc is not null.
        unsafe { NonNull::new_unchecked(Arc::into_raw(self).cast_mut()) }
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<T>) -> Self {
        // SAFETY: it came from an Arc, and goes back to one once, by the caller's promise.
        unsafe { Arc::from_raw(object.as_ptr()) }
    }
}

// SAFETY: the reference that the handle counts for is kept until the handle is back.
#[cfg(feature = "alloc")]
unsafe impl<T, B: Backend> Pointer for Ref<T, B> {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        // SAFETY: what comes from a `Ref` is not null.
        unsafe { NonNull::new_unchecked(Self::into_raw(self).cast_mut()) }
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<T>) -> Self {
        // SAFETY: it came from a `Ref`, and goes back to one once, by the caller's promise.
        unsafe { Self::from_raw_in(object.as_ptr()) }
    }
}

// SAFETY: the reference that the handle counts for is kept until the handle is back.
unsafe impl<T: RefCounted> Pointer for IntrusiveRef<T> {
    #[inline]
    fn into_raw(self) -> NonNull<T> {
        Self::into_raw(self)
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<T>) -> Self {
        // SAFETY: it came from `into_raw`, and goes back once, by the caller's promise.
        unsafe { Self::from_raw(object) }
    }
}

// SAFETY: a pinned pointer is the pointer and a promise not to move the object, which nothing here
// does.
unsafe impl<P: Pointer> Pointer for Pin<P> {
    #[inline]
    fn into_raw(self) -> NonNull<P::Target> {
        // SAFETY: the object is not moved before it is pinned again, in `from_raw`.
        unsafe { Self::into_inner_unchecked(self) }.into_raw()
    }
    #[inline]
    unsafe fn from_raw(object: NonNull<P::Target>) -> Self {
        // SAFETY: by the caller's promise it came from `into_raw`, which has passed it on.
        let pointer = unsafe { P::from_raw(object) };
        // SAFETY: it was pinned, and was not moved since.
        unsafe { Self::new_unchecked(pointer) }
    }
}

// SAFETY: as unique as the pointer within.
unsafe impl<P: UniquePointer> UniquePointer for Pin<P> {}
