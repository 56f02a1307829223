//! An index of uncounted pointers, with each of the answers to "may I take a reference?".

use std::ops::DerefMut;
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::Kref;
use kref::lock::Lock;

use crate::{ROUNDS, Random, SLOTS, in_threads};

const ALIVE: u64 = 0xA11C_E0B7_EC70_A11E;
const DEAD: u64 = 0xDEAD_0B7E_C70D_EAD0;

struct Object {
    kref: Kref,
    slot: usize,
    canary: u64,
}

/// A pointer to an object, counted or not.
#[derive(Clone, Copy, PartialEq)]
struct Pointer(*mut Object);

// SAFETY: of the object, threads share the count, and what the count protects.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

impl Pointer {
    const NULL: Self = Self(ptr::null_mut());

    fn create(slot: usize) -> Self {
        Self(Box::into_raw(Box::new(Object {
            kref: Kref::new(),
            slot,
            canary: ALIVE,
        })))
    }

    fn kref(&self) -> &Kref {
        // SAFETY: the memory is kept to the end of the test, and this is the part that is shared.
        unsafe { &(*self.0).kref }
    }

    fn slot(self) -> usize {
        // SAFETY: as in `kref`; it is never written.
        unsafe { (*self.0).slot }
    }

    fn canary(self) -> u64 {
        // SAFETY: as in `kref`; it is written only by the thread that dropped the last reference.
        unsafe { (*self.0).canary }
    }

    /// Marks an object whose last reference the caller has dropped.
    fn destroy(self) {
        assert_eq!(self.canary(), ALIVE, "destroyed twice");
        // SAFETY: nobody has a reference any more.
        unsafe { (*self.0).canary = DEAD }
    }

    /// Frees the memory when all threads are gone.
    fn bury(self) {
        assert_eq!(self.canary(), DEAD);
        assert_eq!(self.kref().count(), 0, "touched after its death");
        // SAFETY: made from a box in `create`, and nobody is left to use it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

type Slots = [Pointer; SLOTS];

/// An index that holds no references, with its own answer to "may I take one?".
trait Index: Sync {
    fn new() -> Self;
    /// Takes a reference to the object in the slot, or creates it; says whether it did.
    fn find_or_create(&self, slot: usize) -> (Pointer, bool);
    /// Drops a reference; true if the object is now unlinked and nobody's.
    fn put(&self, object: Pointer) -> bool;
    fn into_slots(self) -> Slots;
}

fn take_or_create(
    slots: &mut Slots,
    slot: usize,
    take: impl FnOnce(&Kref) -> bool,
) -> (Pointer, bool) {
    if let Some(found) = take_found(slots, slot, take) {
        return (found, false);
    }
    slots[slot] = Pointer::create(slot);
    (slots[slot], true)
}

fn take_found(slots: &Slots, slot: usize, take: impl FnOnce(&Kref) -> bool) -> Option<Pointer> {
    let found = slots[slot];
    (found != Pointer::NULL && take(found.kref())).then_some(found)
}

/// A lock round the slots, for an index in which every put takes it for the last reference, so that
/// what is found is alive.
trait Table: Lock + Sync {
    fn new(slots: Slots) -> Self;
    /// Calls `f` with the lock held, shared if the lock has a shared side.
    fn look<R>(&self, f: impl FnOnce(&Slots) -> R) -> R;
    fn into_inner(self) -> Slots;
}

impl<T: Table> Index for T
where
    for<'a> T::Guard<'a>: DerefMut<Target = Slots>,
{
    fn new() -> Self {
        Table::new([Pointer::NULL; SLOTS])
    }

    fn find_or_create(&self, slot: usize) -> (Pointer, bool) {
        let get = |kref: &Kref| {
            kref.get();
            true
        };
        match self.look(|slots| take_found(slots, slot, get)) {
            Some(found) => (found, false),
            None => take_or_create(&mut self.lock(), slot, get),
        }
    }

    fn put(&self, object: Pointer) -> bool {
        let Some(mut slots) = object.kref().put_lock(self) else {
            return false;
        };
        assert!(slots[object.slot()] == object);
        slots[object.slot()] = Pointer::NULL;
        true
    }

    fn into_slots(self) -> Slots {
        self.into_inner()
    }
}

/// The mutex of std, without the feature `std`.
struct UnderMutex(Mutex<Slots>);

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for UnderMutex {
    type Guard<'a> = MutexGuard<'a, Slots>;

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table for UnderMutex {
    fn new(slots: Slots) -> Self {
        Self(Mutex::new(slots))
    }

    fn look<R>(&self, f: impl FnOnce(&Slots) -> R) -> R {
        f(&self.0.lock().unwrap())
    }

    fn into_inner(self) -> Slots {
        self.0.into_inner().unwrap()
    }
}

#[cfg(feature = "std")]
impl Table for std::sync::RwLock<Slots> {
    fn new(slots: Slots) -> Self {
        Self::new(slots)
    }

    fn look<R>(&self, f: impl FnOnce(&Slots) -> R) -> R {
        f(&self.read().unwrap())
    }

    fn into_inner(self) -> Slots {
        self.into_inner().unwrap()
    }
}

#[cfg(feature = "lock_api")]
impl Table for parking_lot::RwLock<Slots> {
    fn new(slots: Slots) -> Self {
        Self::new(slots)
    }

    fn look<R>(&self, f: impl FnOnce(&Slots) -> R) -> R {
        f(&self.read())
    }

    fn into_inner(self) -> Slots {
        self.into_inner()
    }
}

#[cfg(feature = "lock_api")]
impl Table for spin::lock_api::Mutex<Slots> {
    fn new(slots: Slots) -> Self {
        Self::new(slots)
    }

    fn look<R>(&self, f: impl FnOnce(&Slots) -> R) -> R {
        f(&self.lock())
    }

    fn into_inner(self) -> Slots {
        self.into_inner()
    }
}

/// `put` without the lock, so what is found may be dying, and may have been replaced by the time
/// that it is unlinked.
struct MayBeDying(Mutex<Slots>);

impl Index for MayBeDying {
    fn new() -> Self {
        Self(Mutex::new([Pointer::NULL; SLOTS]))
    }

    fn find_or_create(&self, slot: usize) -> (Pointer, bool) {
        take_or_create(&mut self.0.lock().unwrap(), slot, Kref::get_unless_zero)
    }

    fn put(&self, object: Pointer) -> bool {
        if !object.kref().put() {
            return false;
        }
        let mut slots = self.0.lock().unwrap();
        if slots[object.slot()] == object {
            slots[object.slot()] = Pointer::NULL;
        }
        true
    }

    fn into_slots(self) -> Slots {
        self.0.into_inner().unwrap()
    }
}

fn every_object_dies_once<I: Index>() {
    let index = I::new();
    let lives = in_threads(|thread| {
        let mut random = Random::new(thread);
        let mut created = 0;
        let mut dead = Vec::new();
        let mut held: Vec<Pointer> = Vec::new();
        let mut put = |object: Pointer| {
            assert_eq!(object.canary(), ALIVE);
            if index.put(object) {
                object.destroy();
                dead.push(object);
            }
        };
        for _ in ROUNDS {
            match random.below(4) {
                0 if !held.is_empty() => {
                    let object = held[random.below(held.len())];
                    object.kref().get();
                    held.push(object);
                }
                _ => {
                    let (object, new) = index.find_or_create(random.below(SLOTS));
                    assert_eq!(object.canary(), ALIVE);
                    created += usize::from(new);
                    held.push(object);
                }
            }
            while held.len() > random.below(3) {
                put(held.swap_remove(random.below(held.len())));
            }
        }
        held.drain(..).for_each(put);
        (created, dead)
    });
    assert!(index.into_slots().iter().all(|&slot| slot == Pointer::NULL));
    let created: usize = lives.iter().map(|(created, _)| created).sum();
    let dead: Vec<Pointer> = lives.into_iter().flat_map(|(_, dead)| dead).collect();
    assert_eq!(dead.len(), created);
    dead.into_iter().for_each(Pointer::bury);
}

#[test]
fn put_lock_and_get_under_the_mutex() {
    every_object_dies_once::<UnderMutex>();
}

#[test]
#[cfg(feature = "std")]
fn put_lock_and_get_under_the_read_lock() {
    every_object_dies_once::<std::sync::RwLock<Slots>>();
}

#[test]
#[cfg(feature = "lock_api")]
fn put_lock_and_get_under_the_read_lock_of_parking_lot() {
    every_object_dies_once::<parking_lot::RwLock<Slots>>();
}

#[test]
#[cfg(feature = "lock_api")]
fn put_lock_and_get_under_the_mutex_of_spin() {
    every_object_dies_once::<spin::lock_api::Mutex<Slots>>();
}

#[test]
fn put_without_the_lock_and_get_unless_zero() {
    every_object_dies_once::<MayBeDying>();
}
