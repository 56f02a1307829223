//! Chapter 11: handing over without a lock.
//!
//! # The problem
//!
//! Many threads produce, one or more consume, and no thread should wait for a lock. A stack with one
//! word for its head looks simple: push and pop are compare-and-swap loops as in [chapter
//! 1](super::raise_to).
//!
//! # Wrong
//!
//! The list, whose push is right (nodes are numbers here, as the model has no allocator):
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::{AcqRel, Acquire, Relaxed}};
//!
#![doc = include_str!("code/lists_push.rs")]
#![doc = "\n// The pop is not:"]
#![doc = include_str!("code/lists_wrong.rs")]
//! #
//! # fn main() {
//! #     let list = List { head: AtomicU32::new(0), next: [0; 3].map(AtomicU32::new) };
//! #     push(&list, 1);
//! #     assert_eq!((pop(&list), pop(&list)), (1, 0));
//! # }
//! ```
//!
//! ```text
//! pop                            another consumer               list
//! ---                            ----------------               ----
//! head is 1, its next is 2                                      1 - 2
//!                                pop: 1                         2
//!                                pop: 2, and keep it            (empty)
//!                                push 1 again                   1
//! head is 1, as before: make it 2                               2, which is the other's
//! ```
//!
//! That is the *ABA problem*. With nodes on the heap it is worse: the other consumer frees node 1,
//! and reading its `next` is a use after free. The kernel's `llist_del_first` therefore needs a
//! lock among consumers.
//!
//! # Right
//!
//! Do not take one node. Take all:
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering::AcqRel};
//! # use std::sync::atomic::Ordering::Relaxed;
//!
#![doc = include_str!("code/lists.rs")]
//! #
#![doc = "# struct List { head: AtomicU32 }"]
//! # fn main() {
//! #     let list = List { head: AtomicU32::new(1) };
//! #     assert_eq!((take_all(&list), take_all(&list)), (1, 0));
//! # }
//! ```
//!
//! A swap does not compare, so nothing can wrongly look unchanged. The chain that comes out has one
//! owner, which walks it without an atomic operation. The newest value is first;
//! [`Chain::reverse`](crate::llist::Chain::reverse) makes the chain a queue, batch by batch.
//!
//! [`LList`](crate::LList) is this list for plain values,
//! [`intrusive::List`](crate::llist::intrusive::List) for objects that carry their node. A
//! [`Consumer`](crate::llist::Consumer) pops one at a time from a chain that it has taken. Its type
//! admits one consumer at a time, so the wrong pop cannot be written.
//!
//! The push returns whether the list was empty. The thread that gets `true` wakes the consumer. How a
//! consumer goes to sleep without missing the wake-up is in [`llist`](crate::llist#the-wake-up-edge).
//!
//! # Cost
//!
//! A push is one compare-and-swap; taking everything is one swap. Compared with crossbeam's `SegQueue`
//! (`benches/llist.rs`): to push 64 values and take all takes <!--f:llist-64-queue-1-->0.52 to 0.58<!--f--> of the time; from one
//! thread to another, intrusive nodes take <!--f:list-queue-2-->0.33 to 0.43<!--f-->, and values in an
//! `LList` <!--f:llist-queue-2-->0.85 to 1.57<!--f-->.
//!
//! # Proof
//!
//! `lists` in `tests/guide/chapters.rs`; `push_beside_take`, `two_takes_beside_push` and
//! `pop_beside_push_and_take` in `tests/model/llist.rs`; the two ways to sleep:
//! `parked_consumer_is_woken` and `flagged_consumer_that_only_looks_sleeps_for_ever` in
//! `tests/model/llist.rs`.
//!
//! ---
//!
//! Previous: [10](super::saturation) · [contents](super) · next: [12. The put without a loop](super::hand_back)
