//! The traits through which the rest of the crate uses atomics.
//!
//! A backend has to bring load, store and compare-exchange. Every other read-modify-write operation
//! has a default here, a compare-and-swap loop. So a model checker may count compare-exchanges and
//! miss nothing. [`Native`] replaces each default with the processor's own instruction.
//!
//! [`Native`]: super::Native

use core::sync::atomic::Ordering;

use super::ext::either;
use super::{AtomicExt, Bits, Int};
use crate::atomic::pace;

/// Describes an atomic cell: a value that threads may load, store and compare-exchange.
///
/// It is implemented for the atomics of `core`. Implement it for others only to run this crate over
/// another memory, such as a model checker's.
///
/// # Safety
///
/// The other code of the crate relies on it for its own soundness. The implementor must uphold:
///
/// - every operation is atomic, and those of one cell have one total order that agrees with what
///   each of them returned;
/// - each provides at least the ordering that it was given, as in `core::sync::atomic`;
/// - [`compare_exchange`](Self::compare_exchange) writes if and only if it returns `Ok`, and
///   [`compare_exchange_weak`](Self::compare_exchange_weak) likewise, which may fail spuriously;
/// - *all* bytes of the cell are inside `UnsafeCell`, including padding and any data next to the value. A
///   method of a count may still have its `&self` when another thread frees the memory, and the compiler
///   assumes of a reference that every byte outside `UnsafeCell` stays until the function returns.
///
/// # Examples
///
/// ```
/// use kref::atomic::{Atomic, AtomicExt};
/// use std::sync::atomic::{AtomicBool, Ordering::Acquire};
///
/// /// Claims what the flag guards; true for one caller.
/// fn claim<A: Atomic<Value = bool>>(flag: &A) -> bool {
///     flag.cas_loop(Acquire, |claimed| (!claimed).then_some(true)).is_ok()
/// }
///
/// let flag = AtomicBool::new(false);
/// assert!(claim(&flag));
/// assert!(!claim(&flag));
/// ```
#[doc(alias = "atomic_t")]
#[doc(alias = "atomic64_t")]
#[doc(alias = "atomic_long_t")]
pub unsafe trait Atomic: Send + Sync + Sized {
    /// The value in the cell.
    type Value: Copy + Eq;

    /// Creates a cell that holds `value`.
    #[must_use]
    fn new(value: Self::Value) -> Self;

    /// Loads the value. Counterpart: `atomic_read`.
    ///
    /// # Panics
    ///
    /// May panic when `order` is `Release` or `AcqRel`, as `core`'s atomics do.
    #[doc(alias = "atomic_read")]
    #[doc(alias = "atomic_read_acquire")]
    #[must_use]
    fn load(&self, order: Ordering) -> Self::Value;

    /// Stores a value. Counterpart: `atomic_set`.
    ///
    /// # Panics
    ///
    /// May panic when `order` is `Acquire` or `AcqRel`, as `core`'s atomics do.
    #[doc(alias = "atomic_set")]
    #[doc(alias = "atomic_set_release")]
    fn store(&self, value: Self::Value, order: Ordering);

    /// Stores `new` if the value is `current`. Counterpart: `atomic_try_cmpxchg`.
    ///
    /// # Errors
    ///
    /// Returns the value that was found instead; nothing was written.
    ///
    /// # Panics
    ///
    /// May panic when `failure` is `Release` or `AcqRel`, as `core`'s atomics do.
    #[doc(alias = "atomic_cmpxchg")]
    #[doc(alias = "atomic_try_cmpxchg")]
    fn compare_exchange(
        &self,
        current: Self::Value,
        new: Self::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self::Value, Self::Value>;

    /// Like [`compare_exchange`](Self::compare_exchange), but may fail spuriously.
    ///
    /// # Errors
    ///
    /// Returns the value that was found, which may be `current`; nothing was written.
    ///
    /// # Panics
    ///
    /// May panic when `failure` is `Release` or `AcqRel`, as `core`'s atomics do.
    #[inline]
    fn compare_exchange_weak(
        &self,
        current: Self::Value,
        new: Self::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self::Value, Self::Value> {
        self.compare_exchange(current, new, success, failure)
    }

    /// Calls `f` with the value; the exclusive borrow makes it an ordinary access.
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut Self::Value) -> R) -> R;

    /// Stores a value and returns the old one. Counterpart: `atomic_xchg`.
    #[doc(alias = "atomic_xchg")]
    #[inline]
    fn swap(&self, value: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |_| value)
    }
}

/// Describes an atomic cell whose value has bitwise operations: the integers and `bool`.
///
/// # Safety
///
/// As for [`Atomic`].
pub unsafe trait AtomicBits: Atomic<Value: Bits> {
    /// Stores `old & value` and returns the old value. Counterpart: `atomic_fetch_and`.
    #[doc(alias = "atomic_and")]
    #[doc(alias = "atomic_fetch_and")]
    #[inline]
    fn fetch_and(&self, value: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |old| old & value)
    }

    /// Stores `old | value` and returns the old value. Counterpart: `atomic_fetch_or`.
    #[doc(alias = "atomic_or")]
    #[doc(alias = "atomic_fetch_or")]
    #[inline]
    fn fetch_or(&self, value: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |old| old | value)
    }

    /// Stores `old ^ value` and returns the old value. Counterpart: `atomic_fetch_xor`.
    #[doc(alias = "atomic_xor")]
    #[doc(alias = "atomic_fetch_xor")]
    #[inline]
    fn fetch_xor(&self, value: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |old| old ^ value)
    }
}

/// Describes an atomic integer.
///
/// # Safety
///
/// As for [`Atomic`].
pub unsafe trait AtomicInt: AtomicBits<Value: Int> {
    /// Adds, wrapping around, and returns the old value. Counterpart: `atomic_fetch_add`.
    #[doc(alias = "atomic_add")]
    #[doc(alias = "atomic_inc")]
    #[doc(alias = "atomic_fetch_add")]
    #[inline]
    fn fetch_add(&self, n: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |old| old.wrapping_add(n))
    }

    /// Subtracts, wrapping around, and returns the old value. Counterpart: `atomic_fetch_sub`.
    #[doc(alias = "atomic_sub")]
    #[doc(alias = "atomic_dec")]
    #[doc(alias = "atomic_fetch_sub")]
    #[inline]
    fn fetch_sub(&self, n: Self::Value, order: Ordering) -> Self::Value {
        always(self, order, |old| old.wrapping_sub(n))
    }
}

/// A family of atomics, from which the types of this crate take theirs.
///
/// # Safety
///
/// As for [`Atomic`]: the types of the crate rely on the implementations of the traits named here.
/// The atomics may have any size and alignment: what the crate aligns by hand, it aligns at least as the
/// atomics in it.
///
/// # Examples
///
/// A backend of your own, here over the same atomics:
///
/// ```
/// use kref::Kref;
/// use kref::atomic::Backend;
/// use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize};
///
/// struct Mine;
///
/// // SAFETY: they are core's atomics.
/// unsafe impl Backend for Mine {
///     type U32 = AtomicU32;
///     type Usize = AtomicUsize;
///     type Ptr<T> = AtomicPtr<T>;
/// }
///
/// let kref = Kref::<Mine>::new_in();
/// assert!(kref.put());
/// ```
pub unsafe trait Backend: Sized + 'static {
    /// The 32-bit atomic, which reference counts live in.
    type U32: AtomicInt<Value = u32>;
    /// The pointer-sized atomic.
    type Usize: AtomicInt<Value = usize>;
    /// The atomic pointer.
    type Ptr<T>: Atomic<Value = *mut T>;

    /// Lets other threads run. Every loop of the crate that waits for another thread calls `relax` between
    /// two looks. Counterpart: `cpu_relax`.
    ///
    /// `round` is how often the loop has called it before (and stays at `u32::MAX` when it gets there). The default spins, and with
    /// the feature `std` yields to the operating system from the 64th round on. A model checker whose threads
    /// change only when it is told has to change threads here, or the loop does not end.
    ///
    /// It must not be relied on to wait: it may return at once.
    #[doc(alias = "cpu_relax")]
    #[inline]
    fn relax(round: u32) {
        pace::relax(round);
    }
}

/// The compare-and-swap loop that never declines.
#[inline]
fn always<A: Atomic>(
    atomic: &A,
    order: Ordering,
    mut f: impl FnMut(A::Value) -> A::Value,
) -> A::Value {
    either(atomic.cas_loop(order, |old| Some(f(old))))
}
