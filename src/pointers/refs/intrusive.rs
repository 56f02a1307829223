//! The owning pointer to an object that keeps its own count.
//!
//! [`Ref`](crate::Ref) puts the count in front of the value. Objects whose layout is fixed by other code,
//! usually C, must keep their count in a given field. Others have several counts, or none because a
//! counted parent keeps them alive. Such an object says how its references are counted
//! ([`RefCounted`]), and the pointer does the rest.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::{self, NonNull};

use crate::pointers::forward::forward_to_value;

/// Describes an object that counts its references itself.
///
/// # Safety
///
/// The implementor must uphold:
///
/// - [`inc_ref`](Self::inc_ref) adds a reference, and [`dec_ref`](Self::dec_ref) drops one. The object
///   lives, and stays where it is, as long as there is a reference, whichever threads add and drop
///   references;
/// - what happened through a reference before it was dropped happens before the object is
///   destroyed ([`Kref`](crate::Kref) and [`RefCount`](crate::RefCount) see to that);
/// - a count that overflows does not lead to the destruction of the object (they see to that, too).
#[doc(alias = "AlwaysRefCounted")]
pub unsafe trait RefCounted {
    /// Adds a reference. That the caller can call it shows that there is one.
    fn inc_ref(&self);

    /// Drops a reference, and destroys the object if it was the last.
    ///
    /// # Safety
    ///
    /// The caller gives up a reference that it has, and does not use the object through it any more.
    /// The pointer is one that the creator of the object gave out, not one made from a `&Self`.
    unsafe fn dec_ref(object: NonNull<Self>);
}

/// An owning pointer to an object that counts its references itself.
///
/// It is the kernel's `ARef` and C++'s `intrusive_ptr`: one word, the address of the object itself.
///
/// There is no way to make one from a `&T`, because the memory could not be freed through it. Clone an
/// `IntrusiveRef` instead.
///
/// # Examples
///
/// An object with a layout that C knows:
///
/// ```
/// use kref::{IntrusiveRef, Kref, RefCounted};
/// use std::ptr::NonNull;
///
/// #[repr(C)]
/// struct Device {
///     id: u32,
///     kref: Kref,
/// }
///
/// impl Device {
///     fn create(id: u32) -> IntrusiveRef<Self> {
///         let device = Box::new(Device { id, kref: Kref::new() });
///         // SAFETY: a new object has one reference, and it is for this.
///         unsafe { IntrusiveRef::from_raw(NonNull::from(Box::leak(device))) }
///     }
/// }
///
/// // SAFETY: each device is made by `create`, and destroyed only by the last `dec_ref`.
/// unsafe impl RefCounted for Device {
///     fn inc_ref(&self) {
///         self.kref.get();
///     }
///
///     unsafe fn dec_ref(device: NonNull<Self>) {
///         // SAFETY: alive until the put, by the caller's reference.
///         if unsafe { device.as_ref() }.kref.put() {
///             // SAFETY: that was the last reference, and the memory is that of a box.
///             drop(unsafe { Box::from_raw(device.as_ptr()) });
///         }
///     }
/// }
///
/// let device = Device::create(7);
/// let other = device.clone();
/// drop(device);
/// assert_eq!(other.id, 7);
/// ```
///
/// # Invariants
///
/// The object has a reference that is this pointer's.
#[doc(alias = "ARef")]
#[doc(alias = "intrusive_ptr")]
#[repr(transparent)]
pub struct IntrusiveRef<T: ?Sized + RefCounted> {
    object: NonNull<T>,
    /// Invariant: `T` chooses the `dec_ref`, and a subtype of `T` may choose another.
    owns: PhantomData<*mut T>,
}

// SAFETY: as for `Ref`: it gives its thread `&T`, hence `Sync`, and may destroy the object, hence `Send`.
unsafe impl<T: ?Sized + RefCounted + Send + Sync> Send for IntrusiveRef<T> {}
// SAFETY: a thread with a `&IntrusiveRef` can clone it, so the same as for `Send`.
unsafe impl<T: ?Sized + RefCounted + Send + Sync> Sync for IntrusiveRef<T> {}

// The object does not move with the pointer.
impl<T: ?Sized + RefCounted> Unpin for IntrusiveRef<T> {}

// Shared use is what the pointer allows, as `&T` does.
impl<T: ?Sized + RefCounted + RefUnwindSafe> UnwindSafe for IntrusiveRef<T> {}

impl<T: ?Sized + RefCounted> IntrusiveRef<T> {
    /// Takes over a reference.
    ///
    /// # Safety
    ///
    /// - The object is alive, and there is a reference to it that nobody else will drop: one call for
    ///   each reference.
    /// - The pointer is one that the creator of the object gave out, or comes from
    ///   [`into_raw`](Self::into_raw) or [`as_ptr`](Self::as_ptr); not one made from a `&T`.
    /// - `T`'s [`dec_ref`](RefCounted::dec_ref) may drop the reference. Types that differ in a lifetime
    ///   only are different types here.
    /// - If the pointer was cast from a `U`, a `&U` may be used as a `&T`, and a `&T` as a `&U`, for as
    ///   long as any reference of either type exists.
    ///
    /// # Examples
    ///
    /// See [`into_raw`](Self::into_raw).
    #[must_use = "drop it explicitly if it is only to be released"]
    #[inline]
    pub unsafe fn from_raw(object: NonNull<T>) -> Self {
        Self {
            object,
            owns: PhantomData,
        }
    }

    /// Returns the object's address and keeps the reference, until [`from_raw`](Self::from_raw) or
    /// [`RefCounted::dec_ref`] takes it back.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{IntrusiveRef, Kref, RefCounted};
    /// # use std::ptr::NonNull;
    /// #
    /// # struct Device(Kref);
    /// #
    /// # impl Device {
    /// #     fn create() -> IntrusiveRef<Self> {
    /// #         let device = Box::new(Device(Kref::new()));
    /// #         // SAFETY: a new object has one reference, and it is for this.
    /// #         unsafe { IntrusiveRef::from_raw(NonNull::from(Box::leak(device))) }
    /// #     }
    /// # }
    /// #
    /// # // SAFETY: each device is made by `create`, and destroyed only by the last `dec_ref`.
    /// # unsafe impl RefCounted for Device {
    /// #     fn inc_ref(&self) {
    /// #         self.0.get();
    /// #     }
    /// #     unsafe fn dec_ref(device: NonNull<Self>) {
    /// #         // SAFETY: alive until the put, by the caller's reference.
    /// #         if unsafe { device.as_ref() }.0.put() {
    /// #             // SAFETY: that was the last reference, and the memory is that of a box.
    /// #             drop(unsafe { Box::from_raw(device.as_ptr()) });
    /// #         }
    /// #     }
    /// # }
    ///
    /// let device = Device::create();
    /// let raw = IntrusiveRef::into_raw(device); // for C to keep
    /// // SAFETY: the reference is taken back once.
    /// let device = unsafe { IntrusiveRef::from_raw(raw) };
    /// assert_eq!(device.0.count(), 1);
    /// ```
    #[must_use = "the object leaks unless somebody drops the reference"]
    #[inline]
    pub fn into_raw(this: Self) -> NonNull<T> {
        ManuallyDrop::new(this).object
    }

    /// Returns the object's address, which is good as long as the object lives.
    ///
    /// # Examples
    ///
    /// See [`from_raw`](Self::from_raw), which may take such a pointer.
    #[must_use]
    #[inline]
    pub fn as_ptr(this: &Self) -> NonNull<T> {
        this.object
    }

    /// Returns whether both point to the same object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{IntrusiveRef, Kref, RefCounted};
    /// # use std::ptr::NonNull;
    /// #
    /// # struct Device(Kref);
    /// #
    /// # impl Device {
    /// #     fn create() -> IntrusiveRef<Self> {
    /// #         let device = Box::new(Device(Kref::new()));
    /// #         // SAFETY: a new object has one reference, and it is for this.
    /// #         unsafe { IntrusiveRef::from_raw(NonNull::from(Box::leak(device))) }
    /// #     }
    /// # }
    /// #
    /// # // SAFETY: each device is made by `create`, and destroyed only by the last `dec_ref`.
    /// # unsafe impl RefCounted for Device {
    /// #     fn inc_ref(&self) {
    /// #         self.0.get();
    /// #     }
    /// #     unsafe fn dec_ref(device: NonNull<Self>) {
    /// #         // SAFETY: alive until the put, by the caller's reference.
    /// #         if unsafe { device.as_ref() }.0.put() {
    /// #             // SAFETY: that was the last reference, and the memory is that of a box.
    /// #             drop(unsafe { Box::from_raw(device.as_ptr()) });
    /// #         }
    /// #     }
    /// # }
    ///
    /// let device = Device::create();
    /// assert!(IntrusiveRef::ptr_eq(&device, &device.clone()));
    /// assert!(!IntrusiveRef::ptr_eq(&device, &Device::create()));
    /// ```
    #[must_use]
    #[inline]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        ptr::addr_eq(this.object.as_ptr(), other.object.as_ptr())
    }
}

impl<T: ?Sized + RefCounted> Clone for IntrusiveRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        self.inc_ref();
        // SAFETY: the reference was just added.
        unsafe { Self::from_raw(self.object) }
    }
}

impl<T: ?Sized + RefCounted> Drop for IntrusiveRef<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is this pointer's, which is not used again.
        unsafe { T::dec_ref(self.object) };
    }
}

impl<T: ?Sized + RefCounted> Deref for IntrusiveRef<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the object lives as long as it has a reference, and this pointer has one.
        unsafe { self.object.as_ref() }
    }
}

forward_to_value!([T: ?Sized + RefCounted] IntrusiveRef<T>);
