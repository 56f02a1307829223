//! Other crates, with the hashers they come with.

use std::hash::{Hash, Hasher};

use internment::ArcIntern;

use crate::Map;

/// `ArcIntern` interns values; here they are entries that are equal if their keys are. It has one map
/// for each type, hence the number.
pub struct Intern<const MAP: u8>;

/// A key and its value.
#[derive(Debug)]
pub struct Keyed<const MAP: u8> {
    key: u64,
    value: u64,
}

impl<const MAP: u8> PartialEq for Keyed<MAP> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<const MAP: u8> Eq for Keyed<MAP> {}

impl<const MAP: u8> Hash for Keyed<MAP> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl<const MAP: u8> Map for Intern<MAP> {
    type Handle = ArcIntern<Keyed<MAP>>;

    fn new() -> Self {
        Self
    }

    #[inline]
    fn get(&'static self, key: u64) -> Option<Self::Handle> {
        // It has no lookup that does not insert.
        Some(self.get_or_insert(key, 0))
    }

    #[inline]
    fn get_or_insert(&'static self, key: u64, value: u64) -> Self::Handle {
        ArcIntern::new(Keyed { key, value })
    }

    #[inline]
    fn value(handle: &Self::Handle) -> u64 {
        handle.value
    }

    fn len(&self) -> usize {
        ArcIntern::<Keyed<MAP>>::num_objects_interned()
    }
}
