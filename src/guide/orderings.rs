//! Chapter 4: why get is Relaxed and put is not.
//!
//! # The problem
//!
//! The count itself is correct with any ordering: no addition gets lost. The ordering decides what a
//! thread sees of the *object*: only the count stands between the last use of the object by one thread
//! and its destruction by another.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
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
//! With Relaxed, neither the processor nor the compiler has to finish the use before the decrement:
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
//! On x86 no ordinary test shows this, as the atomic instructions there are barriers. The compiler may
//! reorder even there, and Arm processors do.
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
//! - **Put is Release.** Everything that the thread did with the object stays before its decrement.
//! - **The last put is also Acquire.** The destruction stays after the decrement, and so after
//!   everything that any earlier decrement has released. All writes to a count are read-modify-writes,
//!   and these continue a release sequence. So one Acquire pairs with *all* the Releases, not only with
//!   the latest.
//! - **Only the last put is Acquire.** The other puts destroy nothing, so they have nothing to wait for.
//!   The Acquire is a load after the last decrement, not a fence, because ThreadSanitizer does not
//!   understand fences.
//! - **Get is Relaxed.** Its caller already uses the object. The means by which the new reference reaches
//!   another thread (a channel, a lock, a spawn) orders what that thread sees.
//! - **Get-unless-zero is Acquire**, because its caller did not use the object before: chapter
//!   [9](super::no_common_lock).
//!
//! # Cost
//!
//! On x86 these orderings cost nothing. On Arm a Release decrement is another form of the same
//! instruction, and the Acquire happens once in an object's life.
//!
//! # Proof
//!
//! `orderings` in `tests/guide/chapters.rs` and `relaxed_decrement` in `tests/model/wrong.rs`. For
//! every ordering in the crate, `docs/orderings.md` in the repository names the test that fails when the
//! ordering is weakened by one step.
//!
//! ---
//!
//! Previous: [3](super::reference_counting) · [contents](super) · next: [5. Objects that keep their parents](super::parents)
