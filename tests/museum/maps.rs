//! What the maps of live objects hold in the models.

use std::hash::{BuildHasher, Hash, Hasher};

use loom::cell::UnsafeCell;

/// Gives all keys one hash, so that every lookup compares them.
#[derive(Clone, Copy)]
pub struct OneHash;

impl BuildHasher for OneHash {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for OneHash {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        0
    }
}

/// A value that knows whether it is alive: loom reports a use that does not come before its drop, and
/// a second drop.
pub struct Value(UnsafeCell<u32>);

impl Value {
    pub fn new(value: u32) -> Self {
        Self(UnsafeCell::new(value))
    }

    pub fn get(&self) -> u32 {
        // SAFETY: loom reports it if this races with the drop.
        self.0.with(|value| unsafe { *value })
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: loom reports it if this races with a use.
        self.0.with_mut(|value| unsafe { *value = u32::MAX });
    }
}

// SAFETY: loom reports races of the cell.
unsafe impl Sync for Value {}

// As keys of an interner.

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}
