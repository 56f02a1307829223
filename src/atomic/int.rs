//! The values that the atomics hold: what the operations need to know of an integer.

use core::fmt::Debug;
use core::ops::{BitAnd, BitOr, BitXor, Not};

mod sealed {
    pub trait Sealed {}
}

/// Names the values with bitwise operations: the integers and `bool`.
pub trait Bits:
    Copy
    + Eq
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
    + sealed::Sealed
{
}

/// Names the integers that an atomic can hold. Arithmetic wraps, as in `core`'s atomics.
pub trait Int: Bits + Ord + Debug {
    /// The value 0.
    const ZERO: Self;
    /// The value 1.
    const ONE: Self;
    /// Adds, wrapping around at the boundary of the type.
    #[must_use]
    fn wrapping_add(self, rhs: Self) -> Self;
    /// Subtracts, wrapping around at the boundary of the type.
    #[must_use]
    fn wrapping_sub(self, rhs: Self) -> Self;
}

/// Names the signed integers, for the operations that ask whether a value is negative.
pub trait Signed: Int {}

macro_rules! int {
    ($($int:ident)*) => {$(
        impl sealed::Sealed for $int {}
        impl Bits for $int {}
        impl Int for $int {
            const ZERO: Self = 0;
            const ONE: Self = 1;
            #[inline]
            fn wrapping_add(self, rhs: Self) -> Self {
                <$int>::wrapping_add(self, rhs)
            }
            #[inline]
            fn wrapping_sub(self, rhs: Self) -> Self {
                <$int>::wrapping_sub(self, rhs)
            }
        }
    )*};
}

int!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl Signed for i8 {}
impl Signed for i16 {}
impl Signed for i32 {}
impl Signed for i64 {}
impl Signed for i128 {}
impl Signed for isize {}

impl sealed::Sealed for bool {}
impl Bits for bool {}
