//! Loom's atomics and locks as a backend.

use std::cell::{self, Cell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;

use loom::alloc::Track;
use loom::cell::UnsafeCell;
use loom::sync::atomic;

use crate::atomic::{Atomic, AtomicBits, AtomicInt, Backend};

/// Names loom's atomics, and its lock and signal: the [`Backend`] to run the types of this crate over
/// in a loom model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Loom;

// SAFETY: loom's atomics are atomics, and `relax` is free to do anything.
unsafe impl Backend for Loom {
    type U32 = AtomicU32;
    type Usize = AtomicUsize;
    type Ptr<T> = AtomicPtr<T>;

    /// Runs the other threads of the model.
    fn relax(_: u32) {
        loom::thread::yield_now();
    }
}

thread_local! {
    /// Bit `i` for each thread's `i`th weak compare-exchange. The threads of a model are coroutines
    /// on the thread that runs the model, so this reaches them all.
    static SPURIOUS: Cell<u32> = const { Cell::new(0) };
}

loom::thread_local! {
    static WEAK_CALLS: Cell<u32> = Cell::new(0);
}

/// Makes weak compare-exchanges fail spuriously, in the models that the calling thread runs from now
/// on: bit `i` of `mask` fails the `i`th of every thread of the model.
///
/// Loom by itself never fails one, and processors do. Run a model with several masks; none fails with
/// 0, which is the default.
pub fn set_spurious(mask: u32) {
    SPURIOUS.set(mask);
}

thread_local! {
    /// Whether loads are tried in every order; for all threads of a model, as above.
    static EVERY_LOAD: Cell<bool> = const { Cell::new(false) };
}

/// Makes loom try every order of the loads of an atomic, in the models that the calling thread runs from now on; off by
/// default.
///
/// Without it loom leaves out some executions. It tries a write before the operation that came *last* on the atomic, and no
/// earlier one. If one thread loads, and another loads and then writes (every compare-exchange loop does), the last operation
/// before the write is the writer's own load. So the write never comes before the first thread's load.
///
/// With it the search is complete in this respect, and longer: for models of two threads and few operations.
pub fn set_every_load(is_on: bool) {
    EVERY_LOAD.set(is_on);
}

fn fails_spuriously() -> bool {
    let call = WEAK_CALLS.with(|calls| calls.replace(calls.get() + 1));
    call < u32::BITS && SPURIOUS.get() >> call & 1 == 1
}

/// An atomic of loom and the time in which it may be used. All of it is in a cell, as [`Atomic`] asks for: loom's
/// types have bytes that are in none.
struct Timed<A>(cell::UnsafeCell<Inside<A>>);

struct Inside<A> {
    atomic: A,
    loads: atomic::AtomicU32,
    life: Life,
}

impl<A> Timed<A> {
    #[track_caller]
    fn new(atomic: A) -> Self {
        Self(cell::UnsafeCell::new(Inside {
            atomic,
            loads: atomic::AtomicU32::new(0),
            life: Life::begin(),
        }))
    }

    #[track_caller]
    fn inside(&self) -> &Inside<A> {
        // SAFETY: only `&mut self` gives out anything else.
        let inside = unsafe { &*self.0.get() };
        inside.life.used.with(|_| ());
        inside
    }

    /// The atomic, if this is the time.
    #[track_caller]
    fn live(&self) -> &A {
        &self.inside().atomic
    }

    /// The atomic, for a load. With [`set_every_load`] a write of another atomic comes first: loom tries both orders of two
    /// writes.
    #[track_caller]
    fn live_for_load(&self) -> &A {
        let inside = self.inside();
        if EVERY_LOAD.get() {
            // Relaxed: it is there for loom's search, and must order nothing.
            inside.loads.fetch_add(0, Ordering::Relaxed);
        }
        &inside.atomic
    }
}

/// The time in which an atomic may be used.
struct Life {
    /// Read by every operation and written by the end.
    used: UnsafeCell<()>,
    /// Loom fails an execution in which one of these is left over.
    tracked: ManuallyDrop<Track<()>>,
}

impl Life {
    #[track_caller]
    fn begin() -> Self {
        Self {
            used: UnsafeCell::new(()),
            tracked: ManuallyDrop::new(Track::new(())),
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // When a model has failed, what else would fail must not hide it.
        if !std::thread::panicking() {
            self.used.with_mut(|_| ());
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.tracked) };
        }
    }
}

macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty) => {
        #[doc = concat!("Wraps loom's `", stringify!($name), "`.")]
        ///
        /// A use of it that does not happen before its end fails the model, and so does one that is
        /// left when an execution ends.
        pub struct $name$(<$t>)?(Timed<atomic::$name$(<$t>)?>);

        impl$(<$t>)? $name$(<$t>)? {
            #[track_caller]
            fn live(&self) -> &atomic::$name$(<$t>)? {
                self.0.live()
            }
        }

        // SAFETY: the cell in `life` is read and written as the atomic is used and dropped, and loom
        // reports it if that races.
        unsafe impl$(<$t>)? Send for $name$(<$t>)? {}
        // SAFETY: as above.
        unsafe impl$(<$t>)? Sync for $name$(<$t>)? {}

        // SAFETY: forwards to loom's atomic; a weak compare-exchange may fail.
        unsafe impl$(<$t>)? Atomic for $name$(<$t>)? {
            type Value = $value;

            #[track_caller]
            fn new(value: $value) -> Self {
                Self(Timed::new(atomic::$name::new(value)))
            }
            #[track_caller]
            fn load(&self, order: Ordering) -> $value {
                self.0.live_for_load().load(order)
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
                self.live().compare_exchange(current, new, success, failure)
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
                    return Err(self.0.live_for_load().load(failure));
                }
                self.compare_exchange(current, new, success, failure)
            }
            fn with_mut<R>(&mut self, f: impl FnOnce(&mut $value) -> R) -> R {
                self.0.0.get_mut().atomic.with_mut(f)
            }
            #[track_caller]
            fn swap(&self, value: $value, order: Ordering) -> $value {
                self.live().swap(value, order)
            }
        }

        impl$(<$t>)? fmt::Debug for $name$(<$t>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Without the value: to read it would be one more operation of the model.
                f.write_str(stringify!($name))
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
atomic!(AtomicUsize, usize);
atomic!(AtomicPtr<T>, *mut T);

macro_rules! atomic_int {
    ($name:ident, $value:ty) => {
        // SAFETY: as for `Atomic`.
        unsafe impl AtomicBits for $name {
            #[track_caller]
            fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.live().fetch_and(value, order)
            }
            #[track_caller]
            fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.live().fetch_or(value, order)
            }
            #[track_caller]
            fn fetch_xor(&self, value: $value, order: Ordering) -> $value {
                self.live().fetch_xor(value, order)
            }
        }

        // SAFETY: as for `Atomic`.
        unsafe impl AtomicInt for $name {
            #[track_caller]
            fn fetch_add(&self, n: $value, order: Ordering) -> $value {
                self.live().fetch_add(n, order)
            }
            #[track_caller]
            fn fetch_sub(&self, n: $value, order: Ordering) -> $value {
                self.live().fetch_sub(n, order)
            }
        }
    };
}

atomic_int!(AtomicU32, u32);
atomic_int!(AtomicU64, u64);
atomic_int!(AtomicUsize, usize);

#[cfg(feature = "registry")]
mod for_registry {
    use std::sync::PoisonError;

    use loom::sync::{Condvar, Mutex, MutexGuard};

    use super::Loom;
    use crate::lock::{Lock, LockBackend};

    /// Wraps loom's mutex.
    #[derive(Debug)]
    pub struct ShardLock(Mutex<()>);

    // SAFETY: loom's mutex excludes and publishes.
    unsafe impl Lock for ShardLock {
        type Guard<'a> = MutexGuard<'a, ()>;

        fn lock(&self) -> Self::Guard<'_> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    // SAFETY: the threads of a model change only in front of an operation, so none frees the lock between an unlock
    // and the return of the guard's drop. Loom's condition variable wakes all, and loom gives each thread an
    // identity of its own.
    unsafe impl LockBackend for Loom {
        type Lock = ShardLock;
        type Signal = (Mutex<bool>, Condvar);
        type ThreadId = loom::thread::ThreadId;

        fn new_lock() -> Self::Lock {
            ShardLock(Mutex::new(()))
        }
        fn new_signal() -> Self::Signal {
            (Mutex::new(false), Condvar::new())
        }
        fn wait((is_set, condvar): &Self::Signal) {
            let mut guard = is_set.lock().unwrap_or_else(PoisonError::into_inner);
            while !*guard {
                guard = condvar.wait(guard).unwrap_or_else(PoisonError::into_inner);
            }
        }
        fn set((is_set, condvar): &Self::Signal) {
            *is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
            condvar.notify_all();
        }
        fn current_thread() -> Self::ThreadId {
            loom::thread::current().id()
        }
    }
}

#[cfg(feature = "alloc")]
pub use self::for_alloc::set_thread_shard;

#[cfg(feature = "alloc")]
mod for_alloc {
    use std::cell::Cell;

    use super::{AtomicU64, Loom};
    use crate::lock::Lock;
    use crate::sharded::ShardBackend;

    loom::thread_local! {
        static SHARD: Cell<usize> = Cell::new(0);
    }

    /// Sets the shard of the calling thread of a model, for the sharded counts; zero is the default.
    ///
    /// Loom's threads have no numbers that are the same in every execution, so a model says which threads share a shard.
    pub fn set_thread_shard(shard: usize) {
        SHARD.with(|own| own.set(shard));
    }

    /// Wraps loom's mutex: the lock of a sharded count.
    #[derive(Debug)]
    pub struct Switch(loom::sync::Mutex<()>);

    // SAFETY: loom's mutex excludes and publishes.
    unsafe impl Lock for Switch {
        type Guard<'a> = loom::sync::MutexGuard<'a, ()>;

        fn lock(&self) -> Self::Guard<'_> {
            self.0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        }
    }

    // SAFETY: loom's atomic and mutex.
    unsafe impl ShardBackend for Loom {
        type Count = AtomicU64;
        type Switch = Switch;

        fn new_switch() -> Switch {
            Switch(loom::sync::Mutex::new(()))
        }
        fn thread_shard() -> usize {
            SHARD.with(Cell::get)
        }
    }
}
