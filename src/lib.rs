#![cfg_attr(feature = "registry", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Map of the crate
//!
//! - [`atomic`]: what `std`'s atomics lack: conditional read-modify-write operations and the
//!   compare-and-swap loop, for every integer width, `bool` and pointers.
//! - [`RefCount`]: the saturating reference count (`refcount_t`); [`report`]: who is told when one is
//!   misused.
//! - [`Kref`]: get and put over a [`RefCount`] (`struct kref`), with the put that takes a lock for
//!   the last reference only; [`HandBack`]: the same without a loop; [`lock`]: what they need of a
//!   lock.
//! - [`Ref`]: an owning pointer to a shared value with a count of 4 bytes, and [`UniqueRef`], the
//!   same before anybody else has it; [`IntrusiveRef`]: the owning pointer to an object that has its
//!   count ([`RefCounted`]) wherever it wants.
//! - [`registry`]: a map of live objects that forgets each with its last [`Handle`]; [`interner`]: the
//!   same for values that are their own keys.
//! - [`llist`]: the lock-free list (`llist`), of values and of objects that carry their node.

#![cfg_attr(
    feature = "registry",
    doc = "- [`guide`]: the patterns one by one, what goes wrong without them and why; the functions of the
  kernel and of `Arc`, and what to use for them here; what everything costs."
)]

#[cfg(not(all(target_has_atomic = "32", target_has_atomic = "ptr")))]
compile_error!(
    "kref needs compare-and-swap on 32-bit and pointer-sized words, which this target does not have"
);

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod atomic;
#[cfg(feature = "alloc")]
mod deep;
mod forward;
// Prose, and its examples. It is no part of the crate that is compiled into programs.
#[cfg(all(any(doc, doctest), feature = "registry"))]
pub mod guide;
mod handback;
#[cfg(feature = "registry")]
pub mod interner;
mod intrusive;
mod kref;
pub mod llist;
pub mod lock;
mod refcount;
#[cfg(feature = "alloc")]
mod refs;
#[cfg(feature = "registry")]
pub mod registry;
pub mod report;
#[cfg(feature = "registry")]
mod table;

pub use crate::handback::HandBack;
#[cfg(feature = "registry")]
pub use crate::interner::{Interned, Interner};
pub use crate::intrusive::{IntrusiveRef, RefCounted};
pub use crate::kref::Kref;
#[cfg(feature = "alloc")]
pub use crate::llist::LList;
pub use crate::refcount::{Frozen, RefCount};
#[cfg(feature = "alloc")]
pub use crate::refs::{Ref, UniqueRef};
#[cfg(feature = "registry")]
pub use crate::registry::{Handle, Registry};
