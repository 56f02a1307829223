//! The owning pointers.
//!
//! | module | pointer | where the count is |
//! |---|---|---|
//! | `shared` | [`Ref`] | in the 4 bytes in front of the value |
//! | `unique` | [`UniqueRef`] | the same; it is zero, as the value is not shared |
//! | `intrusive` | [`IntrusiveRef`] | where the object's own type wants it |
//!
//! `memory` allocates what `Ref` and `UniqueRef` point to (and [`WeakRef`](crate::weak::WeakRef), which has
//! a module of its own), and finds the header from the value; `fill` puts values there. `uninit` has values that are written later, `clone` copies values whose size is known at run time only.
//! `convert` and `unsize` turn values of other types into a `Ref`, and one `Ref` into another.
//! `wake` makes a waker of a `Ref`. All of these need a heap; `intrusive` does not.

#[cfg(feature = "alloc")]
mod clone;
#[cfg(all(doctest, feature = "alloc"))]
mod compile_fail;
#[cfg(feature = "alloc")]
pub(crate) mod convert;
#[cfg(feature = "alloc")]
pub(crate) mod fill;
mod intrusive;
#[cfg(feature = "alloc")]
pub(crate) mod memory;
#[cfg(feature = "alloc")]
mod shared;
#[cfg(feature = "alloc")]
mod uninit;
#[cfg(feature = "alloc")]
mod unique;
#[cfg(feature = "alloc")]
mod unsize;
#[cfg(feature = "alloc")]
mod wake;

#[cfg(feature = "alloc")]
pub use self::clone::CloneToUninit;
pub use self::intrusive::{IntrusiveRef, RefCounted};
#[cfg(feature = "alloc")]
pub use self::shared::Ref;
#[cfg(feature = "alloc")]
pub use self::unique::UniqueRef;
#[cfg(feature = "alloc")]
pub use self::unsize::Coerce;
#[cfg(feature = "alloc")]
pub use self::wake::Wake;
