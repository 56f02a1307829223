//! Chapter 10: what a count does when it overflows.
//!
//! # The problem
//!
//! A path that forgets its put leaks one reference. If an attacker can make the program take that
//! path 2^32 times, a count of 32 bits comes round to zero, the next put frees the object under all
//! its users, and a leak has become a use after free. Exploits have used this more than once.
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
//! after the increment is no better: a program that catches it can go on to the wrap.
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
//! <div style="overflow-x:auto">
#![doc = include_str!("number_line.svg")]
//! </div>
//!
//! The common case is still one `fetch_add`, without a condition. A bad value is noticed
//! afterwards, by the thread that made the step too many, and that thread sets the count to the *middle* of the bad half. It
//! may be stopped before it does, for any time: it has two references, so the object stays alive until then. From then
//! on a step that leaves the count far from the middle moves it back. To leave the bad half anyway takes 2^29 threads,
//! each stopped between its two instructions at the same time. No machine has so many.
//!
//! A put that was not the last leaves the count alone, even if it finds more than [`MAX`](crate::RefCount::MAX): other
//! threads may drop all other references before its next instruction, and free the memory. (If what it found can only
//! be a saturated count, the object is never freed, and the put may move the count back.) Whether it was the last it decides
//! by the value that its own `fetch_sub` returned. A second look cannot tell: others may have dropped 2^30 references in
//! between. (The drop of a [`Ref`](crate::Ref) does look a second time. It may, because every clone beyond `MAX` sets the
//! count to the middle before it returns; the head of `src/counts/refcount/mod.rs` has the argument.)
//!
//! The other mistakes saturate, too: an increment from zero (the object was dead), a put
//! too many. Each is reported once, with the place of the call, to the hook of
//! [`report`](crate::report).
//!
//! # Cost
//!
//! A get and a put take <!--f:refcount-used-1-->0.99 to 1.00<!--f--> of the time of a bare pair whose results are used,
//! and <!--f:refcount-dropped-1-->1.01 to 1.03<!--f--> of one whose results are dropped (`benches/refcount.rs`).
//!
//! # Proof
//!
//! `saturation` in `tests/guide/chapters.rs`; `every_misuse_saturates`, `saturated_is_never_last`
//! and `limit_holds` in `tests/model/refcount.rs`; `gets_and_puts_at_once_do_not_leave_saturation`
//! in `tests/misuse/saturation.rs`; `tests/stops/refcount.rs`, where a thread stops between two instructions while others
//! drop 2^30 references.
//!
//! ---
//!
//! Previous: [9](super::no_common_lock) · [contents](super) · next: [11. Handing over without a lock](super::lists)
