//! Who still holds it: with the feature `track`, every reference remembers where it was taken.
//!
//! A count says how many references there are, and not whose. With the feature `track`, each
//! [`Ref`](crate::Ref), [`WeakRef`](crate::weak::WeakRef), `ShardedRef`, `Handle` and `Interned` records where it was made
//! (the caller's file and line), by which thread and when, with a tag if you give one
//! ([`Ref::clone_for`](crate::Ref::clone_for)), and with a backtrace if you ask for it. Objects that count by a
//! [`Kref`](crate::Kref) do the same with explicit tokens: [`Holders`].
//!
#![cfg_attr(
    all(feature = "track", feature = "registry"),
    doc = "```
use kref::{Handle, Registry, track};

let sessions = Registry::<u32, String>::new();
let alice = sessions.get_or_insert_with(42, |_| \"alice\".into());
let upload = Handle::clone_for(&alice, \"uploader\");

let report = track::report_of(&alice);
println!(\"{report}\"); // 2 holders of key 42: 1 from src/main.rs:4, 1 from src/main.rs:5 for \"uploader\", oldest 0 ms
# let report = report.to_string();
# assert!(report.starts_with(\"2 holders of key 42: 1 from \"), \"{report}\");
# assert!(report.contains(\" for \\\"uploader\\\", oldest 0 ms\"), \"{report}\");
assert!(Handle::is_held_by(&alice, \"uploader\"));
# drop(upload);
```"
)]
//!
//! # With the feature, and without
//!
//! | | without | with |
//! |---|---|---|
//! | size of a pointer | as ever | two words more |
//! | clone and drop | as ever | take a lock, read the clock, and may allocate |
//! | `clone_for`, [`Holders`] | clone; do nothing, in no bytes | record |
//! | `is_held_by`, `report_of`, `report_all`, `assert_all_dropped` | do not exist, as any answer would be wrong | answer |
//!
//! So code that only gives tags needs no `cfg`, and code that asks needs the feature. It is for tests and for finding a
//! leak: a library does not switch it on, as features of all users of a crate are added up.
//!
//! # Costs
//!
//! A get takes 50 ns and a put 18 ns (a clone and a drop of a `Ref`, one thread, what they use in the cache, on the machine of
//! `docs/benchmarks.md`, where reading the clock takes 23 ns). The bench `track` has the ratios. There is no lock for all: the
//! objects are spread over 256 by their addresses, and two objects share one by chance only. A holder takes 56 bytes, and an object 121 and its holders'
//! (both with the slack of a vector and a hash map, so up to twice as much), on 64 bits. A list of holders keeps its room until the object is gone, and the map of objects for good.
//!
//! # What is exact, and what is not
//!
//! - A record is made after its reference was counted, and ends before the reference is given up. So what a report names was held
//!   at that moment. A reference that is just being taken or dropped may be missing.
//! - A reference that was given away by `into_raw` is held as [`Kind::Raw`] from there, and from `from_raw` on as [`Kind::TakenBack`].
//!   Where an object has several, which of them was taken back is a guess, as the pointers are equal. Their
//!   number is exact.
//! - A reference that is forgotten (`mem::forget`) is held, as it keeps the object. If it is taken back by `from_raw` of the
//!   address that `as_ptr` gave, its record stays. Use `into_raw` to give references away.
//! - `IntrusiveRef`, `UniqueRef`, `Weak`, and the lookups that are under way, are not recorded.
//! - The location is the caller's. Where a trait is called by code of another crate (`collect` calls `Iterator::next`), it is a line of that crate:
//!   use `clone_for`, or backtraces. The same holds for what is `async`.
//! - If there is no memory for a record, the holder is counted as untracked.
//!
//! # Locks
//!
//! No user code runs while a lock of the tracker is held, with one exception: the global allocator. If that uses tracked
//! references itself, those that it takes are not recorded, and records of those that it drops while a record is being made stay.
//! When an object is destroyed, and what happens then, is the same as without the feature.
#![cfg_attr(
    not(feature = "track"),
    doc = "\n(This is the documentation without the feature `track`: most of the items are missing.)"
)]

#[cfg(all(feature = "alloc", not(feature = "track")))]
mod absent;
#[cfg(feature = "track")]
mod ask;
#[cfg(feature = "track")]
mod check;
mod holders;
#[cfg(feature = "track")]
mod list;
#[cfg(feature = "track")]
mod record;
#[cfg(feature = "track")]
mod report;
#[cfg(feature = "track")]
mod store;

#[cfg(all(feature = "alloc", not(feature = "track")))]
pub(crate) use self::absent::{Operation, Origin, Token};
#[cfg(all(feature = "track", feature = "registry"))]
pub(crate) use self::ask::all;
#[cfg(feature = "track")]
pub use self::ask::{Table, Tracked, report_all, report_of, report_process};
#[cfg(feature = "track")]
pub(crate) use self::ask::{at_address, is_held_by, object, sealed};
#[cfg(feature = "track")]
pub use self::check::{AllDropped, ReportLeft, assert_all_dropped};
pub use self::holders::{HolderId, Holders};
#[cfg(feature = "track")]
pub(crate) use self::record::Origin;
#[cfg(feature = "track")]
pub use self::record::capture_backtraces;
#[cfg(feature = "track")]
pub(crate) use self::report::at;
#[cfg(feature = "track")]
pub use self::report::{Group, Holder, ObjectReport, Report};
#[cfg(feature = "track")]
pub(crate) use self::store::{Operation, Token, object_in_operation};

/// Names the ways to hold a reference.
#[cfg(feature = "track")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// By a pointer, which drops it.
    Pointer,
    /// By a raw pointer: it was given away by `into_raw`, at the place that is named.
    Raw,
    /// By a pointer that took it back from a raw one by `from_raw`, at the place that is named.
    TakenBack,
    /// By a token of [`Holders`].
    Explicit,
}
