//! Chapter 8: the same with readers that share the lock.
//!
//! # The problem
//!
//! The kernel has a put that takes a spinlock and a put that takes a mutex. It has none for a read-write
//! semaphore. With such a lock many lookups run at the same time: they take the lock *shared*. How does
//! the last put have to take it?
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! The put changes only the count, so shared seems to be enough:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref, stage::RwLock>;
#![doc = include_str!("code/read_write_semaphore_wrong.rs")]
//! #
//! # fn main() { put(&World::new(Kref::new())) }
//! ```
//!
//! ```text
//! the last user                  reader                         count
//! -------------                  ------                         -----
//! lock shared                    lock shared                    1
//!                                found: alive
//! put: that was the last                                        0
//!                                get, of an object that is dead
//! ```
//!
//! # Right
//!
//! The last put takes the *write* side. Then the argument of [chapter 7](super::put_lock) holds word for
//! word. Readers need not exclude one another. But no reader may hold the lock while the count goes from
//! one to zero and the object leaves the index.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref, stage::RwLock>;
#![doc = include_str!("code/read_write_semaphore.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Kref::new());
//! #     assert!(find(&w));
//! #     put(&w);
//! #     put(&w);
//! #     assert!(w.is_freed() && !find(&w));
//! # }
//! ```
//!
//! `get` under the shared lock is one atomic increment, and several readers may do it at the same time. [`Kref::put_lock`](crate::Kref::put_lock) takes any [`Lock`](crate::lock::Lock), and for a
//! read-write lock `Lock` is the write side, so that the wrong code cannot be written by accident.
//!
//! # Cost
//!
//! The cost is that of the lock. Lookups that share a lock still share its cache line, so many short lookups are not
//! much faster than with a mutex. The next chapter needs no lock.
//!
//! # Proof
//!
//! `read_write_semaphore` in `tests/guide/chapters.rs`; every model of `tests/model/kref.rs` runs
//! with a mutex and with a read-write lock. On real threads:
//! `a_reader_keeps_the_object_that_it_found` in `tests/locks.rs`.
//!
//! ---
//!
//! Previous: [7](super::put_lock) · [contents](super) · next: [9. When no lock covers both the lookup and the put](super::no_common_lock)

#![doc(alias("kref_put_rwsem", "down_write"))]
