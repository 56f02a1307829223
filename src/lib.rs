//! Lockless reference counts and the patterns around them, after the Linux kernel's `atomic_t`,
//! `refcount_t`, `kref` and `llist`, as safe Rust types and as the primitives under them.
//!
//! A table finds objects that several threads share, and must not keep them alive: whoever lets go last
//! takes the object out. Written by hand that races, because between the last decrement and the lock
//! somebody finds the object. The kernel's answer is the put that takes the lock *before* the count becomes
//! zero, and only then: what is in the table, under the lock, is alive. [`Kref::put_lock`] is this put;
//! the maps do it for you:
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::Registry;
//!
//! static SESSIONS: Registry<u64, String> = Registry::new(); // holds no reference
//!
//! let alice = SESSIONS.get_or_insert_with(7, |id| format!("session {id}"));
//! let again = SESSIONS.get(&7).unwrap(); // found without a lock, and alive
//!
//! drop(alice);
//! drop(again); // the last handle takes it out of the table
//! assert!(SESSIONS.get(&7).is_none());
//! # }
//! ```
//!
//! # Map of the crate
//!
//! - [`atomic`]: what `std`'s atomics lack: conditional read-modify-write operations and the
//!   compare-and-swap loop, for every integer width, `bool` and pointers.
//! - [`RefCount`]: the saturating reference count (`refcount_t`); [`report`]: who is told when one is
//!   misused.
//! - [`Kref`]: get and put over a [`RefCount`] (`struct kref`), with the put that takes a lock for
//!   the last reference only; [`HandBack`]: the same without a loop; [`lock`]: what they need of a
//!   lock. [`RcuRef`]: a count for what is found without a lock, in memory that outlives the puts
//!   (`rcuref_t`).
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
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(all(target_has_atomic = "32", target_has_atomic = "ptr")))]
compile_error!(
    "kref needs compare-and-swap on 32-bit and pointer-sized words, which this target does not have"
);

#[cfg(feature = "alloc")]
extern crate alloc;

/// The code in the README runs.
#[cfg(all(doctest, feature = "registry"))]
#[doc = include_str!("../README.md")]
struct Readme;

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
mod kref;
pub mod llist;
pub mod lock;
mod pace;
mod rcuref;
mod refcount;
mod refs;
#[cfg(feature = "registry")]
pub mod registry;
pub mod report;
#[cfg(feature = "registry")]
mod table;

pub use crate::handback::HandBack;
#[cfg(feature = "registry")]
pub use crate::interner::{Interned, Interner};
pub use crate::kref::Kref;
#[cfg(feature = "alloc")]
pub use crate::llist::LList;
pub use crate::rcuref::RcuRef;
pub use crate::refcount::{Frozen, RefCount};
#[cfg(feature = "alloc")]
pub use crate::refs::{CloneToUninit, Ref, UniqueRef, Wake};
pub use crate::refs::{IntrusiveRef, RefCounted};
// What the macro `unsize!` calls.
#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use crate::refs::Coerce;
#[cfg(feature = "registry")]
pub use crate::registry::{Handle, Registry};
