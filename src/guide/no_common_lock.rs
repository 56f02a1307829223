//! Chapter 9: when no lock covers both the lookup and the put.
//!
//! # The problem
//!
//! A lookup takes no lock at all. It has read a pointer and is then interrupted for a long time; the
//! object may die in between. The first condition is that the object's memory does not go back to the
//! allocator: it is only ever used for the same type (*type-stable*: the kernel's
//! `SLAB_TYPESAFE_BY_RCU`), or there is a grace period. Then the lookup can read the count. But
//! type-stable memory may contain *another object* by then.
//!
//! # Wrong
//!
//! (`Slot` is memory that always contains a count and a value: [how to read the code](super#how-to-read-the-chapters).)
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::RefCount; type Slot = stage::Slot<RefCount>;
#![doc = include_str!("code/no_common_lock_wrong.rs")]
//! #
//! # fn main() { assert!(find(&Slot::new(RefCount::new(1), 7), 7)) }
//! ```
//!
//! ```text
//! reader of 7                    another thread                 slot
//! -----------                    --------------                 ----
//! read the pointer: slot of 7                                   7, count 1
//!                                put 7: that was the last       -, count 0
//!                                use the slot for 8             8, count 1
//! inc_not_zero: true                                            8, count 2
//! use object 8 as if it were 7
//! ```
//!
//! # Right
//!
//! Take the reference first, and then ask which object it is. The other way round is wrong, as the
//! answer is valid only while the reference is held.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::RefCount; type Slot = stage::Slot<RefCount>; const NOTHING: u32 = 0;
#![doc = include_str!("code/no_common_lock.rs")]
//! #
//! # fn main() {
//! #     let s = Slot::new(RefCount::new(1), 7);
//! #     assert!(find(&s, 7) && !find(&s, 8));
//! #     put(&s);
//! #     put(&s);
//! #     assert!(!find(&s, 7));
//! #     reuse(&s, 8);
//! #     assert!(find(&s, 8));
//! # }
//! ```
//!
//! Three things are easy to miss:
//!
//! - The reader may become the *last* user of the wrong object, so its put has to be able to destroy it.
//! - `inc_not_zero` must be Acquire, and the count of the new object must be set last, with Release.
//!   Otherwise the reader may see the new count and the old key. The kernel's connection tracking had
//!   this bug, on Arm.
//! - If objects can be removed from the index while they are in use, the recheck has to ask for that as
//!   well.
//!
//! # Cost
//!
//! A hit costs one compare-and-swap and one comparison. Memory is not given back at once.
//! [`Registry`](crate::Registry) finds its objects in this way. [`RcuRef`](crate::RcuRef) needs one addition
//! instead of the compare-and-swap.
//!
//! # Proof
//!
//! `no_common_lock` in `tests/guide/chapters.rs`; `set_release_publishes` in
//! `tests/model/refcount.rs`; `recycled_under_a_lookup` in `tests/model/registry.rs`.
//!
//! ---
//!
//! Previous: [8](super::read_write_semaphore) · [contents](super) · next: [10. What a count does when it overflows](super::saturation)

#![doc(alias("SLAB_TYPESAFE_BY_RCU"))]
