//! Pointers that dereference to the same place wherever they are moved.

use stable_deref_trait::{CloneStableDeref, StableDeref};

#[cfg(feature = "registry")]
use crate::{Handle, Interned, interner::Stored, lock::LockBackend};
use crate::{IntrusiveRef, RefCounted};
#[cfg(feature = "alloc")]
use crate::{Ref, UniqueRef, WeakRef, atomic::Backend};

// SAFETY: the value is in the heap, and `deref` returns its address.
#[cfg(feature = "alloc")]
unsafe impl<T: ?Sized, B: Backend> StableDeref for Ref<T, B> {}
// SAFETY: a clone points to the same value.
#[cfg(feature = "alloc")]
unsafe impl<T: ?Sized, B: Backend> CloneStableDeref for Ref<T, B> {}

// SAFETY: as for `Ref`.
#[cfg(feature = "alloc")]
unsafe impl<T: ?Sized, B: Backend> StableDeref for WeakRef<T, B> {}
// SAFETY: a clone points to the same value.
#[cfg(feature = "alloc")]
unsafe impl<T: ?Sized, B: Backend> CloneStableDeref for WeakRef<T, B> {}

// SAFETY: as for `Ref`, and there is no claim to be the only pointer that a move would renew, as a `Box`
// makes it.
#[cfg(feature = "alloc")]
unsafe impl<T: ?Sized, B: Backend> StableDeref for UniqueRef<T, B> {}

// SAFETY: `RefCounted` promises that the object stays where it is.
unsafe impl<T: ?Sized + RefCounted> StableDeref for IntrusiveRef<T> {}
// SAFETY: a clone points to the same object.
unsafe impl<T: ?Sized + RefCounted> CloneStableDeref for IntrusiveRef<T> {}

// SAFETY: an object has one place in its registry's memory as long as it has a handle.
#[cfg(feature = "registry")]
unsafe impl<K, V, B: LockBackend> StableDeref for Handle<K, V, B> {}
// SAFETY: a clone points to the same object.
#[cfg(feature = "registry")]
unsafe impl<K, V, B: LockBackend> CloneStableDeref for Handle<K, V, B> {}

// SAFETY: a value has one place in its interner's memory as long as it has a reference.
#[cfg(feature = "registry")]
unsafe impl<T: Stored + ?Sized, B: LockBackend> StableDeref for Interned<T, B> {}
// SAFETY: a clone points to the same value.
#[cfg(feature = "registry")]
unsafe impl<T: Stored + ?Sized, B: LockBackend> CloneStableDeref for Interned<T, B> {}
