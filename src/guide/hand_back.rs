//! Chapter 12: the put without a loop.
//!
//! # The problem
//!
//! The put of [chapter 7](super::put_lock) is a compare-and-swap loop, because it has to decline at
//! one. One `fetch_sub` is cheaper and never has to try again. But then the count reaches zero
//! *before* the lock is taken, and a lookup may come in between.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! Let the lookup revive the object, and let the put read the count again under the lock:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::{AcqRel, Relaxed}};
//!
//! # type World = stage::World<AtomicU32>;
#![doc = include_str!("code/hand_back_wrong.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(AtomicU32::new(1));
//! #     assert!(find(&w));
//! #     put(&w);
//! #     put(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! ```text
//! put P                          lookup F                       count
//! -----                          --------                       -----
//! put: it was the last                                          0
//!                                lock, found: get, unlock       1
//!                                put: it was the last           0   two wait for the lock
//!                                lock, zero: remove, unlock
//!                                free the object
//! lock, and look at the count
//! of an object that is gone
//! ```
//!
//! # Right
//!
//! The mistake is that two threads have made the step to zero. While one put is *pending* (at
//! zero, and waiting for the lock), the count must not come to zero again. So a lookup that sees zero adds
//! two: its own reference, and the reference of the pending put, which it *hands back*.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::{AcqRel, Relaxed}};
//!
//! # type World = stage::World<AtomicU32>;
#![doc = include_str!("code/hand_back.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(AtomicU32::new(1));
//! #     assert!(find(&w));
//! #     put(&w);
//! #     put(&w);
//! #     assert!(w.is_freed() && !find(&w));
//! # }
//! ```
//!
//! <div style="overflow-x:auto">
#![doc = include_str!("hand_back.svg")]
//! </div>
//!
//! Why it holds, in one line: *count = references + (one, if the pending put's was handed back)*. While a put is
//! pending, the count is either zero (no lookup came) or at least one, because a lookup has restored the reference
//! of the put, which only the pending put can drop. So there is never a second pending put, and the object is freed
//! once. Until it has the lock, the pending put may read the object, to find the lock through it. Its thread may be
//! stopped before it has the lock for any time, while other threads make and drop any number of references.
//!
//! In return, a thread that finds the object under the lock must use
//! [`get_locked`](crate::HandBack::get_locked), and the count may read zero, or one too many, for a
//! moment.
//!
//! # Cost
//!
//! A put that is not the last is one `fetch_sub`, the instruction of a [`Ref`](crate::Ref)'s drop,
//! and never a retry. That is [`HandBack`](crate::HandBack), and the count of every
//! [`Handle`](crate::Handle).
//!
//! # Proof
//!
//! `hand_back` in `tests/guide/chapters.rs`; `put_and_two_finds` in `tests/model/handback.rs`
//! also counts that every reference that is handed back is taken back once; `tests/stops/handback.rs` stops the put at each of
//! its instructions.
//!
//! ---
//!
//! Previous: [11](super::lists) · [contents](super) · next: [13. All of it as one safe type](super::registry)
