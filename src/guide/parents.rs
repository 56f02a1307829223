//! Chapter 5: objects that keep their parents.
//!
//! # The problem
//!
//! A file keeps its directory alive, and a directory the one above it: each child holds a reference to
//! its parent, so that a path in use stays complete. The parent lists its children and does *not* count
//! them; otherwise neither would ever be freed. When the last reference to a child is dropped, the child
//! leaves its parent's list and then drops its reference to the parent.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/parents_wrong.rs")]
//! #
//! # fn main() {
//! #     let parent = World::new(Kref::new());
//! #     parent.count.get();
//! #     put_child(&parent, &World::new(Kref::new()));
//! # }
//! ```
//!
//! ```text
//! the child's last user          the parent's other user        parent's count
//! ---------------------          -----------------------        --------------
//! put the child: the last                                       2
//! put the parent: not the last                                  1
//!                                put the parent: the last       0
//!                                destroy the parent
//! remove the child from the list
//! of a parent that is freed
//! ```
//!
//! # Right
//!
//! From the inside out: remove the child from the list, destroy the child, and only then drop the
//! reference to the parent.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/parents.rs")]
//! #
//! # fn main() {
//! #     let (parent, child) = (World::new(Kref::new()), World::new(Kref::new()));
//! #     put_child(&parent, &child);
//! #     assert!(child.is_freed() && parent.is_freed());
//! # }
//! ```
//!
//! Two mistakes remain possible.
//!
//! *The lock.* If the list's lock is in the parent, a put of the child must not rely on the child's
//! own reference to keep that lock alive. A put that is *not* the last may at once be followed by the
//! last put in another thread, which frees the child and the parent. Take a reference to the parent
//! before the put, and drop it afterwards. [`Kref::put_lock`](crate::Kref::put_lock) says where a lock may
//! be.
//!
//! *The stack.* The last put of a child may be the last of its parent too, and so on: a chain of a
//! million objects is a million nested destructors. [`Ref`](crate::Ref) and [`Handle`](crate::Handle)
//! continue on another stack when theirs runs out. With a count of your own, put in a loop: as long as
//! a put was the last, go on with the parent.
//!
//! # Cost
//!
//! One more put for each level that is freed, and only the list's own lock.
//!
//! # Proof
//!
//! `parents` in `tests/guide/chapters.rs`. On long chains: `plain_links` in `tests/refs/deep.rs`,
//! `a_long_chain_is_dropped_on_a_small_stack` in `tests/registry/threads.rs`. The example
//! `dentry_cache` is a cache of directories with parents, over a real file system.
//!
//! ---
//!
//! Previous: [4](super::orderings) · [contents](super) · next: [6. An index that does not count, under a lock](super::weak_pointers)
