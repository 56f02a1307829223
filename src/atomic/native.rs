//! The default backend, [`Native`]: the atomics of `core`.

use core::sync::atomic::{self, Ordering};

use super::{Atomic, AtomicBits, AtomicInt, Backend};

// What `Native` consists of, by the names that its `const` constructors use.
#[cfg(all(
    not(all(target_has_atomic = "32", target_has_atomic = "ptr")),
    not(feature = "portable-atomic")
))]
pub(crate) use super::absent::{AtomicPtr, AtomicU32, AtomicUsize};
#[cfg(all(target_has_atomic = "32", target_has_atomic = "ptr"))]
pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
#[cfg(all(
    not(all(target_has_atomic = "32", target_has_atomic = "ptr")),
    feature = "portable-atomic"
))]
pub(crate) use portable_atomic::{AtomicPtr, AtomicU32, AtomicUsize};

/// The atomics of `core`: the default [`Backend`] of every type.
///
/// # Examples
///
/// ```
/// use kref::Kref;
/// use kref::atomic::Native;
///
/// static COUNT: Kref<Native> = Kref::new(); // the same as `Kref`
///
/// assert_eq!(COUNT.count(), 1);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Native;

// SAFETY: the atomics of `core` are what the trait's contract describes.
unsafe impl Backend for Native {
    type U32 = AtomicU32;
    type Usize = AtomicUsize;
    type Ptr<T> = AtomicPtr<T>;
}

/// Forwards the operations of [`Atomic`] to the inherent methods of the same name.
macro_rules! forward_atomic {
    ($value:ty) => {
        type Value = $value;

        #[inline]
        fn new(value: $value) -> Self {
            Self::new(value)
        }
        #[inline]
        fn load(&self, order: Ordering) -> $value {
            self.load(order)
        }
        #[inline]
        fn store(&self, value: $value, order: Ordering) {
            self.store(value, order)
        }
        #[inline]
        fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }
        #[inline]
        fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange_weak(current, new, success, failure)
        }
        #[inline]
        fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
            f(self.get_mut())
        }
        #[inline]
        fn swap(&self, value: $value, order: Ordering) -> $value {
            self.swap(value, order)
        }
    };
}

/// Forwards the operations of [`AtomicBits`].
macro_rules! forward_bits {
    ($value:ty) => {
        #[inline]
        fn fetch_and(&self, value: $value, order: Ordering) -> $value {
            self.fetch_and(value, order)
        }
        #[inline]
        fn fetch_or(&self, value: $value, order: Ordering) -> $value {
            self.fetch_or(value, order)
        }
        #[inline]
        fn fetch_xor(&self, value: $value, order: Ordering) -> $value {
            self.fetch_xor(value, order)
        }
    };
}

#[cfg(feature = "portable-atomic")]
pub(super) use {forward_atomic, forward_bits};

macro_rules! native_int {
    ($($atomic:ident($value:ident) if $width:literal)*) => {$(
        // SAFETY: the atomics of `core` are what the trait's contract describes.
        #[cfg(target_has_atomic = $width)]
        unsafe impl Atomic for atomic::$atomic {
            forward_atomic!($value);
        }
        // SAFETY: as above.
        #[cfg(target_has_atomic = $width)]
        unsafe impl AtomicBits for atomic::$atomic {
            forward_bits!($value);
        }
        // SAFETY: as above.
        #[cfg(target_has_atomic = $width)]
        unsafe impl AtomicInt for atomic::$atomic {
            #[inline]
            fn fetch_add(&self, n: $value, order: Ordering) -> $value {
                self.fetch_add(n, order)
            }
            #[inline]
            fn fetch_sub(&self, n: $value, order: Ordering) -> $value {
                self.fetch_sub(n, order)
            }
        }
    )*};
}

native_int! {
    AtomicU8(u8) if "8"
    AtomicI8(i8) if "8"
    AtomicU16(u16) if "16"
    AtomicI16(i16) if "16"
    AtomicU32(u32) if "32"
    AtomicI32(i32) if "32"
    AtomicU64(u64) if "64"
    AtomicI64(i64) if "64"
    AtomicUsize(usize) if "ptr"
    AtomicIsize(isize) if "ptr"
}

// SAFETY: as above.
#[cfg(target_has_atomic = "8")]
unsafe impl Atomic for atomic::AtomicBool {
    forward_atomic!(bool);
}
// SAFETY: as above.
#[cfg(target_has_atomic = "8")]
unsafe impl AtomicBits for atomic::AtomicBool {
    forward_bits!(bool);
}

// SAFETY: as above.
#[cfg(all(target_has_atomic = "32", target_has_atomic = "ptr"))]
unsafe impl<T> Atomic for AtomicPtr<T> {
    forward_atomic!(*mut T);
}
