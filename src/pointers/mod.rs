//! What owns objects: the pointers.
//!
//! | module | pointers | where the count is |
//! |---|---|---|
//! | `refs` | [`Ref`], [`UniqueRef`], [`IntrusiveRef`] | in front of the value, or in a field of it |
//! | `weak` | [`WeakRef`](weak::WeakRef), [`Weak`](weak::Weak) | in front of the value |
//! | `sharded` | [`ShardedRef`] | a block of its own, with a word for each processor |
//!
//! `padded` keeps a value off the cache line of its count. `forward` has what every pointer does as its value does, and `deep`
//! lets destructors nest. The handles of the maps use both.

#[cfg(feature = "alloc")]
pub(crate) mod deep;
pub(crate) mod forward;
mod padded;
mod refs;
#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
mod sharded;
#[cfg(feature = "alloc")]
pub mod weak;

pub use self::padded::Padded;
#[cfg(feature = "alloc")]
pub use self::refs::{CloneToUninit, Coerce, Ref, UniqueRef, Wake};
pub use self::refs::{IntrusiveRef, RefCounted};
#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
pub use self::sharded::ShardedRef;
