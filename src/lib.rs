//! Reference counts for objects that several threads share and find through a table, after the Linux
//! kernel's `kref`, `refcount_t` and `llist`.
//!
//! A *get* adds a reference and a *put* drops one (the kernel's terms). Only the put that may drop the last
//! reference takes the table's lock. So a table can list objects without keeping them alive, and a lookup
//! never finds a dead one.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::Registry;
//!
//! static SESSIONS: Registry<u64, String> = Registry::new(); // holds no reference
//!
//! let alice = SESSIONS.get_or_insert_with(7, |id| format!("session {id}"));
//! let again = SESSIONS.get(&7).unwrap(); // found without a lock
//!
//! drop(alice);
//! drop(again); // the last handle: the entry leaves the table, then the value is dropped
//! assert!(SESSIONS.get(&7).is_none());
//! # }
//! ```
//!
//! # The race that this closes
//!
//! The usual code is a `Mutex<HashMap<K, Weak<V>>>`, with a `Drop` of the value that removes the entry:
//!
//! ```text
//! the thread that drops the last Arc      another thread                    table
//! strong count becomes 0                                                    7: first (dead)
//!                                         lock, upgrade fails
//!                                         insert a second value, unlock     7: second
//! Drop: lock, remove 7                                                      (empty)
//!                                         insert a third value              7: third
//!                                         now two values of key 7 are in use
//! ```
//!
//! The kernel's put-with-lock makes the step from one to zero while it holds the table's lock, and the
//! object leaves the table before the lock is released. [`Registry`] does this for you, with a form whose
//! put needs no loop ([`HandBack`]). [`Kref::put_lock`] is the primitive for your own index and lock.
//!
//! **The theorem.** Whatever other threads do, and however many there are: every put makes exactly one successful
//! decrement, one put is told that it was the last, with the lock held, and the object is then freed once, never used
//! afterwards, and never leaked. ([`HandBack`] makes a second decrement exactly when a lookup has handed its reference
//! back.) `proofs` in the repository has the proof, and `tests/traces` replays the steps of this code by it. It assumes
//! that operations happen one after another (the orderings are checked by models), that no count is misused or
//! has 2^31 references, and that lookups hold the lock. It does not say that a thread gets through.
//!
//! # I want ... -> use ...
//!
//! | I want | use | needs |
//! |---|---|---|
//! | a concurrent map that drops an entry when its last user drops it | [`Registry`] | `registry` |
//! | a place in that map for an object that another thread or an `await` will make | [`Registry::entry`] | `registry` |
//! | a lock for each key, that exists while it is used | [`KeyLock`] | `registry` |
//! | each distinct string or value stored once, while it is in use | [`Interner`] | `registry` |
//! | an `Arc` without weak references: a 4-byte header, deep structures drop without overflowing the stack | [`Ref`] | `alloc` |
//! | the same, not shared yet and so still mutable | [`UniqueRef`] | `alloc` |
//! | an `Arc` with `Weak` whose `upgrade` is one `fetch_add` | [`WeakRef`] | `alloc` |
//! | a value that is read while other threads clone and drop its references: not on the count's cache line | [`Padded`] | |
//! | an `Arc` that many threads clone and drop at once, each on a cache line of its own | [`ShardedRef`], or the bare [`ShardedCount`] | `alloc` |
//! | to wait until all users are gone, blocking or as a future | [`Drain`] | `std` |
//! | an owning pointer to an object that has its count in a field | [`IntrusiveRef`], [`RefCounted`] | |
//! | to hand work to another thread without a lock, and take all of it at once | [`LList`] | `alloc` |
//! | the same for objects that carry their node | [`llist::intrusive`] | |
//! | a count inside my own object, with my own index and lock | [`Kref::put_lock`] | |
//! | the same with a cheaper put: one `fetch_sub`, no loop | [`HandBack`] | |
//! | a reference to an object that I found without a lock, unless it is dying | [`Kref::get_unless_zero`] | |
//! | the same with one `fetch_add`, for objects freed through RCU, epochs or hazard pointers | [`RcuRef`] | |
//! | exclusive access: to prove that mine is the only reference | [`RefCount::try_freeze`] | |
//! | a count that cannot overflow into a use after free | [`RefCount`] | |
//! | conditional atomic operations, the compare-and-swap loop | [`atomic::AtomicExt`] | |
//! | to be told of misused counts | [`report`] | |
//! | to know who still holds an object, and that a test leaks nothing | [`track`] | `track` |
//!
//! What has nothing in the last column is `no_std` and needs no feature.

#![cfg_attr(
    feature = "registry",
    doc = "# Where to read on

- [`guide::recipes`]: whole programs for the common jobs.
- [`guide::alternatives`]: when to use something else. [`guide::limits`]: what is guaranteed, and what is not.
- [`guide`]: the patterns one by one: what goes wrong without them, and why. Tables from the kernel's functions and from
  `Arc`'s methods to this crate; what everything costs; which lock is taken when."
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

/// The code in the README runs.
#[cfg(all(doctest, feature = "registry"))]
#[doc = include_str!("../README.md")]
struct Readme;

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
