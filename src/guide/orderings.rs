//! Chapter 4: why get is Relaxed and put is not.
//!
//! # The problem
//!
//! A count is right whatever the ordering: additions do not get lost. What the ordering decides is
//! when the *object's* memory is seen, and the count is what stands between the last use of the
//! object by one thread and its destruction by another.
//!
//! # Wrong
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
//! # type World = stage::World<AtomicU32>;
#![doc = include_str!("code/orderings_wrong.rs")]
//! #
//! # fn main() { put(&World::new(AtomicU32::new(1))) }
//! ```
//!
//! Nothing obliges the processor, or the compiler, to finish the use before the decrement:
//!
//! ```text
//! thread A                       thread B                       count
//! --------                       --------                       -----
//! fetch_sub                                                     1
//!                                fetch_sub: it was the last     0
//!                                destroy the object
//! the use, which came first in
//! the program, arrives now
//! ```
//!
//! On x86 no ordinary test will show it, as its atomic instructions are barriers. The compiler may
//! do it even there, and the processor of a telephone does.
//!
//! # Right
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::{Acquire, Relaxed, Release}};
//!
//! # type World = stage::World<AtomicU32>;
#![doc = include_str!("code/orderings.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(AtomicU32::new(1));
//! #     get(&w);
//! #     put(&w);
//! #     put(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! - **Put is Release.** Whatever the putter did with the object stays before its decrement.
//! - **The last put is Acquire besides.** The destruction stays after the decrement, and so after
//!   everything that any decrement before it has released. All writes to a count are
//!   read-modify-writes, and these carry a release on, so that one Acquire meets *all* the
//!   Releases, not only the latest.
//! - It is Acquire only when last. The others destroy nothing, so they have nothing to wait for.
//!   The Acquire is a second, cheap look at the count, rather than a fence, because race detectors
//!   do not understand fences.
//! - **Get is Relaxed.** Its caller uses the object already, so its right to do so is not new. And
//!   whatever brings the new reference to another thread (a channel, a lock, a spawn) orders what
//!   that thread sees.
//! - **Get-unless-zero is Acquire**, because its caller's right *is* new: chapter
//!   [9](super::no_common_lock).
//!
//! # Proof
//!
//! `orderings` in `tests/guide/chapters.rs` and `relaxed_decrement` in `tests/model/wrong.rs`. And
//! for every ordering in the crate: `docs/orderings.md` in the repository lists each, weakened by
//! one step, with the test that fails then.
//!
//! # Cost
//!
//! On x86 all of it is free. On Arm a Release decrement is one bit in the instruction, and the
//! Acquire happens once in the object's life.
