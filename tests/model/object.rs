//! An object with a count, an index that lists it under a lock, and what must be true of both.
//!
//! The index holds no reference. "Freeing" the object drops it in place, which writes its payload
//! and ends the life of its count: every use of either that does not happen before that is a
//! causality violation, and a second time is a panic.

use std::cell::UnsafeCell as StdUnsafeCell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::lock::Lock;
use loom::cell::UnsafeCell;

use crate::backend::tally;

/// A lock with a shared side.
pub trait Index: Lock + Send + Sync + 'static {
    type Shared<'a>;
    fn new() -> Self;
    /// What a lookup takes: the shared side where there is one.
    fn lock_shared(&self) -> Self::Shared<'_>;
}

pub struct Mutex(loom::sync::Mutex<()>);

// SAFETY: loom's mutex excludes and publishes.
unsafe impl Lock for Mutex {
    type Guard<'a> = loom::sync::MutexGuard<'a, ()>;
    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap()
    }
}

impl Index for Mutex {
    type Shared<'a> = Self::Guard<'a>;
    fn new() -> Self {
        Self(loom::sync::Mutex::new(()))
    }
    fn lock_shared(&self) -> Self::Guard<'_> {
        self.lock()
    }
}

pub struct RwLock(loom::sync::RwLock<()>);

// SAFETY: the write side of loom's lock excludes and publishes.
unsafe impl Lock for RwLock {
    type Guard<'a> = loom::sync::RwLockWriteGuard<'a, ()>;
    fn lock(&self) -> Self::Guard<'_> {
        self.0.write().unwrap()
    }
}

impl Index for RwLock {
    type Shared<'a> = loom::sync::RwLockReadGuard<'a, ()>;
    fn new() -> Self {
        Self(loom::sync::RwLock::new(()))
    }
    fn lock_shared(&self) -> Self::Shared<'_> {
        self.0.read().unwrap()
    }
}

/// The object: a count and something to use.
pub struct Object<C> {
    pub count: C,
    payload: UnsafeCell<u32>,
}

impl<C> Object<C> {
    /// Uses the object, which takes a reference.
    pub fn touch(&self) {
        // SAFETY: loom reports it if this races with the drop.
        self.payload.with(|value| assert_eq!(unsafe { *value }, 42));
    }
}

impl<C> Drop for Object<C> {
    fn drop(&mut self) {
        // SAFETY: loom reports it if this races with a use.
        self.payload.with_mut(|value| unsafe { *value = 0 });
    }
}

/// The memory in which one object lives and dies, and the index that lists it.
pub struct World<C, L> {
    object: StdUnsafeCell<ManuallyDrop<Object<C>>>,
    pub lock: L,
    /// Whether the index lists the object. Read under either side of the lock, written under the
    /// exclusive one.
    listed: UnsafeCell<bool>,
    freed: AtomicU32,
}

// SAFETY: that the object is freed once, after every use, is what the models check, with loom's help.
unsafe impl<C, L: Sync> Sync for World<C, L> {}
// SAFETY: as above.
unsafe impl<C, L: Send> Send for World<C, L> {}

impl<C: 'static, L: Index> World<C, L> {
    pub fn new(count: C) -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self {
            object: StdUnsafeCell::new(ManuallyDrop::new(Object {
                count,
                payload: UnsafeCell::new(42),
            })),
            lock: L::new(),
            listed: UnsafeCell::new(true),
            freed: AtomicU32::new(0),
        })
    }

    /// Takes the object out of the index. The caller holds the lock.
    pub fn unlist(&self, _held: &L::Guard<'_>) {
        // SAFETY: loom reports it if this races, so if the lock is not held.
        self.listed.with_mut(|listed| unsafe { *listed = false });
    }

    /// Whether the index lists the object. The caller holds the lock, shared or not.
    pub fn is_listed<G>(&self, _held: &G) -> bool {
        // SAFETY: loom reports it if this races with `unlist`.
        self.listed.with(|listed| unsafe { *listed })
    }

    /// Destroys the object. The caller was told that its reference was the last.
    pub fn free(&self) {
        assert_eq!(self.freed.fetch_add(1, Relaxed), 0, "freed twice");
        // SAFETY: the last reference was the caller's; loom reports a thread that uses the object
        // all the same.
        let object = unsafe { &mut *self.object.get() };
        // SAFETY: once only, as just checked.
        unsafe { ManuallyDrop::drop(object) };
    }

    /// Destroys the object if nobody has, after all threads have ended: for a model in which it leaks,
    /// or is kept.
    #[allow(dead_code, reason = "not every test has such a model")]
    pub fn end(&self) {
        if self.freed.load(Relaxed) == 0 {
            self.free();
        }
    }

    /// Asserts, after all threads have ended, that the object was destroyed.
    pub fn assert_freed(&self) {
        assert_eq!(self.freed.load(Relaxed), 1, "leaked");
    }
}

impl<C, L> Deref for World<C, L> {
    type Target = Object<C>;
    fn deref(&self) -> &Object<C> {
        // SAFETY: the memory stays an object, dead or alive, as long as the world exists.
        unsafe { &*self.object.get() }
    }
}

/// Runs the threads of a model and waits for them.
pub fn threads<W: Send + Sync + 'static>(
    world: &loom::sync::Arc<W>,
    bodies: impl IntoIterator<Item = fn(&W)>,
) {
    let mut bodies = bodies.into_iter();
    let first = bodies.next().expect("a model has threads");
    let others: Vec<_> = bodies
        .map(|body| {
            let world = world.clone();
            loom::thread::spawn(move || body(&world))
        })
        .collect();
    first(world);
    for thread in others {
        thread.join().unwrap();
    }
}

/// Calls `put` and asserts the theorem: exactly one compare-exchange of it succeeds.
#[track_caller]
pub fn one_write<R>(put: impl FnOnce() -> R) -> R {
    let (result, tally) = tally(put);
    assert_eq!(tally.writes, 1, "a put writes exactly once");
    result
}

/// Asserts that `f` writes nothing.
#[track_caller]
pub fn no_write<R>(f: impl FnOnce() -> R) -> R {
    let (result, tally) = tally(f);
    assert_eq!(tally.writes, 0, "nothing is written");
    result
}
