//! Chapter 15: what keeps an object for ever.
//!
//! # The problem
//!
//! A leak is the mistake that the rest of this guide prefers to all others; it is still one. It
//! comes in four kinds: nobody was told that he was the last; a put was forgotten; references go
//! round in a circle; the count saturated.
//!
//! # Wrong
//!
//! The first kind, which is usually spelt `if Arc::strong_count(&x) == 1` in a `Drop`:
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
//!                                put: nobody looks              0   and nobody frees it
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
//! The decrement is the question. Of all the puts exactly one is told that it was the last, and the
//! compiler warns who does not listen: every such result is `#[must_use]`. By value, it is
//! [`Ref::into_inner`](crate::Ref::into_inner).
//!
//! The other kinds:
//!
//! - *A forgotten put.* A pointer that owns its reference ([`Ref`](crate::Ref),
//!   [`IntrusiveRef`](crate::IntrusiveRef), [`Handle`](crate::Handle)) puts it on every path, also
//!   on that of an error or a panic. Use raw counts only where pointers cannot go.
//! - *A circle.* Count in one direction only: children count their parents, and parents *list*
//!   their children ([`parents`](super::parents)).
//! - *Saturation.* Set a hook ([`report`](crate::report)), and treat what it says as a bug.
//!
//! # Proof
//!
//! `leaks` in `tests/guide/chapters.rs`; `decide_by_reading_the_count` in `tests/model/wrong.rs`;
//! `into_inner_twice` in `tests/model/refs.rs`. The models end by asserting that nothing is left.
//!
//! # Cost
//!
//! None: the decrement is made in any case.

#![doc(alias("strong_count == 1"))]
