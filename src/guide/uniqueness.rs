//! Chapter 14: knowing that nobody else has it.
//!
//! # The problem
//!
//! Who is alone with an object may change it in place, or reuse it. So the count is read: one means
//! alone.
//!
//! # Wrong
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::RefCount; type Slot = stage::Slot<RefCount>;
#![doc = include_str!("code/uniqueness_wrong.rs")]
//! #
//! # fn main() { assert!(change(&Slot::new(RefCount::new(1), 1), 2)) }
//! ```
//!
//! ```text
//! owner                          finder                         count
//! -----                          ------                         -----
//! count is 1: alone                                             1
//!                                found: inc_not_zero            2
//!                                begin to read the object
//! write the object               read half of each
//! ```
//!
//! An answer that was true when it was given is not a permission. There are two more ways to be
//! wrong. The read may be Relaxed, and then even the *earlier* users are not behind it. And there
//! may be a kind of reference that this count does not count: so a page that was shared after all
//! was written in place in Linux, in 2020 (CVE-2020-29374).
//!
//! # Right
//!
//! Do not ask; claim. One compare-and-swap takes the count from one to zero, and with zero
//! everybody else is refused:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::RefCount; type Slot = stage::Slot<RefCount>;
#![doc = include_str!("code/uniqueness.rs")]
//! #
//! # fn main() {
//! #     let s = Slot::new(RefCount::new(1), 1);
//! #     assert!(change(&s, 2));
//! #     s.refs.inc();
//! #     assert!(!change(&s, 3));
//! # }
//! ```
//!
//! [`RefCount::try_freeze`](crate::RefCount::try_freeze) gives the references back when its guard
//! is dropped; [`RefCount::dec_if_one`](crate::RefCount::dec_if_one) is the claim to destroy. On a
//! pointer it is [`Ref::try_unique`](crate::Ref::try_unique). Where the only way to a new reference
//! is an old one, `&mut` of the only one keeps everybody out, and
//! [`Ref::get_mut`](crate::Ref::get_mut) may look. A [`Handle`](crate::Handle) has no such method:
//! its index can hand out another at any time.
//!
//! Reads of a count are called [`count_hint`](crate::Ref::count_hint): for a log, not for an `if`.
//!
//! # Proof
//!
//! `uniqueness` in `tests/guide/chapters.rs`; `freeze_beside_inc_not_zero` and
//! `dec_if_one_against_inc_not_zero` in `tests/model/refcount.rs`; `get_mut_beside_the_clone` in
//! `tests/model/refs.rs`.
//!
//! # Cost
//!
//! One compare-and-swap, and one more to give back.

#![doc(alias("Arc::strong_count == 1", "strong_count", "page_count", "is_unique"))]
