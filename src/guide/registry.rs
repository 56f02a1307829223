//! Chapter 13: all of it as one safe type.
//!
//! # The problem
//!
//! One object for each key, for as long as some thread uses it: sessions by number, open files by path,
//! shared tables by name. Two users of one key must get the same object.
//!
//! # Wrong
//!
//! The usual code:
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Arc, Mutex, Weak};
//!
#![doc = include_str!("code/registry_wrong.rs")]
//! #
//! # fn main() {
//! #     let table = Arc::new(Table::default());
//! #     let (first, second) = (open(&table, 7), open(&table, 7));
//! #     assert!(Arc::ptr_eq(&first, &second));
//! # }
//! ```
//!
//! ```text
//! the last user                  another thread                 table
//! -------------                  --------------                 -----
//! the count becomes zero                                        7: first (dead)
//!                                lock, upgrade fails
//!                                insert another, unlock         7: second
//! destructor: lock, remove 7                                    (empty)
//!                                open 7 again                   7: third
//!                                now there are two of number 7
//! ```
//!
//! `if Arc::strong_count(&x) == 1` instead of a destructor has the same gap, and leaks as well
//! ([`leaks`](super::leaks)).
//!
//! # Right
//!
//! ```
//! use kref::{Handle, Registry};
//!
#![doc = include_str!("code/registry.rs")]
//! #
//! # fn main() {
//! #     let table = Registry::new();
//! #     let (first, second) = (open(&table, 7), open(&table, 7));
//! #     assert!(Handle::ptr_eq(&first, &second));
//! #     assert_eq!(first.id, 7);
//! #     drop((first, second));
//! #     assert!(table.is_empty());
//! # }
//! ```
//!
//! A [`Registry`](crate::Registry) combines three earlier chapters: a lookup without a lock
//! ([9](super::no_common_lock)), a put that is one decrement and takes a lock only if it was the last
//! ([12](super::hand_back)), and a count that saturates ([10](super::saturation)). The object leaves the
//! table before it is destroyed. It is found there by its address, so that it never removes the entry of
//! another object. Constructors and destructors run without a lock, and may use the registry.
//!
//! [`Interner`](crate::Interner) is the same for values that are their own keys.
//!
//! # Cost
//!
//! To find and drop one of 100,000 keys takes <!--f:hit-dashmap-1-->0.58 to 0.60<!--f--> of the time of a `DashMap` of `Weak` on one
//! thread and <!--f:hit-dashmap-2-->0.30 to 0.45<!--f--> on two. An entry from `u64` to `u64`
//! takes <!--f:bytes-registry-->56.6<!--f--> bytes, compared with <!--f:bytes-dashmap-->70.7<!--f--> in a map of `Weak`. The table of instructions
//! and locks is in [`kref::registry`](crate::registry).
//!
//! # Proof
//!
//! `registry` in `tests/guide/chapters.rs`; `insert_beside_last_put`, `two_constructors` and
//! `recycled_for_a_constructor` in `tests/model/registry.rs`; what user code may do to it:
//! `a_destructor_may_use_the_registry` in `tests/registry/hostile.rs`.
//!
//! ---
//!
//! Previous: [12](super::hand_back) · [contents](super) · next: [14. Exclusive access, or how to know that no other reference exists](super::uniqueness)
