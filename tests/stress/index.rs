//! An index of uncounted pointers, with each of the answers to "may I take a reference?".

use std::ptr;
#[cfg(feature = "std")]
use std::sync::RwLock;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::Kref;
use kref::lock::Lock;

use crate::{ROUNDS, Random, SLOTS, in_threads};

const ALIVE: u64 = 0xA11C_E0B7_EC70_A11E;
const DEAD: u64 = 0xDEAD_0B7E_C70D_EAD0;

pub(crate) struct Object {
    kref: Kref,
    slot: usize,
    canary: u64,
}

/// A pointer to an object, counted or not.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Pointer(*mut Object);

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
        // SAFETY: as in `kref`; it is written by whoever dropped the last reference, alone.
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
trait Index: Default + Sync {
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
    let found = slots[slot];
    if found != Pointer::NULL && take(found.kref()) {
        return (found, false);
    }
    slots[slot] = Pointer::create(slot);
    (slots[slot], true)
}

/// `put_lock` under the mutex, so what is found is alive.
pub(crate) struct UnderMutex(Mutex<Slots>);

impl Default for UnderMutex {
    fn default() -> Self {
        Self(Mutex::new([Pointer::NULL; SLOTS]))
    }
}

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for UnderMutex {
    type Guard<'a> = MutexGuard<'a, Slots>;

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index for UnderMutex {
    fn find_or_create(&self, slot: usize) -> (Pointer, bool) {
        take_or_create(&mut self.0.lock().unwrap(), slot, |kref| {
            kref.get();
            true
        })
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
        self.0.into_inner().unwrap()
    }
}

/// `put_lock` under the read-write lock, which a lookup that finds something takes shared.
#[cfg(feature = "std")]
struct UnderRwLock(RwLock<Slots>);

#[cfg(feature = "std")]
impl Default for UnderRwLock {
    fn default() -> Self {
        Self(RwLock::new([Pointer::NULL; SLOTS]))
    }
}

#[cfg(feature = "std")]
impl Index for UnderRwLock {
    fn find_or_create(&self, slot: usize) -> (Pointer, bool) {
        let take = |kref: &Kref| {
            kref.get();
            true
        };
        let slots = self.0.read().unwrap();
        let found = slots[slot];
        if found != Pointer::NULL && take(found.kref()) {
            return (found, false);
        }
        drop(slots);
        take_or_create(&mut self.0.write().unwrap(), slot, take)
    }

    fn put(&self, object: Pointer) -> bool {
        let Some(mut slots) = object.kref().put_lock(&self.0) else {
            return false;
        };
        assert!(slots[object.slot()] == object);
        slots[object.slot()] = Pointer::NULL;
        true
    }

    fn into_slots(self) -> Slots {
        self.0.into_inner().unwrap()
    }
}

/// `put` without the lock, so what is found may be dying, and may have been replaced by the time
/// that it is unlinked.
#[derive(Default)]
struct MayBeDying(UnderMutex);

impl Index for MayBeDying {
    fn find_or_create(&self, slot: usize) -> (Pointer, bool) {
        take_or_create(&mut self.0.0.lock().unwrap(), slot, Kref::get_unless_zero)
    }

    fn put(&self, object: Pointer) -> bool {
        if !object.kref().put() {
            return false;
        }
        let mut slots = self.0.0.lock().unwrap();
        if slots[object.slot()] == object {
            slots[object.slot()] = Pointer::NULL;
        }
        true
    }

    fn into_slots(self) -> Slots {
        self.0.into_slots()
    }
}

fn every_object_dies_once<I: Index>() {
    let index = I::default();
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
    assert!(created > SLOTS, "nothing has died before the end");
    dead.into_iter().for_each(Pointer::bury);
}

#[test]
fn put_lock_and_get_under_the_mutex() {
    every_object_dies_once::<UnderMutex>();
}

#[test]
#[cfg(feature = "std")]
fn put_lock_and_get_under_the_read_lock() {
    every_object_dies_once::<UnderRwLock>();
}

#[test]
fn put_without_the_lock_and_get_unless_zero() {
    every_object_dies_once::<MayBeDying>();
}
