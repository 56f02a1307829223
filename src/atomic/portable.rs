//! The atomics of portable-atomic, for targets that have no compare-and-swap.

use core::sync::atomic::Ordering;

use super::native::{forward_atomic, forward_bits};
use super::{Atomic, AtomicBits, AtomicInt, Backend};

/// The atomics of [portable-atomic](https://docs.rs/portable-atomic): a [`Backend`] for any target.
///
/// Where the processor has the instructions, they are the same as [`Native`](super::Native). On a
/// target without compare-and-swap, such as `thumbv6m-none-eabi`, portable-atomic disables interrupts
/// for each operation; its feature `critical-section` or `unsafe-assume-single-core`, which the program
/// chooses, says how. There `Native` consists of the same atomics, so that every type has its usual
/// name.
///
/// # Examples
///
/// ```
/// use kref::Kref;
/// use kref::atomic::Portable;
///
/// let kref = Kref::<Portable>::new_in();
/// assert!(kref.put());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Portable;

// SAFETY: portable-atomic promises of its types what `core` promises of the atomics of the same names.
unsafe impl Backend for Portable {
    type U32 = portable_atomic::AtomicU32;
    type Usize = portable_atomic::AtomicUsize;
    type Ptr<T> = portable_atomic::AtomicPtr<T>;
}

macro_rules! portable_int {
    ($($atomic:ident($value:ident))*) => {$(
        // SAFETY: portable-atomic promises what the trait's contract describes: the operations of
        // `core`'s atomic, on a value inside a cell.
        unsafe impl Atomic for portable_atomic::$atomic {
            forward_atomic!($value);
        }
        // SAFETY: as above.
        unsafe impl AtomicBits for portable_atomic::$atomic {
            forward_bits!($value);
        }
        // SAFETY: as above.
        unsafe impl AtomicInt for portable_atomic::$atomic {
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

portable_int! {
    AtomicU8(u8)
    AtomicI8(i8)
    AtomicU16(u16)
    AtomicI16(i16)
    AtomicU32(u32)
    AtomicI32(i32)
    AtomicUsize(usize)
    AtomicIsize(isize)
}

// With portable-atomic's feature `fallback` on every target; then a lock stands behind them where the
// processor has no such instruction.
portable_atomic::cfg_has_atomic_64! {
    portable_int! {
        AtomicU64(u64)
        AtomicI64(i64)
    }
}
portable_atomic::cfg_has_atomic_128! {
    portable_int! {
        AtomicU128(u128)
        AtomicI128(i128)
    }
}

// SAFETY: as above.
unsafe impl Atomic for portable_atomic::AtomicBool {
    forward_atomic!(bool);
}
// SAFETY: as above.
unsafe impl AtomicBits for portable_atomic::AtomicBool {
    forward_bits!(bool);
}

// SAFETY: as above.
unsafe impl<T> Atomic for portable_atomic::AtomicPtr<T> {
    forward_atomic!(*mut T);
}
