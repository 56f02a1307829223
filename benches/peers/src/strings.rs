//! Maps from `String` to `Arc<u64>`: keys and values that have to be dropped.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::{Arc, Weak};

use crossbeam_utils::CachePadded;
use kref::Registry;
use parking_lot::Mutex;

use crate::Hasher;

/// A map of live objects with keys and values that have to be dropped.
pub trait StringMap: Sync + 'static {
    /// Owns one reference to an object; the last takes it out of the map.
    type Handle: Send;

    /// An empty map.
    fn new() -> Self;
    /// The object with this key, or a new one.
    fn get_or_insert(&'static self, key: String, value: Arc<u64>) -> Self::Handle;
    /// The value of an object.
    fn value(handle: &Self::Handle) -> u64;
}

impl StringMap for Registry<String, Arc<u64>> {
    type Handle = kref::Handle<String, Arc<u64>>;

    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn get_or_insert(&'static self, key: String, value: Arc<u64>) -> Self::Handle {
        self.try_insert(key, value)
            .unwrap_or_else(|occupied| occupied.existing)
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        ***handle
    }
}

/// Sixty-four hash maps of `Weak`, each under a lock of parking_lot.
pub struct Sharded([CachePadded<Shard>; 64]);

type Shard = Mutex<HashMap<String, Weak<Object>, Hasher>>;

/// An object that takes itself out of its map.
pub struct Object {
    key: String,
    value: Arc<u64>,
    map: &'static Sharded,
}

impl Sharded {
    #[inline]
    fn shard(&self, key: &str) -> &Shard {
        &self.0[(Hasher.hash_one(key) >> 50) as usize % 64]
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        let mut shard = self.map.shard(&self.key).lock();
        // It is another's entry if a thread has found this object dead and put a new one in its place.
        if shard
            .get(&self.key)
            .is_some_and(|weak| std::ptr::eq(weak.as_ptr(), self))
        {
            shard.remove(&self.key);
        }
    }
}

impl StringMap for Sharded {
    type Handle = Arc<Object>;

    fn new() -> Self {
        Self(std::array::from_fn(|_| CachePadded::default()))
    }

    #[inline]
    fn get_or_insert(&'static self, key: String, value: Arc<u64>) -> Self::Handle {
        let mut shard = self.shard(&key).lock();
        // The map needs a key of its own, for as long as the object may be gone and its entry not.
        let entry = shard.entry(key.clone());
        if let Entry::Occupied(entry) = &entry
            && let Some(object) = entry.get().upgrade()
        {
            return object;
        }
        let map = self;
        let object = Arc::new(Object { key, value, map });
        entry.insert_entry(Arc::downgrade(&object));
        object
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        *handle.value
    }
}
