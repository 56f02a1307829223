//! The backends that the models run over: loom's atomics, counted.
//!
//! - [`CasOnly`] has load, store and compare-exchange. Every other operation is the default of the
//!   traits, a compare-and-swap loop, so that counting successful compare-exchanges counts every
//!   write that a put makes.
//! - [`Rmw`] has native read-modify-write operations besides, as what ships.
//!
//! Both add to loom:
//!
//! - a tally, per thread, of what succeeded (see [`tally`]);
//! - spurious failures of the weak compare-exchange, which loom never shows (see [`crate::check`]);
//! - the end of the atomic's life: an access that does not happen before the atomic is dropped is
//!   a causality violation, so that a put which touches the count after it gave up its reference is
//!   found even where the value it reads would do no harm.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::Ordering;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};
use kref::lock::LockBackend;
use loom::cell::UnsafeCell;
use loom::sync::atomic;

/// Loom's atomics with compare-exchange only.
pub struct CasOnly;

/// Loom's atomics with all their operations.
pub struct Rmw;

// SAFETY: loom's atomics are atomics; what is added only counts.
unsafe impl Backend for CasOnly {
    type U32 = U32<false>;
    type Usize = Usize<false>;
    type Ptr<T> = Ptr<T, false>;
}

// SAFETY: as above.
unsafe impl Backend for Rmw {
    type U32 = U32<true>;
    type Usize = Usize<true>;
    type Ptr<T> = Ptr<T, true>;
}

macro_rules! lock_backend {
    ($backend:ty) => {
        // SAFETY: loom's locks exclude and publish, its condition variable wakes all, and it gives
        // each thread an identity of its own.
        unsafe impl LockBackend for $backend {
            type Lock = crate::object::Mutex;
            type Signal = (loom::sync::Mutex<bool>, loom::sync::Condvar);
            type ThreadId = loom::thread::ThreadId;

            fn new_lock() -> Self::Lock {
                crate::object::Index::new()
            }
            fn new_signal() -> Self::Signal {
                (loom::sync::Mutex::new(false), loom::sync::Condvar::new())
            }
            fn wait((is_set, condvar): &Self::Signal) {
                let mut guard = is_set.lock().unwrap();
                while !*guard {
                    guard = condvar.wait(guard).unwrap();
                }
            }
            fn set((is_set, condvar): &Self::Signal) {
                *is_set.lock().unwrap() = true;
                condvar.notify_all();
            }
            fn current_thread() -> Self::ThreadId {
                loom::thread::current().id()
            }
        }
    };
}

lock_backend!(CasOnly);
lock_backend!(Rmw);

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
    static WEAK_CALLS: Cell<u32> = Cell::new(0);
}

thread_local! {
    /// Which weak compare-exchanges of each thread fail spuriously: bit `i` for its `i`th. Loom's
    /// threads are coroutines on the thread that runs the model, so this reaches them all.
    static SPURIOUS: Cell<u32> = const { Cell::new(0) };
    /// How many atomics there are.
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// Asserts that every atomic that was made in this execution was dropped: what holds one leaks
/// otherwise. Call it at the end of a model.
#[track_caller]
pub fn assert_no_atomic_leaked() {
    assert_eq!(LIVE.get(), 0, "leaked");
}

/// Forgets what a failed execution left behind.
pub fn forget_leaks() {
    LIVE.set(0);
}

/// Makes bit `i` of `mask` fail the `i`th weak compare-exchange of every thread.
pub fn set_spurious(mask: u32) {
    SPURIOUS.set(mask);
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

fn fails_spuriously() -> bool {
    let call = WEAK_CALLS.with(|calls| calls.replace(calls.get() + 1));
    call < u32::BITS && SPURIOUS.get() >> call & 1 == 1
}

macro_rules! counted {
    ($name:ident $(<$t:ident>)?, $loom:ty, $value:ty) => {
        pub struct $name<$($t,)? const RMW: bool> {
            atomic: $loom,
            /// Read by every operation and written by the drop.
            life: UnsafeCell<()>,
        }

        impl<$($t,)? const RMW: bool> $name<$($t,)? RMW> {
            #[track_caller]
            fn live(&self) -> &$loom {
                self.life.with(|_| ());
                &self.atomic
            }
        }

        // SAFETY: the cell `life` is read and written as the atomic is used and dropped, and loom
        // reports it if that races.
        unsafe impl<$($t,)? const RMW: bool> Send for $name<$($t,)? RMW> {}
        // SAFETY: as above.
        unsafe impl<$($t,)? const RMW: bool> Sync for $name<$($t,)? RMW> {}

        // SAFETY: forwards to loom's atomic.
        unsafe impl<$($t,)? const RMW: bool> Atomic for $name<$($t,)? RMW> {
            type Value = $value;

            #[track_caller]
            fn new(value: $value) -> Self {
                LIVE.set(LIVE.get() + 1);
                Self { atomic: <$loom>::new(value), life: UnsafeCell::new(()) }
            }
            #[track_caller]
            fn load(&self, order: Ordering) -> $value {
                self.live().load(order)
            }
            #[track_caller]
            fn store(&self, value: $value, order: Ordering) {
                self.live().store(value, order)
            }
            #[track_caller]
            fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                count(self.live().compare_exchange(current, new, success, failure))
            }
            #[track_caller]
            fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                if fails_spuriously() {
                    return count(Err(self.live().load(failure)));
                }
                self.compare_exchange(current, new, success, failure)
            }
            fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
                self.atomic.with_mut(f)
            }
            #[track_caller]
            fn swap(&self, value: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().swap(value, order))
                } else {
                    Defaults(self).swap(value, order)
                }
            }
        }

        impl<$($t,)? const RMW: bool> Drop for $name<$($t,)? RMW> {
            fn drop(&mut self) {
                LIVE.set(LIVE.get() - 1);
                if !std::thread::panicking() {
                    self.life.with_mut(|_| ());
                }
            }
        }

        impl<$($t,)? const RMW: bool> fmt::Debug for $name<$($t,)? RMW> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

counted!(U32, atomic::AtomicU32, u32);
counted!(Usize, atomic::AtomicUsize, usize);
counted!(Ptr<T>, atomic::AtomicPtr<T>, *mut T);

macro_rules! counted_int {
    ($name:ident, $value:ty) => {
        // SAFETY: as for `Atomic`.
        unsafe impl<const RMW: bool> AtomicBits for $name<RMW> {
            #[track_caller]
            fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().fetch_and(value, order))
                } else {
                    Defaults(self).fetch_and(value, order)
                }
            }
            #[track_caller]
            fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().fetch_or(value, order))
                } else {
                    Defaults(self).fetch_or(value, order)
                }
            }
            #[track_caller]
            fn fetch_xor(&self, value: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().fetch_xor(value, order))
                } else {
                    Defaults(self).fetch_xor(value, order)
                }
            }
        }

        // SAFETY: as for `Atomic`.
        unsafe impl<const RMW: bool> AtomicInt for $name<RMW> {
            #[track_caller]
            fn fetch_add(&self, n: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().fetch_add(n, order))
                } else {
                    Defaults(self).fetch_add(n, order)
                }
            }
            #[track_caller]
            fn fetch_sub(&self, n: $value, order: Ordering) -> $value {
                if RMW {
                    written(self.live().fetch_sub(n, order))
                } else {
                    Defaults(self).fetch_sub(n, order)
                }
            }
        }
    };
}

counted_int!(U32, u32);
counted_int!(Usize, usize);

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
