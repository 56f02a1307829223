//! The counts. None of them owns what it counts.
//!
//! | module | count | its put that may be the last |
//! |---|---|---|
//! | `refcount` | [`RefCount`], which saturates: all the others but two are made of it | what the caller does with it |
//! | `kref` | [`Kref`], in an object | takes the lock of the caller's index |
//! | `handback` | [`HandBack`], in an object | the same, by one `fetch_sub` without a loop |
//! | `rcuref` | [`RcuRef`], whose get is one `fetch_add` at any value | marks the count as dead |
//! | `sharded` | [`ShardedCount`](sharded::ShardedCount), with a word for each processor | is found after a kill only |
//! | `drain` | [`Drain`], of the users of a service | wakes the threads that wait for it |
//!
//! `zone` has the numbers from which a count that was misused does not come back.

#[cfg(feature = "std")]
mod drain;
mod handback;
mod kref;
mod rcuref;
mod refcount;
#[cfg(all(feature = "alloc", target_has_atomic = "64"))]
pub mod sharded;
mod zone;

#[cfg(feature = "std")]
pub use self::drain::{Drain, Drained, Token};
pub use self::handback::HandBack;
pub use self::kref::Kref;
pub use self::rcuref::RcuRef;
pub use self::refcount::{Frozen, RefCount};
pub(crate) use self::zone::Zone;
