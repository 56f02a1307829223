// The front page is the README. Here its links lead to the items themselves: of two definitions of a link Markdown takes
// the first.
//! [`Registry`]: Registry
//! [`Registry::entry`]: Registry::entry
//! [`Interner`]: Interner
//! [`KeyLock`]: KeyLock
//! [`Ref`]: Ref
//! [`UniqueRef`]: UniqueRef
//! [`WeakRef`]: WeakRef
//! [`Padded`]: Padded
//! [`ShardedRef`]: ShardedRef
//! [`ShardedCount`]: ShardedCount
//! [`Drain`]: Drain
//! [`IntrusiveRef`]: IntrusiveRef
//! [`RefCounted`]: RefCounted
//! [`HandBack`]: HandBack
//! [`RcuRef`]: RcuRef
//! [`LList`]: LList
//! [`llist::intrusive`]: llist::intrusive
//! [`RefCount`]: RefCount
//! [`RefCount::try_freeze`]: RefCount::try_freeze
//! [`Kref::put_lock`]: Kref::put_lock
//! [`Kref::get_unless_zero`]: Kref::get_unless_zero
//! [`report`]: report
//! [`track`]: track
//! [`atomic::AtomicExt`]: atomic::AtomicExt
//! [`Backend`]: atomic::Backend
#![cfg_attr(
    all(any(doc, doctest), feature = "registry"),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(feature = "registry"),
    doc = "Reference counts for objects that several threads share and find through a table, after the Linux kernel's
`kref`, `refcount_t` and `llist`. The README, and these pages with the feature `registry`, have more."
)]
// Without a feature, links to what it brings lead nowhere; the text is the same.
#![cfg_attr(
    not(all(
        feature = "registry",
        feature = "deep",
        feature = "serde",
        feature = "loom"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(
    not(all(target_has_atomic = "32", target_has_atomic = "ptr")),
    not(feature = "portable-atomic")
))]
compile_error!(
    "kref needs compare-and-swap on 32-bit and pointer-sized words, which this target does not have; the feature `portable-atomic` brings it"
);

#[cfg(feature = "alloc")]
extern crate alloc;

// The public modules stand in the order of need, which docs.rs shows.

#[cfg(feature = "registry")]
pub mod registry;

#[cfg(feature = "registry")]
pub mod interner;

// Prose, and its examples. It is no part of the crate that is compiled into programs.
#[cfg(all(any(doc, doctest), feature = "registry"))]
#[cfg_attr(docsrs, doc(auto_cfg = false))]
pub mod guide;

#[cfg(feature = "alloc")]
pub mod weak;

#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
pub mod sharded;

pub mod llist;

pub mod lock;

pub mod report;

pub mod track;

pub mod atomic;

#[cfg(feature = "alloc")]
mod deep;
#[cfg(feature = "std")]
mod drain;
mod forward;
mod handback;
mod interop;
mod kref;
mod pace;
mod padded;
mod rcuref;
mod refcount;
mod refs;
#[cfg(feature = "registry")]
mod table;
mod zone;

// Maps of live objects.
#[cfg(feature = "registry")]
#[doc(inline)]
pub use crate::interner::{Interned, Interner};
#[cfg(feature = "registry")]
#[doc(inline)]
pub use crate::registry::{Handle, KeyGuard, KeyLock, Registry};

// What owns objects.
#[cfg(feature = "alloc")]
pub use crate::refs::{CloneToUninit, Ref, UniqueRef, Wake};
pub use crate::refs::{IntrusiveRef, RefCounted};
#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
#[doc(inline)]
pub use crate::sharded::{ShardedCount, ShardedRef};
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use crate::weak::{Weak, WeakRef};
// What the macro `unsize!` calls.
#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use crate::refs::Coerce;

// Waiting, and handing over.
#[cfg(feature = "std")]
pub use crate::drain::{Drain, Drained, Token};
#[cfg(feature = "alloc")]
#[doc(inline)]
pub use crate::llist::LList;

// Counts.
pub use crate::handback::HandBack;
pub use crate::kref::Kref;
pub use crate::padded::Padded;
pub use crate::rcuref::RcuRef;
pub use crate::refcount::{Frozen, RefCount};

// Other crates.
#[cfg(feature = "serde")]
pub use crate::interop::serde;
