//! Values that are written after their memory was allocated.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::{Ref, UniqueRef, fill};
use crate::RefCount;
use crate::atomic::{Backend, Native};

/// Allocates room for one value behind a count of `refs`.
fn room<T>(refs: u32) -> NonNull<MaybeUninit<T>> {
    fill::room_for(RefCount::<Native>::new_in(refs))
}

/// Allocates room for a slice behind a count of `refs`.
fn room_for_slice<T>(len: usize, refs: u32) -> NonNull<[MaybeUninit<T>]> {
    fill::room_for_slice(len, RefCount::<Native>::new_in(refs))
}

impl<T> UniqueRef<T, Native> {
    /// Allocates room for a value, to be written in place.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    ///
    /// let room = UniqueRef::<[u8; 4096]>::new_uninit();
    /// let page: UniqueRef<[u8; 4096]> = UniqueRef::write(room, [0; 4096]);
    /// assert_eq!(page[4095], 0);
    /// ```
    #[inline]
    pub fn new_uninit() -> UniqueRef<MaybeUninit<T>> {
        // SAFETY: the memory has room for the value, which may be uninitialised, and a count of zero.
        unsafe { UniqueRef::from_value(room(0)) }
    }
}

impl<T> UniqueRef<[T], Native> {
    /// Allocates room for a slice, to be filled in place.
    ///
    /// # Panics
    ///
    /// If the size does not fit in an `isize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, UniqueRef};
    ///
    /// let mut squares = UniqueRef::<[u64]>::new_uninit_slice(4);
    /// for (square, i) in squares.iter_mut().zip(0..) {
    ///     square.write(i * i);
    /// }
    /// // SAFETY: each of them was written.
    /// let squares: Ref<[u64]> = UniqueRef::share(unsafe { squares.assume_init() });
    /// assert_eq!(*squares, [0, 1, 4, 9]);
    /// ```
    pub fn new_uninit_slice(len: usize) -> UniqueRef<[MaybeUninit<T>]> {
        // SAFETY: the memory has room for the slice, which may be uninitialised, and a count of zero.
        unsafe { UniqueRef::from_value(room_for_slice(len, 0)) }
    }
}

impl<T, B: Backend> UniqueRef<MaybeUninit<T>, B> {
    /// Declares that the value has been written.
    ///
    /// # Safety
    ///
    /// It has been.
    #[inline]
    pub unsafe fn assume_init(self) -> UniqueRef<T, B> {
        // SAFETY: the same memory, and by the caller's promise the value is a `T`.
        unsafe { UniqueRef::from_value(Self::into_value(self).cast()) }
    }

    /// Writes the value without dropping an old one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::UniqueRef;
    ///
    /// let five = UniqueRef::write(UniqueRef::new_uninit(), 5);
    /// assert_eq!(*five, 5);
    /// ```
    #[inline]
    pub fn write(mut this: Self, value: T) -> UniqueRef<T, B> {
        MaybeUninit::write(&mut *this, value);
        // SAFETY: it was just written.
        unsafe { this.assume_init() }
    }
}

impl<T, B: Backend> UniqueRef<[MaybeUninit<T>], B> {
    /// Declares that every element has been written.
    ///
    /// # Safety
    ///
    /// Each has been.
    pub unsafe fn assume_init(self) -> UniqueRef<[T], B> {
        let uninit = Self::into_value(self);
        let slice = NonNull::slice_from_raw_parts(uninit.cast(), uninit.len());
        // SAFETY: the same memory, and by the caller's promise the elements are of type `T`.
        unsafe { UniqueRef::from_value(slice) }
    }
}

impl<T> Ref<T, Native> {
    /// Allocates room for a value, to be written through [`get_mut`](Ref::get_mut).
    ///
    /// [`UniqueRef::new_uninit`] does the same without a count to look at.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let mut room = Ref::<u32>::new_uninit();
    /// Ref::get_mut(&mut room).unwrap().write(5);
    /// // SAFETY: it was just written.
    /// let five: Ref<u32> = unsafe { room.assume_init() };
    /// assert_eq!(*five, 5);
    /// ```
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_uninit() -> Ref<MaybeUninit<T>> {
        // SAFETY: the memory has room for the value, which may be uninitialised; the count is for this.
        unsafe { Ref::from_value(room(1)) }
    }
}

impl<T> Ref<[T], Native> {
    /// Allocates room for a slice, to be written through [`get_mut`](Ref::get_mut).
    ///
    /// # Panics
    ///
    /// If the size does not fit in an `isize`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Ref;
    ///
    /// let mut room = Ref::<[u8]>::new_uninit_slice(2);
    /// Ref::get_mut(&mut room).unwrap().iter_mut().for_each(|byte| drop(byte.write(7)));
    /// // SAFETY: each of them was just written.
    /// let sevens: Ref<[u8]> = unsafe { room.assume_init() };
    /// assert_eq!(*sevens, [7, 7]);
    /// ```
    #[must_use]
    #[cfg_attr(feature = "track", track_caller)]
    pub fn new_uninit_slice(len: usize) -> Ref<[MaybeUninit<T>]> {
        // SAFETY: the memory has room for the slice, which may be uninitialised; the count is for this.
        unsafe { Ref::from_value(room_for_slice(len, 1)) }
    }
}

impl<T, B: Backend> Ref<MaybeUninit<T>, B> {
    /// Declares that the value has been written. Other references to it keep their type.
    ///
    /// The value is destroyed if the last reference is a `Ref<T>`, and not destroyed, only its memory
    /// freed, if the last one is a `Ref<MaybeUninit<T>>`.
    ///
    /// # Safety
    ///
    /// It has been, before anything that this thread has done since it got the reference.
    #[must_use = "the reference is dropped otherwise"]
    #[inline]
    pub unsafe fn assume_init(self) -> Ref<T, B> {
        let (value, token) = Self::into_parts(self);
        // SAFETY: the same value and reference, which by the caller's promise is a `T`. It stays one
        // while there are two references: both types give out shared borrows only.
        unsafe { Ref::from_parts(value.cast(), token) }
    }
}

impl<T, B: Backend> Ref<[MaybeUninit<T>], B> {
    /// Declares that every element has been written. Other references to them keep their type.
    ///
    /// # Safety
    ///
    /// As for one value: each has been.
    #[must_use = "the reference is dropped otherwise"]
    pub unsafe fn assume_init(self) -> Ref<[T], B> {
        let (uninit, token) = Self::into_parts(self);
        let slice = NonNull::slice_from_raw_parts(uninit.cast(), uninit.len());
        // SAFETY: as for one value.
        unsafe { Ref::from_parts(slice, token) }
    }
}
