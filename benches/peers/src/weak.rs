//! Maps of `Weak`, as people write them, with the removal done right: the object's `Drop` takes the
//! lock and removes the entry if it is still its own. (It is not if somebody looked for the key between
//! the last drop and the lock, found the `Weak` dead, and put a new object in its place.)

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;
use dashmap::DashMap;
use parking_lot::Mutex;

use crate::{Hasher, Map};

/// An object that takes itself out of its map.
pub struct Object<M: Remove> {
    key: u64,
    value: u64,
    map: &'static M,
}

/// A map that its objects can leave.
pub trait Remove: Sync + 'static {
    /// Removes what is listed under the object's key, if it is this object.
    fn remove(&self, object: &Object<Self>)
    where
        Self: Sized;
}

impl<M: Remove> Drop for Object<M> {
    fn drop(&mut self) {
        self.map.remove(self);
    }
}

/// Hash maps, each under a lock of parking_lot.
pub struct Sharded<const SHARDS: usize = 64>([CachePadded<Shard<SHARDS>>; SHARDS]);

type Shard<const SHARDS: usize> = Mutex<HashMap<u64, Weak<Object<Sharded<SHARDS>>>, Hasher>>;

impl<const SHARDS: usize> Sharded<SHARDS> {
    #[inline]
    fn shard(&self, key: u64) -> &Shard<SHARDS> {
        &self.0[(Hasher.hash_one(key) >> 50) as usize % SHARDS]
    }
}

impl<const SHARDS: usize> Remove for Sharded<SHARDS> {
    #[inline]
    fn remove(&self, object: &Object<Self>) {
        let mut shard = self.shard(object.key).lock();
        if let Entry::Occupied(entry) = shard.entry(object.key)
            && std::ptr::eq(entry.get().as_ptr(), object)
        {
            entry.remove();
        }
    }
}

impl<const SHARDS: usize> Map for Sharded<SHARDS> {
    type Handle = Arc<Object<Self>>;

    fn new() -> Self {
        Self(std::array::from_fn(|_| CachePadded::default()))
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Self::Handle> {
        self.shard(key).lock().get(&key)?.upgrade()
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle {
        let map = self;
        let mut shard = self.shard(key).lock();
        let entry = shard.entry(key);
        if let Entry::Occupied(entry) = &entry
            && let Some(object) = entry.get().upgrade()
        {
            return object;
        }
        let object = Arc::new(Object { key, value, map });
        entry.insert_entry(Arc::downgrade(&object));
        object
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        handle.value
    }

    fn len(&self) -> usize {
        self.0.iter().map(|shard| shard.lock().len()).sum()
    }
}

/// A `DashMap` of `Weak`.
pub struct Dash<S: Send + Sync + Clone + BuildHasher + Default + 'static = Hasher>(
    DashMap<u64, Weak<Object<Self>>, S>,
);

/// With the hasher that `DashMap` has if none is named.
pub type DashSipHash = Dash<RandomState>;

impl<S: Send + Sync + Clone + BuildHasher + Default + 'static> Remove for Dash<S> {
    #[inline]
    fn remove(&self, object: &Object<Self>) {
        self.0
            .remove_if(&object.key, |_, weak| std::ptr::eq(weak.as_ptr(), object));
    }
}

impl<S: Send + Sync + Clone + BuildHasher + Default + 'static> Map for Dash<S> {
    type Handle = Arc<Object<Self>>;

    fn new() -> Self {
        Self(DashMap::default())
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Self::Handle> {
        self.0.get(&key)?.upgrade()
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle {
        use dashmap::Entry;
        let map = self;
        let entry = self.0.entry(key);
        if let Entry::Occupied(entry) = &entry
            && let Some(object) = entry.get().upgrade()
        {
            return object;
        }
        let object = Arc::new(Object { key, value, map });
        entry.insert(Arc::downgrade(&object));
        object
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        handle.value
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
