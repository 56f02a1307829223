//! Chapter 1: the compare-and-swap loop, by the example of a maximum.
//!
//! # The problem
//!
//! Several threads measure something and keep the largest value in one atomic. Std's `fetch_max` is
//! correct, but it writes every time: each call takes the cache line away from all other processors,
//! although the maximum soon hardly ever grows.
//!
//! # Wrong
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
#![doc = include_str!("code/raise_to_wrong.rs")]
//! #
//! # fn main() {
//! #     let max = AtomicU32::new(0);
//! #     raise(&max, 2);
//! #     assert_eq!(max.into_inner(), 2);
//! # }
//! ```
//!
//! ```text
//! raise(1)                       raise(2)                       max
//! --------                       --------                       ---
//! load: 0, and 1 is more                                        0
//!                                load: 0, and 2 is more         0
//!                                store 2                        2
//! store 1                                                       1   the 2 is lost
//! ```
//!
//! # Right
//!
//! Store only if the value is still the one that was compared. If it is not, compare again with the
//! value that was found.
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
#![doc = include_str!("code/raise_to.rs")]
//! #
//! # fn main() {
//! #     let max = AtomicU32::new(0);
//! #     raise(&max, 2);
//! #     raise(&max, 1);
//! #     assert_eq!(max.into_inner(), 2);
//! # }
//! ```
//!
//! All conditional operations have this shape and differ only in the condition.
//! [`cas_loop`](crate::atomic::AtomicExt::cas_loop) is the general form;
//! [`raise_to`](crate::atomic::AtomicExt::raise_to) is this function for every integer.
//!
//! Three properties of the loop:
//!
//! - It is *lock-free*: a round fails only because another thread's round succeeded (or because the
//!   processor failed without a reason, as `compare_exchange_weak` may), so some thread always makes
//!   progress. It is not *wait-free*: one thread may fail many times.
//! - It compares values. A value that has changed and changed back looks unchanged (the *ABA
//!   problem*). That is harmless here; [`lists`](super::lists) has a case where it is not.
//! - If the value need not change, the loop writes nothing. That is why it is faster.
//!
//! # Cost
//!
//! If the value is not larger, the cost is one load. If most values are not larger, `raise_to`
//! takes <!--f:raise-to-1-->0.04 to 0.25<!--f--> of the time of `fetch_max` on one thread and <!--f:raise-to-2-->0.01 to 0.04<!--f--> on two
//! (`benches/atomic.rs`).
//!
//! # Proof
//!
//! `raise_to` in `tests/guide/chapters.rs`: two threads raise the maximum to 1 and to 2; the right
//! code ends with 2 in every interleaving, and the wrong code ends with 1 in some. Over random values, `raise_to`
//! is compared with `fetch_max` by `tests/properties/atomic.rs`.
//!
//! ---
//!
//! [contents](super) · next: [2. Increment a count unless it is zero](super::inc_not_zero)
