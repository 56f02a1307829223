//! Chapter 1: the compare-and-swap loop, by the example of a maximum.
//!
//! # The problem
//!
//! Several threads measure something and keep the largest value in one atomic. Std has `fetch_max`,
//! which is right, and writes every time: each call takes the cache line away from all other
//! processors, although the maximum soon hardly ever grows.
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
//! Store only if the value is still the one that was compared; if not, compare again with the one
//! that was found.
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
//! All conditional operations have this shape, with another condition:
//! [`cas_loop`](crate::atomic::AtomicExt::cas_loop) is the shape, and
//! [`raise_to`](crate::atomic::AtomicExt::raise_to) this very function, for every integer.
//!
//! Three things to know of the loop:
//!
//! - Some thread always gets on: a round is lost only because another thread's round was won (or
//!   the processor failed without a reason, as `compare_exchange_weak` may). That is *lock-free*. A
//!   single thread may lose many rounds, so it is not *wait-free*.
//! - It compares values. A value that has changed and changed back looks as if nothing had happened
//!   (the *ABA problem*). Here that is as good as nothing; [`lists`](super::lists) has a case where
//!   it is not.
//! - When there is nothing to do, it writes nothing. That is the whole gain.
//!
//! # Proof
//!
//! `raise_to` in `tests/guide/chapters.rs`: two threads raise the maximum to 1 and to 2; the right
//! code ends with 2 in every interleaving, the wrong code does not. Over random values, `raise_to`
//! is compared with `fetch_max` by `tests/properties/atomic.rs`.
//!
//! # Cost
//!
//! A load, when the value is not larger. Where it mostly is not, 0.13 of the time of `fetch_max` on
//! one thread, 0.04 on two (`benches/atomic.rs`).
