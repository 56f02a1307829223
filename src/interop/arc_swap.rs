//! [`Ref`] and [`WeakRef`] in an `ArcSwap`.
//!
//! arc-swap keeps a list of addresses that readers have borrowed, one list for pointers of all types. So
//! it asks that two pointers with the same address share one count. A `Ref` keeps that: the bytes in
//! front of the address belong to its own allocation, for every type of value, so another pointer with
//! this address, whose count likewise lies in front of it, is one to the same value. So does a `WeakRef`. An
//! [`IntrusiveRef`](crate::IntrusiveRef) does not: its object may begin where the allocation of a `Ref`
//! of no size ends. That is why it has no implementation.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arc_swap::RefCnt;

use crate::atomic::Backend;
use crate::{Ref, WeakRef};

// SAFETY: see above for the addresses. A clone points where the original does, and moving a `Ref` moves
// no value. No method unwinds, but for a destructor in `dec`, as with `Arc`.
unsafe impl<T, B: Backend> RefCnt for Ref<T, B> {
    type Base = T;

    #[inline]
    fn into_ptr(me: Self) -> *mut T {
        Self::into_raw(me).cast_mut()
    }

    #[inline]
    fn as_ptr(me: &Self) -> *mut T {
        Self::as_ptr(me).cast_mut()
    }

    #[inline]
    unsafe fn from_ptr(ptr: *const T) -> Self {
        // SAFETY: it comes from `into_ptr`, and arc-swap sees to the references.
        unsafe { Self::from_raw_in(ptr) }
    }

    #[inline]
    fn inc(me: &Self) -> *mut T {
        // A count that overflows is reported to a hook of the user's, which may panic. By then the count
        // is saturated, which is as good as the reference, and arc-swap must not be unwound.
        let _ = catch_unwind(AssertUnwindSafe(|| Self::into_raw(me.clone())));
        <Self as RefCnt>::as_ptr(me)
    }
}

// SAFETY: as for `Ref`.
unsafe impl<T, B: Backend> RefCnt for WeakRef<T, B> {
    type Base = T;

    #[inline]
    fn into_ptr(me: Self) -> *mut T {
        Self::into_raw(me).cast_mut()
    }

    #[inline]
    fn as_ptr(me: &Self) -> *mut T {
        Self::as_ptr(me).cast_mut()
    }

    #[inline]
    unsafe fn from_ptr(ptr: *const T) -> Self {
        // SAFETY: it comes from `into_ptr`, and arc-swap sees to the references.
        unsafe { Self::from_raw_in(ptr) }
    }

    #[inline]
    fn inc(me: &Self) -> *mut T {
        // As for `Ref`.
        let _ = catch_unwind(AssertUnwindSafe(|| Self::into_raw(me.clone())));
        <Self as RefCnt>::as_ptr(me)
    }
}
