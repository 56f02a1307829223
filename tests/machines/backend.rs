//! A backend from outside the crate: load, store and compare-exchange, and every other operation is
//! the default of the trait, a compare-and-swap loop.
//!
//! It counts what is written, and every other weak compare-exchange fails for no reason.

use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};

/// The atomic `A` without its other read-modify-write operations.
#[derive(Debug)]
pub struct CasOnly<A>(A);

/// The family of atomics to run the types of the crate over.
#[derive(Debug)]
pub struct CasOnlyBackend;

thread_local! {
    static WRITES: Cell<u32> = const { Cell::new(0) };
    static SPURIOUS: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f` and counts how often it wrote to a [`CasOnly`] of this thread.
pub fn count_writes<R>(f: impl FnOnce() -> R) -> (R, u32) {
    WRITES.set(0);
    let result = f();
    (result, WRITES.get())
}

fn written() {
    WRITES.set(WRITES.get() + 1);
}

// SAFETY: every operation is one of `A`, which keeps the contract.
unsafe impl<A: Atomic> Atomic for CasOnly<A> {
    type Value = A::Value;

    fn new(value: A::Value) -> Self {
        Self(A::new(value))
    }

    fn load(&self, order: Ordering) -> A::Value {
        self.0.load(order)
    }

    fn store(&self, value: A::Value, order: Ordering) {
        written();
        self.0.store(value, order);
    }

    fn compare_exchange(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        let result = self.0.compare_exchange(current, new, success, failure);
        if result.is_ok() {
            written();
        }
        result
    }

    fn compare_exchange_weak(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        SPURIOUS.set(!SPURIOUS.get());
        if SPURIOUS.get() {
            return Err(self.0.load(failure));
        }
        self.compare_exchange(current, new, success, failure)
    }

    fn with_mut<R>(&mut self, f: impl FnOnce(&mut A::Value) -> R) -> R {
        self.0.with_mut(f)
    }
}

// SAFETY: as above; the operations are the trait's defaults.
unsafe impl<A: AtomicBits> AtomicBits for CasOnly<A> {}
// SAFETY: as above.
unsafe impl<A: AtomicInt> AtomicInt for CasOnly<A> {}

// SAFETY: as above.
unsafe impl Backend for CasOnlyBackend {
    type U32 = CasOnly<AtomicU32>;
    type Usize = CasOnly<AtomicUsize>;
    type Ptr<T> = CasOnly<AtomicPtr<T>>;
}
