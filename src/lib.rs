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

#[cfg(feature = "registry")]
extern crate alloc;

pub mod atomic;
mod handback;
#[cfg(feature = "registry")]
pub mod interner;
mod kref;
pub mod lock;
mod refcount;
#[cfg(feature = "registry")]
pub mod registry;
pub mod report;
#[cfg(feature = "registry")]
mod table;
#[cfg(feature = "registry")]
mod deep {
    pub(crate) unsafe fn drop_in_place_deep<T: ?Sized>(value: *mut T) {
        unsafe { core::ptr::drop_in_place(value) }
    }
}

pub use crate::handback::HandBack;
#[cfg(feature = "registry")]
pub use crate::interner::{Interned, Interner};
pub use crate::kref::Kref;
pub use crate::refcount::{Frozen, RefCount};
#[cfg(feature = "registry")]
pub use crate::registry::{Handle, Registry};
