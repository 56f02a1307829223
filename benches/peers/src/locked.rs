//! The kernel's way by hand: a lock, a hash map of uncounted pointers under it, and a put that takes
//! the lock for the last reference only.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ptr::NonNull;

use kref::Kref;
use parking_lot::Mutex;

use crate::{Hasher, Map};

/// A map under one lock, parking_lot's.
pub struct Locked(Mutex<HashMap<u64, Listed, Hasher>>);

/// An uncounted pointer. What is listed is alive as long as the lock is held.
struct Listed(NonNull<Object>);

// SAFETY: the object is of integers and a `Sync` reference.
unsafe impl Send for Listed {}

struct Object {
    refs: Kref,
    key: u64,
    value: u64,
    map: &'static Locked,
}

/// Owns one reference.
pub struct Handle(NonNull<Object>);

// SAFETY: as for `Listed`.
unsafe impl Send for Handle {}

impl Handle {
    #[inline]
    fn object(&self) -> &Object {
        // SAFETY: the reference keeps the object.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        let Object { refs, key, map, .. } = self.object();
        let (key, map) = (*key, *map);
        if let Some(mut listed) = refs.put_lock(&map.0) {
            listed.remove(&key);
            drop(listed);
            // SAFETY: that was the last reference, and nobody finds the object any more.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

impl Map for Locked {
    type Handle = Handle;

    fn new() -> Self {
        Self(Mutex::default())
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Handle> {
        let listed = self.0.lock();
        let found = Handle(listed.get(&key)?.0);
        found.object().refs.get();
        Some(found)
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Handle {
        match self.0.lock().entry(key) {
            Entry::Occupied(found) => {
                let found = Handle(found.get().0);
                found.object().refs.get();
                found
            }
            Entry::Vacant(place) => {
                let refs = Kref::new();
                let map = self;
                let object = Box::new(Object {
                    refs,
                    key,
                    value,
                    map,
                });
                let object = NonNull::from(Box::leak(object));
                place.insert(Listed(object));
                Handle(object)
            }
        }
    }

    #[inline]
    fn value(handle: &Handle) -> u64 {
        handle.object().value
    }

    fn len(&self) -> usize {
        self.0.lock().len()
    }
}
