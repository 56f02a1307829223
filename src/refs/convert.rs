//! The conversions that need no more than the public constructors.

use super::{Ref, UniqueRef};

impl<T> From<T> for Ref<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T> From<T> for UniqueRef<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Ref<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Default> Default for UniqueRef<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
