//! Keeps the last entries that were put: a bounded list of handles, from which the least recently put one is dropped.
//!
//! Neither of the caches knows of this list. An entry in the list only has one more handle: it is found as before, and
//! it leaves the cache when the list drops its handle and there is no other. (An entry's parents have no place of their
//! own in the list: the entry keeps them.)

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use crate::cache::Cached;

/// The last entries that were put. With room for none it keeps none.
pub(crate) struct Kept<D>(Option<Mutex<LruCache<usize, D>>>);

impl<D: Cached> Kept<D> {
    pub(crate) fn new(room: usize) -> Self {
        Self(NonZeroUsize::new(room).map(|room| Mutex::new(LruCache::new(room))))
    }

    /// Keeps an entry, in front of all others.
    pub(crate) fn keep(&self, dentry: D) {
        let Some(list) = &self.0 else { return };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = list.push(dentry.id(), dentry);
        // In this order: the last put of an entry, and of its parents, is made with the list unlocked.
        drop(list);
        drop(dropped);
    }
}
