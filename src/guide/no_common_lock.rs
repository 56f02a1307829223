//! Chapter 9: when no lock covers both the lookup and the put.
//!
//! # The problem
//!
//! A lookup without any lock. The finder has read a pointer and is then interrupted for a long
//! time; the object may have died meanwhile. That its memory is not given back to the allocator is
//! the first condition, and must be arranged: memory that is only ever used for the same type
//! (*type-stable*: the kernel's `SLAB_TYPESAFE_BY_RCU`), or a grace period. Then the count can be
//! asked. But type-stable memory may be *another object* by now.
//!
//! # Wrong
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
//! finder of 7                    another thread                 slot
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
//! First the reference, then the question which object it is; not the other way round, as the
//! answer is only good while the reference is held.
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
//! - The finder may be the *last* user of the wrong object: his put has to be able to destroy.
//! - `inc_not_zero` must be Acquire, and the count of the new object set with Release, last of all:
//!   else the finder may see the new count and the old key. The kernel's connection tracking had
//!   exactly this mistake, on Arm.
//! - If objects can be taken out of the index while they are in use, the recheck has to ask that as
//!   well.
//!
//! # Proof
//!
//! `no_common_lock` in `tests/guide/chapters.rs`; `set_release_publishes` in
//! `tests/model/refcount.rs`; `recycled_under_a_lookup` in `tests/model/registry.rs`.
//!
//! # Cost
//!
//! One compare-and-swap and one comparison for what is found, and memory that is not given back at
//! once. [`Registry`](crate::Registry) finds its objects in this way. With [`RcuRef`](crate::RcuRef) it is one
//! addition instead of the compare-and-swap.

#![doc(alias("SLAB_TYPESAFE_BY_RCU"))]
