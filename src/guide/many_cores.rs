//! Chapter 16: counts that many processors touch.
//!
//! # The problem
//!
//! Every clone and drop of a shared pointer writes its count. A processor can write a cache line only while it owns the line, and
//! it takes some fifty to a hundred nanoseconds to take the line from another processor. So eight threads that clone one
//! `Arc` are slower than one thread. The remedy is a count with several words, each in a line of its own:
//! a thread writes only its own word, its *shard*. The difficulty is to find the end, because no instruction
//! reads all the shards at once.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! Read the shards one after another:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use std::sync::atomic::{AtomicU32, Ordering::{AcqRel, Acquire, Relaxed}};
//!
//! # type World = stage::World<Count>;
#![doc = include_str!("code/many_cores_wrong.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Count { shards: [1, 0].map(AtomicU32::new) });
//! #     get(&w, 1);
//! #     put(&w, 0);
//! #     put(&w, 1);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! ```text
//! thread A                          thread B                          shards
//! --------                          --------                          ------
//!                                   (each holds a reference)          1   1
//! put: shard 0                                                        0   1
//! load shard 0: it is 0                                               0   1
//!                                   get: shard 0                      1   1
//!                                   put: shard 1                      1   0
//! load shard 1: it is 0                                               1   0
//! the sum is 0: free the object
//!                                   use the object
//! ```
//!
//! # Right
//!
//! Do not look for the end while the object is in use. Its creator holds a reference, and says when the
//! end may come: a *kill*. The kill closes every shard, by an atomic swap that puts a mark into it. A thread whose addition finds
//! the mark counts in one common word instead. When all shards are closed, the kill adds what the swaps returned to the
//! common word, and from then on the last put is an ordinary one.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use kref::ShardedCount;
//!
//! # type World = stage::World<ShardedCount>;
#![doc = include_str!("code/many_cores.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(ShardedCount::with_shards(2));
//! #     get(&w, 0);
//! #     get(&w, 1);
//! #     put(&w, 1);
//! #     kill(&w);
//! #     assert!(!w.is_freed());
//! #     put(&w, 1);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! This is the kernel's `percpu_ref`. The kernel waits for a grace period of RCU between the mark and the sum. The swap makes
//! that unnecessary: it is a read-modify-write of the same word as the additions. So each addition comes before the
//! swap and is in the sum, or comes after the swap and finds the mark.
//!
//! [`ShardedRef`](crate::ShardedRef) is the owning pointer. The handle that made it is the owner; the drop of the owner is the kill.
//!
//! # Cost
//!
//! A get or a put is one atomic instruction while the count is live, on a line that no other thread writes; two once it
//! is killed, and then on a line that all threads write. A count takes 128 bytes for each shard, and has four shards
//! for each processor. `docs/many-cores.md` in the repository has the curves, and `cargo xtask cores` draws them for
//! your machine.
//!
//! # Proof
//!
//! `many_cores` in `tests/guide/chapters.rs`; `kill_beside_puts`, `two_kills` and `resurrect_beside_get_and_put` in
//! `tests/model/sharded_counts.rs`. The argument why no thread touches the shards after the end is at the head of
//! [`kref::sharded`](crate::sharded).
//!
//! ---
//!
//! Previous: [15](super::leaks) · [contents](super) · next: [17. Waiting for the last drop](super::last_drop)

#![doc(alias("percpu counter", "false sharing", "contended Arc"))]
