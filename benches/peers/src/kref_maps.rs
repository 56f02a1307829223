//! Kref's registry.

use kref::{Handle, Registry};

use crate::Map;

impl Map for Registry<u64, u64> {
    type Handle = Handle<u64, u64>;

    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Self::Handle> {
        self.get(&key)
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle {
        self.try_insert(key, value)
            .unwrap_or_else(|occupied| occupied.existing)
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        **handle
    }

    fn len(&self) -> usize {
        self.len()
    }
}

/// The registry with the constructor that runs with no lock held.
pub struct Constructing(Registry<u64, u64>);

impl Map for Constructing {
    type Handle = Handle<u64, u64>;

    fn new() -> Self {
        Self(Registry::new())
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Self::Handle> {
        self.0.get(&key)
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle {
        self.0.get_or_insert_with(key, |_| value)
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        **handle
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
