//! Chapter 6: an index that does not count, under a lock.
//!
//! # The problem
//!
//! A table lists live objects, and must not keep them alive. So it holds *uncounted pointers* (not
//! `std::sync::Weak`, which has a count of its own). Two things may be wrong with a pointer that a
//! reader found. The object may be dying: its count is zero, and its last user is about to remove it
//! from the table. Or the object may be freed, and the memory may be something else. The count tells the
//! first. The second must not happen while a thread reads the count.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
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
//! reader                         the last user
//! ------                         -------------
//! lock, find the pointer, unlock
//!                                put: that was the last
//!                                lock, remove it, unlock
//!                                free the memory
//! get_unless_zero on free memory
//! ```
//!
//! # Right
//!
//! The lookup and the test of the count are one critical section. The memory cannot be freed while the
//! lock is held, because the last user has to remove the object from the table first, under the lock.
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
//! So an uncounted pointer needs no weak count. But for a moment the table lists dead objects. A lookup
//! must skip them, and an insertion with the same key finds one in its place. The insertion cannot wait
//! for the dead object to leave while it holds the lock. It has to replace the entry, and then the last
//! user of the dead object must not remove the new entry. The [next chapter](super::put_lock) avoids these
//! cases.
//!
//! # Cost
//!
//! A put is one `fetch_sub`; the last put also takes the lock. A lookup is a compare-and-swap under the
//! lock, and may fail.
//!
//! # Proof
//!
//! `weak_pointers` in `tests/guide/chapters.rs`; `put_and_find_unless_zero` in
//! `tests/model/kref.rs`, with a mutex and with a read-write lock.
//!
//! ---
//!
//! Previous: [5](super::parents) · [contents](super) · next: [7. The put that takes the lock](super::put_lock)
