//! The owning pointers.
//!
//! | module | pointer | where the count is |
//! |---|---|---|
//! | `shared` | [`Ref`] | in the 4 bytes in front of the value |
//! | `unique` | [`UniqueRef`] | the same; it is zero, as nobody shares the value |
//! | `intrusive` | [`IntrusiveRef`] | where the object's own type wants it |
//!
//! `memory` allocates what `Ref` and `UniqueRef` point to, and finds the count from the value. `slice`,
//! `unsize` and `convert` make a `Ref` from values of other types. The three need a heap, and so do
//! `shared` and `unique`; `intrusive` does not.

#[cfg(all(doctest, feature = "alloc"))]
mod compile_fail;
#[cfg(feature = "alloc")]
mod convert;
mod intrusive;
#[cfg(feature = "alloc")]
mod memory;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(feature = "alloc")]
mod slice;
#[cfg(feature = "alloc")]
mod unique;
#[cfg(feature = "alloc")]
mod unsize;

pub use self::intrusive::{IntrusiveRef, RefCounted};
#[cfg(feature = "alloc")]
pub use self::shared::Ref;
#[cfg(feature = "alloc")]
pub use self::unique::UniqueRef;
