//! The backend of the scenarios: each operation first gives all threads the chance to go on.
//!
//! Threads are coroutines, which change only there. So an atomic operation is an ordinary one after
//! such a point. While a failed scenario unwinds there are no such points and no checks, so that
//! the first failure is the one that is reported.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering;
use std::thread::panicking;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend, Bits, Int};
use kref::lock::{Lock, LockBackend};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{self, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

/// The family of atomics, and the lock and the signal, of the scenarios.
pub struct Shuttle;

// SAFETY: atomic and ordered, as only one coroutine runs at a time.
unsafe impl Backend for Shuttle {
    type U32 = Word<u32>;
    type Usize = Word<usize>;
    type Ptr<T> = Word<*mut T>;

    fn relax(_: u32) {
        // While a failed scenario unwinds no other coroutine runs, and what is waited for never comes.
        assert!(!panicking(), "waits while the scenario unwinds");
        shuttle::thread::yield_now();
    }
}

/// Lets any thread go on.
pub fn turn() {
    if !panicking() {
        // An operation on any of shuttle's atomics is such a point. It must not be on one that may be
        // freed in between.
        let _ = sync::atomic::AtomicBool::new(false).load(Ordering::SeqCst);
    }
}

/// Fails the scenario unless it holds, or has failed before.
#[track_caller]
pub fn must(holds: bool, otherwise: &str) {
    assert!(holds || panicking(), "{otherwise}");
}

/// The time in which something may be used.
///
/// Whether it is the time is not written in it, but found by its number: a copy that was left behind
/// where it was moved away is not alive after it, and neither is memory that was freed.
pub struct Life(usize);

/// The first number: not one that is found in memory by chance.
const FIRST: usize = 0x600D_0000;

thread_local! {
    /// Which lives have not ended.
    static LIVES: RefCell<Vec<bool>> = const { RefCell::new(Vec::new()) };
}

/// Begins a scenario.
pub fn begin() {
    LIVES.take();
}

/// Ends a scenario, in which everything was to be dropped.
pub fn end() {
    must(!LIVES.take().contains(&true), "leaked");
}

impl Life {
    pub fn begin() -> Self {
        LIVES.with_borrow_mut(|lives| {
            lives.push(true);
            Self(FIRST + lives.len() - 1)
        })
    }

    fn is_alive(&self) -> bool {
        LIVES.with_borrow(|lives| lives.get(self.0.wrapping_sub(FIRST)) == Some(&true))
    }

    /// Asserts that this is the time.
    #[track_caller]
    pub fn check(&self) {
        must(self.is_alive(), "used after its end");
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::begin()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        let was_alive = self.is_alive();
        must(was_alive, "ended twice");
        if was_alive {
            LIVES.with_borrow_mut(|lives| lives[self.0 - FIRST] = false);
        }
    }
}

/// An atomic.
pub struct Word<V> {
    value: Cell<V>,
    life: Life,
}

// SAFETY: only one coroutine runs at a time.
unsafe impl<V> Send for Word<V> {}
// SAFETY: as above.
unsafe impl<V> Sync for Word<V> {}

impl<V> Word<V> {
    #[track_caller]
    fn at(&self) -> &Cell<V> {
        turn();
        self.life.check();
        &self.value
    }
}

// SAFETY: every operation is one after the point where another coroutine may go on.
unsafe impl<V: Copy + Eq> Atomic for Word<V> {
    type Value = V;

    fn new(value: V) -> Self {
        Self {
            value: Cell::new(value),
            life: Life::begin(),
        }
    }
    #[track_caller]
    fn load(&self, _: Ordering) -> V {
        self.at().get()
    }
    #[track_caller]
    fn store(&self, value: V, _: Ordering) {
        self.at().set(value);
    }
    #[track_caller]
    fn compare_exchange(&self, current: V, new: V, _: Ordering, _: Ordering) -> Result<V, V> {
        let value = self.at();
        let old = value.get();
        if old != current {
            return Err(old);
        }
        value.set(new);
        Ok(old)
    }
    #[track_caller]
    fn compare_exchange_weak(
        &self,
        current: V,
        new: V,
        success: Ordering,
        failure: Ordering,
    ) -> Result<V, V> {
        if !panicking() && thread_rng().gen_ratio(1, 8) {
            return Err(self.load(failure));
        }
        self.compare_exchange(current, new, success, failure)
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut V) -> R) -> R {
        self.life.check();
        f(self.value.get_mut())
    }
    #[track_caller]
    fn swap(&self, value: V, _: Ordering) -> V {
        self.at().replace(value)
    }
}

// SAFETY: as above.
unsafe impl<V: Bits> AtomicBits for Word<V> {
    #[track_caller]
    fn fetch_and(&self, value: V, _: Ordering) -> V {
        let word = self.at();
        word.replace(word.get() & value)
    }
    #[track_caller]
    fn fetch_or(&self, value: V, _: Ordering) -> V {
        let word = self.at();
        word.replace(word.get() | value)
    }
    #[track_caller]
    fn fetch_xor(&self, value: V, _: Ordering) -> V {
        let word = self.at();
        word.replace(word.get() ^ value)
    }
}

// SAFETY: as above.
unsafe impl<V: Int> AtomicInt for Word<V> {
    #[track_caller]
    fn fetch_add(&self, n: V, _: Ordering) -> V {
        let word = self.at();
        word.replace(word.get().wrapping_add(n))
    }
    #[track_caller]
    fn fetch_sub(&self, n: V, _: Ordering) -> V {
        let word = self.at();
        word.replace(word.get().wrapping_sub(n))
    }
}

impl<V> fmt::Debug for Word<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Word")
    }
}

/// Takes a lock in its time, and not while a failed scenario unwinds, alone.
#[track_caller]
fn during<G>(life: &Life, lock: impl FnOnce() -> G) -> Option<Guard<'_, G>> {
    if panicking() {
        return None;
    }
    life.check();
    let guard = ManuallyDrop::new(lock());
    life.check();
    Some(Guard { guard, life })
}

/// A guard that unlocks nothing that has ended.
pub struct Guard<'a, G> {
    guard: ManuallyDrop<G>,
    life: &'a Life,
}

impl<G> Drop for Guard<'_, G> {
    fn drop(&mut self) {
        self.life.check();
        if self.life.is_alive() {
            // SAFETY: dropped here and nowhere else.
            unsafe { ManuallyDrop::drop(&mut self.guard) };
        }
    }
}

/// A lock with a shared side.
pub trait Index: Lock + Default + Send + Sync + 'static {
    type Shared<'a>;
    /// What a lookup takes: the shared side where there is one.
    fn lock_shared(&self) -> Self::Shared<'_>;
}

/// Shuttle's mutex.
#[derive(Default)]
pub struct Mutex(sync::Mutex<()>, Life);

// SAFETY: shuttle's mutex excludes. Without a guard no other coroutine runs any more.
unsafe impl Lock for Mutex {
    type Guard<'a> = Option<Guard<'a, MutexGuard<'a, ()>>>;
    fn lock(&self) -> Self::Guard<'_> {
        during(&self.1, || self.0.lock().unwrap())
    }
}

impl Index for Mutex {
    type Shared<'a> = Self::Guard<'a>;
    fn lock_shared(&self) -> Self::Guard<'_> {
        self.lock()
    }
}

/// Shuttle's read-write lock.
#[derive(Default)]
pub struct RwLock(sync::RwLock<()>, Life);

// SAFETY: as above.
unsafe impl Lock for RwLock {
    type Guard<'a> = Option<Guard<'a, RwLockWriteGuard<'a, ()>>>;
    fn lock(&self) -> Self::Guard<'_> {
        during(&self.1, || self.0.write().unwrap())
    }
}

impl Index for RwLock {
    type Shared<'a> = Option<Guard<'a, RwLockReadGuard<'a, ()>>>;
    fn lock_shared(&self) -> Self::Shared<'_> {
        during(&self.1, || self.0.read().unwrap())
    }
}

// SAFETY: the condition variable wakes all, and each thread has an identity of its own.
unsafe impl LockBackend for Shuttle {
    type Lock = Mutex;
    type Signal = (sync::Mutex<bool>, sync::Condvar);
    type ThreadId = shuttle::thread::ThreadId;

    fn new_lock() -> Mutex {
        Mutex::default()
    }
    fn new_signal() -> Self::Signal {
        Default::default()
    }
    fn wait((is_set, condvar): &Self::Signal) {
        let guard = is_set.lock().unwrap();
        drop(condvar.wait_while(guard, |is_set| !*is_set).unwrap());
    }
    fn set((is_set, condvar): &Self::Signal) {
        if !panicking() {
            *is_set.lock().unwrap() = true;
            condvar.notify_all();
        }
    }
    fn current_thread() -> Self::ThreadId {
        shuttle::thread::current().id()
    }
}
