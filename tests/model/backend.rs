//! The backends that the models run over: the shipped loom backend, counted.
//!
//! - [`CasOnly`] has load, store and compare-exchange. Every other operation is the default of the
//!   traits, a compare-and-swap loop, so that counting successful compare-exchanges counts every
//!   write that a put makes.
//! - [`Rmw`] also has native read-modify-write operations, as the shipped backend does.
//!
//! Both add a tally to it, per thread, of what succeeded (see [`tally`]).
//!
//! The shipped backend is compiled into this test from its source, because in the crate it exists with
//! the feature `loom` only, and the models run in every `cargo test`.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::Ordering;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};
#[cfg(feature = "registry")]
use kref::lock::LockBackend;
#[cfg(feature = "alloc")]
use kref::sharded::ShardBackend;

#[path = "../../src/atomic/loom/backend.rs"]
mod shipped;

use self::shipped::Loom;
#[cfg(feature = "alloc")]
pub use self::shipped::set_thread_shard;
pub use self::shipped::{set_every_load, set_spurious};

/// Loom's atomics with compare-exchange only.
pub struct CasOnly;

/// Loom's atomics with all their operations.
pub struct Rmw;

// SAFETY: loom's atomics are atomics; what is added only counts.
unsafe impl Backend for CasOnly {
    type U32 = Counted<<Loom as Backend>::U32, false>;
    type Usize = Counted<<Loom as Backend>::Usize, false>;
    type Ptr<T> = Counted<<Loom as Backend>::Ptr<T>, false>;
    fn relax(round: u32) {
        Loom::relax(round);
    }
}

// SAFETY: as above.
unsafe impl Backend for Rmw {
    type U32 = Counted<<Loom as Backend>::U32, true>;
    type Usize = Counted<<Loom as Backend>::Usize, true>;
    type Ptr<T> = Counted<<Loom as Backend>::Ptr<T>, true>;
    fn relax(round: u32) {
        Loom::relax(round);
    }
}

#[cfg(feature = "registry")]
macro_rules! lock_backend {
    ($backend:ty) => {
        // SAFETY: they are those of `Loom`.
        unsafe impl LockBackend for $backend {
            type Lock = <Loom as LockBackend>::Lock;
            type Signal = <Loom as LockBackend>::Signal;
            type ThreadId = <Loom as LockBackend>::ThreadId;

            fn new_lock() -> Self::Lock {
                Loom::new_lock()
            }
            fn new_signal() -> Self::Signal {
                Loom::new_signal()
            }
            fn wait(signal: &Self::Signal) {
                Loom::wait(signal);
            }
            fn set(signal: &Self::Signal) {
                Loom::set(signal);
            }
            fn current_thread() -> Self::ThreadId {
                Loom::current_thread()
            }
        }
    };
}

#[cfg(feature = "registry")]
lock_backend!(CasOnly);
#[cfg(feature = "registry")]
lock_backend!(Rmw);

#[cfg(feature = "alloc")]
macro_rules! shard_backend {
    ($backend:ty, $rmw:literal) => {
        // SAFETY: they are those of `Loom`.
        unsafe impl ShardBackend for $backend {
            type Count = Counted<<Loom as ShardBackend>::Count, $rmw>;
            type Switch = <Loom as ShardBackend>::Switch;

            fn new_switch() -> Self::Switch {
                Loom::new_switch()
            }
            fn thread_shard() -> usize {
                Loom::thread_shard()
            }
        }
    };
}

#[cfg(feature = "alloc")]
shard_backend!(CasOnly, false);
#[cfg(feature = "alloc")]
shard_backend!(Rmw, true);

/// What a thread's operations have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Read-modify-write operations that wrote: successful compare-exchanges and, over [`Rmw`],
    /// the native ones.
    pub writes: u32,
    /// Compare-exchanges that failed.
    pub failures: u32,
}

loom::thread_local! {
    static TALLY: Cell<Tally> = Cell::new(Tally::default());
}

/// Returns what `f` returns, and what the calling thread's operations did in it.
pub fn tally<R>(f: impl FnOnce() -> R) -> (R, Tally) {
    let before = TALLY.with(Cell::get);
    let result = f();
    let after = TALLY.with(Cell::get);
    let tally = Tally {
        writes: after.writes - before.writes,
        failures: after.failures - before.failures,
    };
    (result, tally)
}

std::thread_local! {
    /// How many atomics exist. Loom's threads are coroutines on one thread of the system.
    static LIVE: Cell<usize> = const { Cell::new(0) };
}

/// Returns how many atomics of these backends exist.
#[allow(dead_code, reason = "not every test asks")]
pub fn live_atomics() -> usize {
    LIVE.get()
}

fn count<T>(result: Result<T, T>) -> Result<T, T> {
    TALLY.with(|cell| {
        let mut tally = cell.get();
        match result {
            Ok(_) => tally.writes += 1,
            Err(_) => tally.failures += 1,
        }
        cell.set(tally);
    });
    result
}

fn written<T>(old: T) -> T {
    TALLY.with(|cell| {
        let mut tally = cell.get();
        tally.writes += 1;
        cell.set(tally);
    });
    old
}

/// An atomic whose writes are counted; with its native read-modify-write operations or without.
pub struct Counted<A, const RMW: bool>(A);

impl<A, const RMW: bool> Drop for Counted<A, RMW> {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

// SAFETY: forwards to the atomic.
unsafe impl<A: Atomic, const RMW: bool> Atomic for Counted<A, RMW> {
    type Value = A::Value;

    #[track_caller]
    fn new(value: A::Value) -> Self {
        LIVE.set(LIVE.get() + 1);
        Self(A::new(value))
    }
    #[track_caller]
    fn load(&self, order: Ordering) -> A::Value {
        self.0.load(order)
    }
    #[track_caller]
    fn store(&self, value: A::Value, order: Ordering) {
        self.0.store(value, order);
    }
    #[track_caller]
    fn compare_exchange(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        count(self.0.compare_exchange(current, new, success, failure))
    }
    #[track_caller]
    fn compare_exchange_weak(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        count(self.0.compare_exchange_weak(current, new, success, failure))
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut A::Value) -> R) -> R {
        self.0.with_mut(f)
    }
    #[track_caller]
    fn swap(&self, value: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.swap(value, order))
        } else {
            Defaults(self).swap(value, order)
        }
    }
}

// SAFETY: as above.
unsafe impl<A: AtomicBits, const RMW: bool> AtomicBits for Counted<A, RMW> {
    #[track_caller]
    fn fetch_and(&self, value: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.fetch_and(value, order))
        } else {
            Defaults(self).fetch_and(value, order)
        }
    }
    #[track_caller]
    fn fetch_or(&self, value: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.fetch_or(value, order))
        } else {
            Defaults(self).fetch_or(value, order)
        }
    }
    #[track_caller]
    fn fetch_xor(&self, value: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.fetch_xor(value, order))
        } else {
            Defaults(self).fetch_xor(value, order)
        }
    }
}

// SAFETY: as above.
unsafe impl<A: AtomicInt, const RMW: bool> AtomicInt for Counted<A, RMW> {
    #[track_caller]
    fn fetch_add(&self, n: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.fetch_add(n, order))
        } else {
            Defaults(self).fetch_add(n, order)
        }
    }
    #[track_caller]
    fn fetch_sub(&self, n: A::Value, order: Ordering) -> A::Value {
        if RMW {
            written(self.0.fetch_sub(n, order))
        } else {
            Defaults(self).fetch_sub(n, order)
        }
    }
}

impl<A, const RMW: bool> fmt::Debug for Counted<A, RMW> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counted")
    }
}

/// An atomic without its native read-modify-write operations: what is left is the shipped defaults
/// of the traits, which are loops over compare-exchange.
struct Defaults<'a, A>(&'a A);

// SAFETY: forwards to an atomic; `new` and `with_mut` have no use here.
unsafe impl<A: Atomic> Atomic for Defaults<'_, A> {
    type Value = A::Value;

    fn new(_: A::Value) -> Self {
        unreachable!("made from an atomic that exists")
    }
    #[track_caller]
    fn load(&self, order: Ordering) -> A::Value {
        self.0.load(order)
    }
    #[track_caller]
    fn store(&self, value: A::Value, order: Ordering) {
        self.0.store(value, order)
    }
    #[track_caller]
    fn compare_exchange(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        self.0.compare_exchange(current, new, success, failure)
    }
    #[track_caller]
    fn compare_exchange_weak(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        self.0.compare_exchange_weak(current, new, success, failure)
    }
    fn with_mut<R>(&mut self, _: impl FnOnce(&mut A::Value) -> R) -> R {
        unreachable!("never owned")
    }
}

// SAFETY: as above.
unsafe impl<A: AtomicBits> AtomicBits for Defaults<'_, A> {}
// SAFETY: as above.
unsafe impl<A: AtomicInt> AtomicInt for Defaults<'_, A> {}
