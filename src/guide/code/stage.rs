// What the examples of the guide stand on when they run as doctests. The models in `tests/guide` put
// the same names over a model checker. Here nothing is found out; here it only has to work.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{MutexGuard, PoisonError, RwLockReadGuard, RwLockWriteGuard};

use kref::lock::Lock;

/// The lock of an index.
pub struct Mutex(std::sync::Mutex<()>);

impl Mutex {
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn lock_shared(&self) -> MutexGuard<'_, ()> {
        self.lock()
    }
}

impl Default for Mutex {
    fn default() -> Self {
        Self(std::sync::Mutex::new(()))
    }
}

// SAFETY: the guard is that of std's mutex.
unsafe impl Lock for Mutex {
    type Guard<'a> = MutexGuard<'a, ()>;
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock()
    }
}

/// The lock of an index that lookups may share.
#[derive(Default)]
pub struct RwLock(std::sync::RwLock<()>);

impl RwLock {
    pub fn lock(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
    pub fn lock_shared(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: the guard is that of the exclusive side of std's lock.
unsafe impl Lock for RwLock {
    type Guard<'a> = RwLockWriteGuard<'a, ()>;
    fn lock(&self) -> RwLockWriteGuard<'_, ()> {
        self.lock()
    }
}

/// One object with a count, and an index under a lock that lists it without counting it.
pub struct World<C, L = Mutex> {
    pub count: C,
    pub lock: L,
    listed: AtomicBool,
    freed: AtomicU32,
}

impl<C, L: Default> World<C, L> {
    pub fn new(count: C) -> Self {
        Self {
            count,
            lock: L::default(),
            listed: AtomicBool::new(true),
            freed: AtomicU32::new(0),
        }
    }
    pub fn touch(&self) {
        assert!(!self.is_freed());
    }
    pub fn is_listed<G>(&self, _held: &G) -> bool {
        self.listed.load(Relaxed)
    }
    pub fn unlist<G>(&self, _held: &G) {
        self.listed.store(false, Relaxed);
    }
    pub fn free(&self) {
        assert_eq!(self.freed.fetch_add(1, Relaxed), 0);
    }
    pub fn is_freed(&self) -> bool {
        self.freed.load(Relaxed) != 0
    }
}

/// Memory that is a count and a value at all times, whichever object it is used for.
pub struct Slot<C> {
    pub refs: C,
    value: AtomicU32,
}

impl<C> Slot<C> {
    pub fn new(refs: C, value: u32) -> Self {
        let value = AtomicU32::new(value);
        Self { refs, value }
    }
    pub fn read(&self) -> u32 {
        self.value.load(Relaxed)
    }
    pub fn write(&self, value: u32) {
        self.value.store(value, Relaxed);
    }
}
