//! Chapter 19: a `Weak` that is upgraded by one addition.
//!
//! # The problem
//!
//! Two counts: `strong` decides when the value is destroyed, `weak` when the memory is freed. An
//! upgrade asks for a strong reference, and must fail when no strong reference is left. The usual
//! upgrade is a compare-and-swap loop that refuses zero ([chapter 2](super::inc_not_zero)): of several
//! threads that upgrade at once, all but one have to try again.
//!
//! One `fetch_add` would do if zero were not the end. So let the end be a mark, which the last user sets by
//! compare-and-swap from zero. An upgrade that comes before the mark has saved the value. An upgrade that
//! comes after the mark finds it in the value that it replaced.
//!
//! # Wrong
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use std::sync::atomic::{AtomicU32, Ordering::*};
//! # type World = stage::World<Counts>;
#![doc = include_str!("code/upgrade_counts.rs")]
#![doc = include_str!("code/upgrade_wrong.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Counts { strong: AtomicU32::new(1), weak: AtomicU32::new(2) });
//! #     assert!(upgrade(&w));
//! # }
//! ```
//!
//! ```text
//! the last user                  an upgrader                    strong  weak
//! -------------                  -----------                    ------  ----
//!                                                               1       2
//! decrement: to zero                                            0       2
//!                                increment: from zero, alive    1       2
//!                                decrement: to zero             0       2
//!                                mark: dead; destroy            dead    2
//!                                decrement weak                 dead    1
//!                                drop its weak ref: free        dead    0
//! mark: on free memory
//! ```
//!
//! Two threads have taken `strong` to zero, and the value has one weak reference for the two of them.
//!
//! # Right
//!
//! The upgrade that finds zero begins a new group of strong references, and adds the weak reference of that
//! group. The former one belongs to the thread that is about to set the mark: if the mark fails, the thread
//! drops that weak reference, and touches nothing any more.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use std::sync::atomic::{AtomicU32, Ordering::*};
//! # type World = stage::World<Counts>;
#![doc = include_str!("code/upgrade_counts.rs")]
#![doc = include_str!("code/upgrade.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Counts { strong: AtomicU32::new(1), weak: AtomicU32::new(2) });
//! #     assert!(upgrade(&w));
//! #     put(&w);
//! #     put(&w);
//! #     assert!(!upgrade(&w));
//! #     put_weak(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! Between its two additions the upgrader borrows its own weak reference, which keeps the memory. And
//! `strong` cannot go to zero in between, because the upgrader's reference is counted.
//!
//! [`WeakRef`](crate::weak::WeakRef) adds what a pointer needs. Both counts saturate. Upgrades of a dead value,
//! which write as well, never bring it back. The last put needs no mark if there is no weak reference.
//!
//! # Proof
//!
//! `upgrade` in `tests/guide/chapters.rs`; `two_upgraders_beside_the_put` and
//! `put_beside_a_downgrade` in `tests/model/weak.rs`.
//!
//! # Cost
//!
//! An upgrade is one `fetch_add`, and a put is one `fetch_sub`. The last put also makes a compare-and-swap
//! and another `fetch_sub`. See `benches/weak.rs`.
//!
//! ---
//!
//! Previous: [18](super::how_we_know) · [contents](super) · next: [20. Which part of the program has a reference](super::who_holds)
