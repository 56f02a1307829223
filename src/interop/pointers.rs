//! serde's traits for the pointers: a pointer is serialized as its value.

#![forbid(unsafe_code)]

use alloc::boxed::Box;

use serde_core::{Deserialize, Deserializer, Serialize, Serializer};

use crate::atomic::Backend;
use crate::{IntrusiveRef, Ref, RefCounted, UniqueRef, Weak, WeakRef};

impl<T: ?Sized + Serialize, B: Backend> Serialize for Ref<T, B> {
    /// Serializes the value. That it is shared is not recorded: each reference is a copy in the output.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for Ref<T>
where
    Box<T>: Deserialize<'de>,
{
    /// Deserializes a value, and allocates it: each one on its own, whatever was shared.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Self::from)
    }
}

impl<T: ?Sized + Serialize, B: Backend> Serialize for WeakRef<T, B> {
    /// Serializes the value. That it is shared is not recorded: each reference is a copy in the output.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: ?Sized> Deserialize<'de> for WeakRef<T>
where
    Box<T>: Deserialize<'de>,
{
    /// Deserializes a value, and allocates it: each one on its own, whatever was shared.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::deserialize(deserializer).map(Self::from)
    }
}

impl<T: ?Sized + Serialize, B: Backend> Serialize for Weak<T, B> {
    /// Serializes what [`upgrade`](Weak::upgrade) returns: an option, `None` for a dead value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.upgrade().serialize(serializer)
    }
}

impl<'de, T, B: Backend> Deserialize<'de> for Weak<T, B>
where
    T: Deserialize<'de>,
{
    /// Deserializes an option, and returns a pointer to no value: nobody has a reference to the value that was read.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(|_| Self::new_in())
    }
}

impl<T: ?Sized + Serialize, B: Backend> Serialize for UniqueRef<T, B> {
    /// Serializes the value.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for UniqueRef<T> {
    /// Deserializes a value, and allocates it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

impl<T: ?Sized + RefCounted + Serialize> Serialize for IntrusiveRef<T> {
    /// Serializes the object.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}
