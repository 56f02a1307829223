//! Chapter 15: what makes an object leak.
//!
//! # The problem
//!
//! The rest of this guide prefers a leak to any other fault, but a leak is still a fault. There are four
//! kinds: no thread was told that its put was the last; a put was forgotten; references form a cycle;
//! the count saturated.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! The first kind, which is usually written as `if Arc::strong_count(&x) == 1` in a `Drop`:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/leaks_wrong.rs")]
//! #
//! # fn main() { put(&World::new(Kref::new())) }
//! ```
//!
//! ```text
//! thread A                       thread B                       count
//! --------                       --------                       -----
//! count is 2: not the last                                      2
//!                                count is 2: not the last       2
//! put                                                           1
//!                                put                            0   and no thread frees it
//! ```
//!
//! # Right
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/leaks.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Kref::new());
//! #     put(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! The decrement itself answers the question. Exactly one of all the puts is told that it was the last.
//! Every such result is `#[must_use]`, so the compiler warns if you ignore it. For owned values the same
//! question is [`Ref::into_inner`](crate::Ref::into_inner).
//!
//! The other kinds:
//!
//! - *A forgotten put.* A pointer that owns its reference ([`Ref`](crate::Ref),
//!   [`IntrusiveRef`](crate::IntrusiveRef), [`Handle`](crate::Handle)) drops it on every path, also
//!   after an error or a panic. Use raw counts only where such pointers cannot be used.
//! - *A cycle.* Count in one direction only: children count their parents, and parents *list*
//!   their children ([`parents`](super::parents)).
//! - *Saturation.* Set a report hook ([`report`](crate::report)), and treat each report as a bug.
//!
//! # Cost
//!
//! There is no cost: the put decrements the count in any case.
//!
//! # Proof
//!
//! `leaks` in `tests/guide/chapters.rs`; `decide_by_reading_the_count` in `tests/model/wrong.rs`;
//! `into_inner_twice` in `tests/model/refs.rs`. The models end by asserting that nothing is left.
//!
//! ---
//!
//! Previous: [14](super::uniqueness) · [contents](super) · next: [16. Counts that many processors touch](super::many_cores)

#![doc(alias("strong_count == 1"))]
