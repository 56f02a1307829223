//! Chapter 10: what a count does when it overflows.
//!
//! # The problem
//!
//! A path that forgets its put leaks one reference. If somebody can make the program take that path
//! 2^32 times, a count of 32 bits comes round to zero, the next put frees the object under all its
//! users, and a leak has become a use after free. That has been an exploit more than once.
//!
//! # Wrong
//!
//! A limit that is tested before the step:
//!
//! ```
//! # const LIMIT: u32 = 2;
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
#![doc = include_str!("code/saturation_wrong.rs")]
//! #
//! # fn main() {
//! #     let refs = AtomicU32::new(1);
//! #     assert!(get(&refs) && !get(&refs));
//! # }
//! ```
//!
//! ```text
//! thread A                       thread B                       count (limit 2)
//! --------                       --------                       ---------------
//! load: 1, still allowed                                        1
//!                                load: 1, still allowed         1
//! fetch_add                                                     2
//!                                fetch_add                      3   beyond the limit
//! ```
//!
//! If the limit is the last value before the wrap, one thread too many is all it takes. A panic
//! after the increment is no better: whoever catches it can go on to the wrap.
//!
//! # Right
//!
//! Where the limit is yours, test and step at once:
//!
//! ```
//! # const LIMIT: u32 = 2;
//! use kref::RefCount;
//!
#![doc = include_str!("code/saturation.rs")]
//! #
//! # fn main() {
//! #     let refs = RefCount::new(1);
//! #     assert!(get(&refs) && !get(&refs));
//! # }
//! ```
//!
//! Where there should be no limit, the count *saturates*:
//!
//! ```
//! use kref::RefCount;
//!
//! let refs = RefCount::new(RefCount::MAX);
//! refs.inc(); // one too many: reported, and from now on the count does not count
//! assert!(refs.is_saturated());
//! assert!(!refs.dec_and_test()); // it is never the last: the object leaks, and nothing worse
//! ```
//!
#![doc = include_str!("number_line.svg")]
//!
//! The common case is still one `fetch_add`, without a condition; a bad value is noticed
//! afterwards, and pinned to the *middle* of the bad half. Between the two steps other threads may
//! go on counting, so the pinned value must be far from both ends. It is 2^30 steps away, and for
//! each step a thread has to be stopped between its two instructions at the same time. No machine
//! has so many.
//!
//! The same goes for the other mistakes: an increment from zero (somebody revives the dead), a put
//! too many. Each is reported once, with the place of the call, to the hook of
//! [`report`](crate::report).
//!
//! # Proof
//!
//! `saturation` in `tests/guide/chapters.rs`; `every_misuse_saturates`, `saturated_is_never_last`
//! and `limit_holds` in `tests/model/refcount.rs`; `gets_and_puts_at_once_do_not_leave_saturation`
//! in `tests/misuse/saturation.rs`.
//!
//! # Cost
//!
//! Hardly any: 1.00 of a bare pair whose results are used, 1.03 to 1.08 of one whose results are
//! dropped (`benches/refcount.rs`).
