//! Chapter 14: exclusive access, or how to know that no other reference exists.
//!
//! # The problem
//!
//! A thread that has the only reference to an object may change the object in place, or reuse it. So it
//! reads the count, and takes one to mean that no other reference exists.
//!
//! # Wrong
//!
//! (`Slot` is memory that always contains a count and a value: [how to read the code](super#how-to-read-the-chapters).)
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
//! owner                          reader                         count
//! -----                          ------                         -----
//! count is 1: alone                                             1
//!                                found: inc_not_zero            2
//!                                begin to read the object
//! write the object               read half of each
//! ```
//!
//! The answer was true when the count was read, and may be false when it is used. There are two more
//! mistakes of this kind. The read may be Relaxed; then it does not come after the uses of the *earlier*
//! owners. Or there are references that this count does not count: so Linux wrote in place to a page
//! that was still shared, in 2020 (CVE-2020-29374).
//!
//! # Right
//!
//! Claim instead of reading. One compare-and-swap takes the count from one to zero, and at zero every
//! try-get of another thread fails:
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
//! [`RefCount::try_freeze`](crate::RefCount::try_freeze) gives the references back when its guard is
//! dropped. [`RefCount::dec_if_one`](crate::RefCount::dec_if_one) is the claim to destroy. On a pointer the
//! claim is [`Ref::try_unique`](crate::Ref::try_unique). Where new references can only be made from old
//! ones, an exclusive borrow of the only pointer excludes all other threads, so
//! [`Ref::get_mut`](crate::Ref::get_mut) may read the count. A [`Handle`](crate::Handle) has no such method,
//! as its index can hand out another handle at any time.
//!
//! A read of a count is called [`count_hint`](crate::Ref::count_hint). Use it in a log, not in an `if`.
//!
//! # Cost
//!
//! The claim is one compare-and-swap, and giving the references back is another.
//!
//! # Proof
//!
//! `uniqueness` in `tests/guide/chapters.rs`; `freeze_beside_inc_not_zero` and
//! `dec_if_one_against_inc_not_zero` in `tests/model/refcount.rs`; `get_mut_beside_the_clone` in
//! `tests/model/refs.rs`.
//!
//! ---
//!
//! Previous: [13](super::registry) · [contents](super) · next: [15. What makes an object leak](super::leaks)

#![doc(alias("Arc::strong_count == 1", "strong_count", "page_count", "is_unique"))]
