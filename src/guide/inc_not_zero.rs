//! Chapter 2: increment a count unless it is zero.
//!
//! # The problem
//!
//! A thread finds an object to which it holds no reference: in a table, through an uncounted pointer.
//! The object may be dying. The thread wants a reference if the object is alive, and wants to be told
//! if it is not. (That the memory still contains a count is another question: see
//! [`weak_pointers`](super::weak_pointers) and [`no_common_lock`](super::no_common_lock).)
//!
//! # Wrong
//!
//! (`Slot` is memory that always contains a count and a value: [how to read the code](super#how-to-read-the-chapters).)
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::{Acquire, Relaxed}};
//!
//! # type Slot = stage::Slot<AtomicU32>;
#![doc = include_str!("code/inc_not_zero_wrong.rs")]
//! #
//! # fn main() { assert!(get_unless_zero(&Slot::new(AtomicU32::new(1), 42))) }
//! ```
//!
//! ```text
//! reader                         the last user                  count
//! ------                         -------------                  -----
//! load: 1, so it is alive                                       1
//!                                fetch_sub: it was the last     0
//!                                destroy the object
//! fetch_add                                                     1   of nothing
//! use the object, after its end
//! ```
//!
//! Between the load and the increment the answer has become wrong. To load the count once more
//! afterwards does not help: another gap follows that load.
//!
//! # Right
//!
//! The test and the increment are one atomic step:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use kref::atomic::AtomicExt;
//! use std::sync::atomic::{AtomicU32, Ordering::Acquire};
//!
//! # type Slot = stage::Slot<AtomicU32>;
#![doc = include_str!("code/inc_not_zero.rs")]
//! #
//! # fn main() {
//! #     assert!(get_unless_zero(&Slot::new(AtomicU32::new(1), 42)));
//! #     assert!(!get_unless_zero(&Slot::new(AtomicU32::new(0), 42)));
//! # }
//! ```
//!
//! That is [`AtomicExt::inc_not_zero`](crate::atomic::AtomicExt::inc_not_zero); on a count that
//! also notices overflow, [`RefCount::inc_not_zero`](crate::RefCount::inc_not_zero); on an object,
//! [`Kref::get_unless_zero`](crate::Kref::get_unless_zero). Zero is final until the memory is
//! reused for a new object. (For a count that may come back from zero, see
//! [`hand_back`](super::hand_back).)
//!
//! The operation is Acquire, because it begins a use of the object that nothing else orders. The
//! kernel relies on the branch on the result (a control dependency). Rust's memory model has no
//! control dependencies, and its compilers do not preserve them.
//!
//! # Cost
//!
//! It is one successful compare-and-swap, and a failed one for each interference. A caller that already holds
//! a reference uses [`get`](crate::Kref::get) instead: one `fetch_add`.
//!
//! [`RcuRef`](crate::RcuRef) does it with one `fetch_add`: for that count, zero is not final until the last put
//! has marked the count dead. Its put reads the count after its own reference is gone, so the memory has
//! to outlive the put, as it does under RCU.
//!
//! # Proof
//!
//! `inc_not_zero` in `tests/guide/chapters.rs`; for the shipped counts, two and three threads,
//! `inc_not_zero_never_revives` in `tests/model/refcount.rs`.
//!
//! ---
//!
//! Previous: [1](super::raise_to) · [contents](super) · next: [3. Who may take a reference, and when](super::reference_counting)
