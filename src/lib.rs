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

// The folders of the source, and what is public, in the order of need: docs.rs shows them in this order. `maps`, `pointers`
// and `counts` have no name in the API.

// Maps of live objects.
#[cfg(feature = "registry")]
mod maps;

#[cfg(feature = "registry")]
#[doc(inline)]
pub use crate::maps::registry::{self, Handle, KeyGuard, KeyLock, Registry};

#[cfg(feature = "registry")]
#[doc(inline)]
pub use crate::maps::interner::{self, Interned, Interner};

// Prose, and its examples. It is no part of the crate that is compiled into programs.
#[cfg(all(any(doc, doctest), feature = "registry"))]
#[cfg_attr(docsrs, doc(auto_cfg = false))]
pub mod guide;

// What owns objects.
mod pointers;

#[cfg(feature = "alloc")]
pub use crate::pointers::{CloneToUninit, Ref, UniqueRef, Wake};
pub use crate::pointers::{IntrusiveRef, RefCounted};

#[cfg(feature = "alloc")]
#[doc(inline)]
pub use crate::pointers::weak::{self, Weak, WeakRef};

#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
pub use crate::pointers::ShardedRef;

pub use crate::pointers::Padded;

// What the macro `unsize!` calls.
#[cfg(feature = "alloc")]
#[doc(hidden)]
pub use crate::pointers::Coerce;

// Counts.
mod counts;

#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
#[doc(inline)]
pub use crate::counts::sharded::{self, ShardedCount};

#[cfg(feature = "std")]
pub use crate::counts::{Drain, Drained, Token};

pub use crate::counts::{Frozen, HandBack, Kref, RcuRef, RefCount};

// Lists.
pub mod llist;

#[cfg(feature = "alloc")]
#[doc(inline)]
pub use crate::llist::LList;

// What all of them are made of.
pub mod lock;

pub mod report;

pub mod track;

pub mod atomic;

// Other crates.
mod interop;

#[cfg(feature = "serde")]
pub use crate::interop::serde;
