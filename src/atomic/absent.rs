//! Stands in for the atomics of a target that has no compare-and-swap and no feature `portable-atomic`.
//!
//! The crate does not build there. With these types the sentence of the `compile_error!` in `lib.rs` is
//! all that the compiler says; without them each use of an atomic would be an error of its own.

use core::cell::Cell;
use core::sync::atomic::Ordering;

use super::{Atomic, AtomicBits, AtomicInt};

pub(crate) struct Absent<V>(Cell<V>);

pub(crate) type AtomicU32 = Absent<u32>;
pub(crate) type AtomicUsize = Absent<usize>;
pub(crate) type AtomicPtr<T> = Absent<*mut T>;

// SAFETY: there is never a value of it, as the crate does not build.
unsafe impl<V> Send for Absent<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Absent<V> {}

impl<V> Absent<V> {
    pub(crate) const fn new(value: V) -> Self {
        Self(Cell::new(value))
    }
}

// SAFETY: as above.
unsafe impl<V: Copy + Eq> Atomic for Absent<V> {
    type Value = V;

    fn new(value: V) -> Self {
        Self::new(value)
    }

    fn load(&self, _: Ordering) -> V {
        self.0.get()
    }

    fn store(&self, value: V, _: Ordering) {
        self.0.set(value);
    }

    fn compare_exchange(&self, _: V, _: V, _: Ordering, _: Ordering) -> Result<V, V> {
        Err(self.0.get())
    }

    fn with_mut<R>(&mut self, f: impl FnOnce(&mut V) -> R) -> R {
        f(self.0.get_mut())
    }
}

// SAFETY: as above.
unsafe impl<V: super::Bits + Eq> AtomicBits for Absent<V> {}
// SAFETY: as above.
unsafe impl<V: super::Int> AtomicInt for Absent<V> {}
