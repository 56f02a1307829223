//! Chapter 2: one more, unless there is none.
//!
//! # The problem
//!
//! An object is found by somebody who holds no reference to it: in a table, through a pointer that
//! is not counted. It may be dying. The finder wants a reference if the object is alive, and to be
//! told if it is not. (That the memory is still a count is another matter: see
//! [`weak_pointers`](super::weak_pointers) and [`no_common_lock`](super::no_common_lock).)
//!
//! # Wrong
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
//! finder                         the last user                  count
//! ------                         -------------                  -----
//! load: 1, so it is alive                                       1
//!                                fetch_sub: it was the last     0
//!                                destroy the object
//! fetch_add                                                     1   of nothing
//! use the object, after its end
//! ```
//!
//! Between "it is not zero" and "one more" the answer has become wrong. Looking once more
//! afterwards does not help: the look would be followed by a gap just like this one.
//!
//! # Right
//!
//! The question and the increment are one step:
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
//! [`Kref::get_unless_zero`](crate::Kref::get_unless_zero). Zero is final: nothing but a new life
//! of the memory leads away from it. (For a count that may come back from zero, see
//! [`hand_back`](super::hand_back).)
//!
//! It is Acquire, because a use of the object begins here that nothing else orders. The kernel
//! relies on the branch on the result; Rust's memory model does not know that, and neither do its
//! compilers.
//!
//! # Proof
//!
//! `inc_not_zero` in `tests/guide/chapters.rs`; for the shipped counts, two and three threads,
//! `inc_not_zero_never_revives` in `tests/model/refcount.rs`.
//!
//! # Cost
//!
//! One compare-and-swap that succeeds, more if others interfere: the price of not knowing. Who
//! holds a reference knows, and uses [`get`](crate::Kref::get), which is one `fetch_add`.
//!
//! [`RcuRef`](crate::RcuRef) asks with one `fetch_add`, too: zero is not final for it, until the last put
//! has marked the count dead. For that a put looks at the count when its reference is gone, so that the
//! memory has to outlive it: as under RCU.
