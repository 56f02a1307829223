//! Chapter 5: objects that keep their parents.
//!
//! # The problem
//!
//! A file keeps its directory, a directory the one above it: each child holds a reference to its
//! parent, so that a path in use stays whole. The parent lists its children and does *not* count
//! them; otherwise neither would ever go away. When the last reference to a child goes, it leaves
//! its parent's list, and then lets the parent go.
//!
//! # Wrong
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
//! strike the child off the list
//! of a parent that is gone
//! ```
//!
//! # Right
//!
//! From the inside out: leave the list, end the child, and only then give up what kept the parent.
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
//! Two traps remain.
//!
//! *The lock.* If the list's lock is in the parent, a put of the child must not rely on the child's
//! own reference to keep that lock: a put that is *not* the last may be followed, at once, by one
//! that is, in another thread, which ends the child and the parent. Take a reference to the parent
//! before, and put that afterwards. [`Kref::put_lock`](crate::Kref::put_lock) says where a lock may
//! live.
//!
//! *The stack.* The end of a child may be the end of its parent, and so on: a chain of a million is
//! a million destructors inside one another. [`Ref`](crate::Ref) and [`Handle`](crate::Handle)
//! continue on another stack when theirs runs out. By hand, put in a loop: as long as the put says
//! "last", go one up.
//!
//! # Proof
//!
//! `parents` in `tests/guide/chapters.rs`. On long chains: `plain_links` in `tests/refs/deep.rs`,
//! `a_long_chain_is_dropped_on_a_small_stack` in `tests/registry/threads.rs`. The example
//! `dentry_cache` is a cache of directories with parents, over a real file system.
//!
//! # Cost
//!
//! One put more for each level that comes to its end. No lock above the list's own.
