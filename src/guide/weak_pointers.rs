//! Chapter 6: an index that does not count, under a lock.
//!
//! # The problem
//!
//! A table finds live objects, and must not keep them alive. So it holds pointers that are not
//! counted: *weak pointers*. Two things may be wrong with a pointer that was found: the object may
//! be dying (its count is zero, and its last user is on the way to take it out of the table), and
//! it may be gone (the memory is something else). The first is a question to the count. The second
//! must not happen while somebody looks at the count.
//!
//! # Wrong
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/weak_pointers_wrong.rs")]
//! #
//! # fn main() { assert!(find(&World::new(Kref::new()))) }
//! ```
//!
//! ```text
//! finder                         the last user
//! ------                         -------------
//! lock, find the pointer, unlock
//!                                put: that was the last
//!                                lock, unlist, unlock
//!                                free the memory
//! get_unless_zero on free memory
//! ```
//!
//! # Right
//!
//! The look-up and the question are one critical section. The memory cannot go while the lock is
//! held: to free it, the last user has to take it off the list first.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/weak_pointers.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Kref::new());
//! #     assert!(find(&w));
//! #     put(&w);
//! #     assert!(find(&w));
//! #     put(&w);
//! #     put(&w);
//! #     assert!(w.is_freed() && !find(&w));
//! # }
//! ```
//!
//! So a *weak pointer* needs no weak count. But the table lists, for a moment, objects that are
//! dead. A lookup must skip them, and an insertion under the same key meets one in its place. It
//! cannot wait for it to go while it holds the lock; it has to replace it, and then the last user
//! must not strike off his successor. That is more cases than it seems, which is why there is the
//! [next chapter](super::put_lock).
//!
//! # Proof
//!
//! `weak_pointers` in `tests/guide/chapters.rs`; `put_and_find_unless_zero` in
//! `tests/model/kref.rs`, with a mutex and with a read-write lock.
//!
//! # Cost
//!
//! A put is one `fetch_sub`, and a lock for the last. A lookup is a compare-and-swap under the
//! lock, and may fail.
