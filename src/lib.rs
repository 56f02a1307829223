#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Map of the crate
//!
//! - [`atomic`]: what `std`'s atomics lack: conditional read-modify-write operations and the
//!   compare-and-swap loop, for every integer width, `bool` and pointers.
//! - [`RefCount`]: the saturating reference count (`refcount_t`).
//! - [`Kref`]: get and put over a [`RefCount`] (`struct kref`), with the put that takes a lock for
//!   the last reference only.
//! - [`lock`]: what the put needs of a lock.
//! - [`report`]: what happens when a count is misused.

#[cfg(not(all(target_has_atomic = "32", target_has_atomic = "ptr")))]
compile_error!(
    "kref needs compare-and-swap on 32-bit and pointer-sized words, which this target does not have"
);

#[cfg(feature = "alloc")]
extern crate alloc;

pub mod atomic;
mod kref;
pub mod llist;
pub mod lock;
mod refcount;
pub mod report;

pub use crate::kref::Kref;
#[cfg(feature = "alloc")]
pub use crate::llist::LList;
pub use crate::refcount::{Frozen, RefCount};
