//! Conditional operations and compare-and-swap loops that the atomics of `core` lack.
//!
//! All conditional operations are one function, [`cas_loop`](AtomicExt::cas_loop), with another
//! condition:
//!
//! ```text
//! load ──> condition ──declines──> Err(current), nothing written
//!   ^          │
//!   │       new value
//!   │          v
//!   └─fails─ compare-exchange ──> Ok(old)
//! ```
//!
//! The first load and every failed compare-exchange are Relaxed: they only propose a value, and
//! the compare-exchange that succeeds, in the caller's `order`, checks it. The loop is lock-free:
//! a round is lost only because another thread's operation went through (or to a spurious failure
//! of the weak compare-exchange).

use core::sync::atomic::Ordering::{self, Relaxed};

use super::{Atomic, AtomicBits, AtomicInt, Bits, Int, Signed};
use crate::atomic::pace;

/// Adds conditional operations and compare-and-swap loops to every [`Atomic`].
///
/// The operations are available where the value makes sense of them: arithmetic on integers,
/// questions about the sign on signed integers, bits on integers and `bool`,
/// [`cas_loop`](Self::cas_loop) on everything, pointers included.
///
/// In the signatures `Result<V, V>` is `Ok(old)` when the operation wrote and `Err(current)` when it
/// declined. Arithmetic wraps.
///
/// # Memory ordering
///
/// `order` may be any ordering. It is the ordering of the write. An operation that declines has made Relaxed loads only; a
/// compare-exchange that failed before is one of them.
///
/// # Progress
///
/// The conditional operations are lock-free: a round is lost only because another thread's operation went through, or to a
/// spurious failure of the weak compare-exchange. The others are one instruction of the atomic, and wait-free if that is.
pub trait AtomicExt: Atomic {
    // The loop that the conditional operations are.

    /// Replaces the value by what `f` makes of it, until no other thread interferes or `f` declines.
    ///
    /// `f` is called at least once, and once more whenever another thread changed the value in the
    /// meantime or the processor's compare-exchange failed spuriously. The loop compares only values: a value that
    /// changed and changed back is not noticed (the ABA problem). Of two pointers it compares only the addresses: the
    /// one that `f` was given may point to memory that was freed, and that another owner has now. If `f` panics,
    /// nothing has been written.
    ///
    /// # Errors
    ///
    /// Returns the current value if `f` returned `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let balance = AtomicU64::new(70);
    /// let withdraw = |sum| balance.cas_loop(Relaxed, |b: u64| b.checked_sub(sum));
    /// assert_eq!(withdraw(50), Ok(70));
    /// assert_eq!(withdraw(50), Err(20));
    /// ```
    #[doc(alias = "fetch_update")]
    #[doc(alias = "try_update")]
    #[doc(alias = "atomic_try_cmpxchg")]
    #[inline]
    fn cas_loop<F>(&self, order: Ordering, f: F) -> Result<Self::Value, Self::Value>
    where
        F: FnMut(Self::Value) -> Option<Self::Value>,
    {
        pace::cas_loop(self, order, |_, found| found, f)
    }

    // Add and subtract on a condition.

    /// Adds `n` unless the value is `unless`; returns whether it added.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    ///
    /// let users = AtomicI32::new(1);
    /// assert!(users.add_unless(1, 0, Relaxed));
    /// assert!(!users.add_unless(1, 2, Relaxed));
    /// ```
    #[doc(alias = "atomic_add_unless")]
    #[must_use = "nothing was added if this is false; use `fetch_add` to add in any case"]
    #[inline]
    fn add_unless(&self, n: Self::Value, unless: Self::Value, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.fetch_add_unless(n, unless, order).is_ok()
    }

    /// Adds `n` unless the value is `unless`.
    ///
    /// # Errors
    ///
    /// Returns the current value, which is `unless`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let users = AtomicU32::new(1);
    /// assert_eq!(users.fetch_add_unless(1, 0, Relaxed), Ok(1));
    /// assert_eq!(users.fetch_add_unless(1, 2, Relaxed), Err(2));
    /// ```
    #[doc(alias = "atomic_fetch_add_unless")]
    #[inline]
    fn fetch_add_unless(
        &self,
        n: Self::Value,
        unless: Self::Value,
        order: Ordering,
    ) -> Result<Self::Value, Self::Value>
    where
        Self: AtomicInt,
    {
        self.cas_loop(order, |v| (v != unless).then(|| v.wrapping_add(n)))
    }

    /// Increments unless the value is zero; returns whether it incremented.
    ///
    /// The step from "found" to "mine" when an object may be dying: zero means that it is already
    /// gone. Pass `Acquire` if the object is read afterwards and no lock orders that.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Acquire};
    ///
    /// assert!(AtomicU32::new(1).inc_not_zero(Acquire));
    /// assert!(!AtomicU32::new(0).inc_not_zero(Acquire));
    /// ```
    #[doc(alias = "atomic_inc_not_zero")]
    #[must_use = "the count is unchanged if this is false"]
    #[inline]
    fn inc_not_zero(&self, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.add_unless(Int::ONE, Int::ZERO, order)
    }

    /// Decrements unless the value is one; returns whether it decremented.
    ///
    /// The fast path of a put that needs a lock for the last reference.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let refs = AtomicU32::new(2);
    /// assert!(refs.dec_not_one(Relaxed));
    /// assert!(!refs.dec_not_one(Relaxed)); // still one
    /// ```
    #[doc(alias = "refcount_dec_not_one")]
    #[must_use = "the count is unchanged if this is false"]
    #[inline]
    fn dec_not_one(&self, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.cas_loop(order, |v| (v != Int::ONE).then(|| v.wrapping_sub(Int::ONE)))
            .is_ok()
    }

    /// Sets the value to zero if it is one; returns whether it did. One compare-exchange, no loop.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// assert!(AtomicU32::new(1).dec_if_one(Relaxed));
    /// assert!(!AtomicU32::new(2).dec_if_one(Relaxed));
    /// ```
    #[doc(alias = "refcount_dec_if_one")]
    #[must_use = "the count is unchanged if this is false"]
    #[inline]
    fn dec_if_one(&self, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        // `order` as the caller asked, where it writes. Relaxed: a refusal reads nothing else.
        self.compare_exchange(Int::ONE, Int::ZERO, order, Relaxed)
            .is_ok()
    }

    /// Decrements if the value is positive: the down of a semaphore that does not wait.
    ///
    /// # Errors
    ///
    /// Returns the current value, which is zero or negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    ///
    /// let free = AtomicI32::new(1);
    /// assert_eq!(free.dec_if_positive(Relaxed), Ok(1));
    /// assert_eq!(free.dec_if_positive(Relaxed), Err(0));
    /// ```
    #[doc(alias = "atomic_dec_if_positive")]
    #[inline]
    fn dec_if_positive(&self, order: Ordering) -> Result<Self::Value, Self::Value>
    where
        Self: AtomicInt,
    {
        self.cas_loop(order, |v| (v > Int::ZERO).then(|| v.wrapping_sub(Int::ONE)))
    }

    /// Increments unless the value is negative; returns whether it incremented.
    ///
    /// The largest value is not negative, and wraps to the smallest.
    ///
    /// # Examples
    ///
    /// Many readers or one writer, in one word:
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Acquire};
    ///
    /// let users = AtomicI32::new(0); // readers if positive, writers if negative
    /// assert!(users.inc_unless_negative(Acquire)); // a reader
    /// assert!(!users.dec_unless_positive(Acquire)); // no writer while there is a reader
    /// ```
    #[doc(alias = "atomic_inc_unless_negative")]
    #[must_use = "the value is unchanged if this is false"]
    #[inline]
    fn inc_unless_negative(&self, order: Ordering) -> bool
    where
        Self: AtomicInt<Value: Signed>,
    {
        self.cas_loop(order, |v| {
            (v >= Int::ZERO).then(|| v.wrapping_add(Int::ONE))
        })
        .is_ok()
    }

    /// Decrements unless the value is positive; returns whether it decremented.
    ///
    /// The smallest value is not positive, and wraps to the largest.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    ///
    /// let users = AtomicI32::new(0); // readers if positive, writers if negative
    /// assert!(users.dec_unless_positive(Relaxed)); // a writer
    /// assert!(!users.inc_unless_negative(Relaxed)); // no reader while there is a writer
    /// ```
    #[doc(alias = "atomic_dec_unless_positive")]
    #[must_use = "the value is unchanged if this is false"]
    #[inline]
    fn dec_unless_positive(&self, order: Ordering) -> bool
    where
        Self: AtomicInt<Value: Signed>,
    {
        self.cas_loop(order, |v| {
            (v <= Int::ZERO).then(|| v.wrapping_sub(Int::ONE))
        })
        .is_ok()
    }

    // Add and subtract in any case, and tell what came of it.

    /// Increments; returns whether the new value is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    ///
    /// let missing = AtomicI32::new(-2);
    /// assert!(!missing.inc_and_test(Relaxed));
    /// assert!(missing.inc_and_test(Relaxed)); // complete
    /// ```
    #[doc(alias = "atomic_inc_and_test")]
    #[must_use = "use `fetch_add` if it does not matter whether this was the last one"]
    #[inline]
    fn inc_and_test(&self, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.inc_return(order) == Int::ZERO
    }

    /// Decrements; returns whether the new value is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::AcqRel};
    ///
    /// let jobs = AtomicU32::new(2);
    /// assert!(!jobs.dec_and_test(AcqRel));
    /// assert!(jobs.dec_and_test(AcqRel)); // the last one turns off the light
    /// ```
    #[doc(alias = "atomic_dec_and_test")]
    #[must_use = "use `fetch_sub` if it does not matter whether this was the last one"]
    #[inline]
    fn dec_and_test(&self, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.sub_and_test(Int::ONE, order)
    }

    /// Subtracts `n`; returns whether the new value is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let bytes_left = AtomicU32::new(10);
    /// assert!(!bytes_left.sub_and_test(4, Relaxed));
    /// assert!(bytes_left.sub_and_test(6, Relaxed));
    /// ```
    #[doc(alias = "atomic_sub_and_test")]
    #[must_use = "use `fetch_sub` if it does not matter whether this was the last one"]
    #[inline]
    fn sub_and_test(&self, n: Self::Value, order: Ordering) -> bool
    where
        Self: AtomicInt,
    {
        self.fetch_sub(n, order) == n
    }

    /// Adds `n` in any case; returns whether the new value is negative.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
    ///
    /// let credit = AtomicI32::new(3);
    /// assert!(!credit.add_negative(-3, Relaxed));
    /// assert!(credit.add_negative(-1, Relaxed)); // it was subtracted all the same
    /// ```
    #[doc(alias = "atomic_add_negative")]
    #[must_use = "use `fetch_add` if the sign does not matter"]
    #[inline]
    fn add_negative(&self, n: Self::Value, order: Ordering) -> bool
    where
        Self: AtomicInt<Value: Signed>,
    {
        self.add_return(n, order) < Int::ZERO
    }

    /// Increments and returns the old value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let next = AtomicU32::new(7);
    /// assert_eq!(next.fetch_inc(Relaxed), 7);
    /// ```
    #[doc(alias = "atomic_fetch_inc")]
    #[inline]
    fn fetch_inc(&self, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.fetch_add(Int::ONE, order)
    }

    /// Decrements and returns the old value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let left = AtomicU32::new(7);
    /// assert_eq!(left.fetch_dec(Relaxed), 7);
    /// ```
    #[doc(alias = "atomic_fetch_dec")]
    #[inline]
    fn fetch_dec(&self, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.fetch_sub(Int::ONE, order)
    }

    /// Increments and returns the new value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let users = AtomicU32::new(7);
    /// assert_eq!(users.inc_return(Relaxed), 8);
    /// ```
    #[doc(alias = "atomic_inc_return")]
    #[inline]
    fn inc_return(&self, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.add_return(Int::ONE, order)
    }

    /// Decrements and returns the new value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let users = AtomicU32::new(7);
    /// assert_eq!(users.dec_return(Relaxed), 6);
    /// ```
    #[doc(alias = "atomic_dec_return")]
    #[inline]
    fn dec_return(&self, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.sub_return(Int::ONE, order)
    }

    /// Adds `n` and returns the new value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let sum = AtomicU32::new(7);
    /// assert_eq!(sum.add_return(3, Relaxed), 10);
    /// ```
    #[doc(alias = "atomic_add_return")]
    #[inline]
    fn add_return(&self, n: Self::Value, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.fetch_add(n, order).wrapping_add(n)
    }

    /// Subtracts `n` and returns the new value.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let left = AtomicU32::new(7);
    /// assert_eq!(left.sub_return(3, Relaxed), 4);
    /// ```
    #[doc(alias = "atomic_sub_return")]
    #[inline]
    fn sub_return(&self, n: Self::Value, order: Ordering) -> Self::Value
    where
        Self: AtomicInt,
    {
        self.fetch_sub(n, order).wrapping_sub(n)
    }

    // Maximum and minimum.

    /// Stores `v` if it is larger than the value: a maximum that is only written when it grows.
    ///
    /// Where most values are not larger this is a load of a cache line that all threads may share,
    /// whereas `fetch_max` takes the line for itself every time.
    ///
    /// # Errors
    ///
    /// Returns the current value if `v` is not larger; nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let longest = AtomicU64::new(0);
    /// assert_eq!(longest.raise_to(12, Relaxed), Ok(0));
    /// assert_eq!(longest.raise_to(7, Relaxed), Err(12));
    /// ```
    #[doc(alias = "fetch_max")]
    #[inline]
    fn raise_to(&self, v: Self::Value, order: Ordering) -> Result<Self::Value, Self::Value>
    where
        Self: Atomic<Value: Ord>,
    {
        self.cas_loop(order, |current| (v > current).then_some(v))
    }

    /// Stores `v` if it is smaller than the value: a minimum that is only written when it shrinks.
    ///
    /// # Errors
    ///
    /// Returns the current value if `v` is not smaller; nothing was written.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let shortest = AtomicU32::new(12);
    /// assert_eq!(shortest.lower_to(7, Relaxed), Ok(12));
    /// assert_eq!(shortest.lower_to(9, Relaxed), Err(7));
    /// ```
    #[doc(alias = "fetch_min")]
    #[inline]
    fn lower_to(&self, v: Self::Value, order: Ordering) -> Result<Self::Value, Self::Value>
    where
        Self: Atomic<Value: Ord>,
    {
        self.cas_loop(order, |current| (v < current).then_some(v))
    }

    // Bits.

    /// Sets the bits of `mask` and returns the old value; writes nothing if all are already set.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
    ///
    /// let warned = AtomicU8::new(0);
    /// assert_eq!(warned.set_bits(0b01, Relaxed) & 0b01, 0); // the first time
    /// assert_eq!(warned.set_bits(0b01, Relaxed) & 0b01, 1); // and never again
    /// ```
    #[doc(alias = "fetch_or")]
    #[doc(alias = "test_and_set_bit")]
    #[inline]
    fn set_bits(&self, mask: Self::Value, order: Ordering) -> Self::Value
    where
        Self: Atomic<Value: Bits>,
    {
        either(self.cas_loop(order, |v| (v & mask != mask).then(|| v | mask)))
    }

    /// Clears the bits of `mask` and returns the old value; writes nothing if none is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let ready = AtomicU32::new(0b01);
    /// assert_eq!(ready.clear_bits(0b01, Relaxed), 0b01);
    /// assert_eq!(ready.clear_bits(0b01, Relaxed), 0); // nothing was written
    /// ```
    #[doc(alias = "fetch_and")]
    #[doc(alias = "test_and_clear_bit")]
    #[inline]
    fn clear_bits(&self, mask: Self::Value, order: Ordering) -> Self::Value
    where
        Self: Atomic<Value: Bits>,
    {
        either(self.cas_loop(order, |v| (v & !mask != v).then(|| v & !mask)))
    }

    /// Clears the bits of `mask` in any case and returns the old value.
    ///
    /// See [`clear_bits`](Self::clear_bits) for the form that does not write when there is nothing
    /// to clear.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::atomic::AtomicExt;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    ///
    /// let flags = AtomicU32::new(0b11);
    /// assert_eq!(flags.fetch_andnot(0b01, Relaxed), 0b11);
    /// assert_eq!(flags.into_inner(), 0b10);
    /// ```
    #[doc(alias = "atomic_fetch_andnot")]
    #[doc(alias = "atomic_andnot")]
    #[inline]
    fn fetch_andnot(&self, mask: Self::Value, order: Ordering) -> Self::Value
    where
        Self: AtomicBits,
    {
        self.fetch_and(!mask, order)
    }
}

impl<A: Atomic> AtomicExt for A {}

/// Takes the value out of a result in which both sides are the value that was found.
#[inline]
pub(super) fn either<V>(result: Result<V, V>) -> V {
    match result {
        Ok(value) | Err(value) => value,
    }
}
