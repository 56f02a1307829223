//! Chapter 7: the put that takes the lock.
//!
//! # The problem
//!
//! As in [chapter 6](super::weak_pointers), an index under a lock lists objects without counting
//! them. But now a lookup must not fail: every object that a thread finds in the index, under the lock,
//! is alive, and a plain `get` is enough.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/put_lock_wrong.rs")]
//! #
//! # fn main() { put(&World::new(Kref::new())) }
//! ```
//!
//! ```text
//! the last user                  reader                         count
//! -------------                  ------                         -----
//! put: that was the last                                        0
//!                                lock
//!                                found: get                     1
//!                                unlock
//! lock, remove it, unlock
//! free the object
//!                                use the object, after its end
//! ```
//!
//! This is one of the most frequent mistakes: the lock is taken *after* the decision. Its other form is a
//! destructor that removes the entry from a table ([`registry`](super::registry)). Re-checking the count
//! under the lock does not fix it: the reader may already have dropped its reference, and then two
//! threads believe that they dropped the last one.
//!
//! # Right
//!
//! The put makes the step from one to zero *while it holds the lock*. Not every put takes the lock: only
//! a put that finds the count at one.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/put_lock.rs")]
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
//! Inside, [`Kref::put_lock`](crate::Kref::put_lock) is this:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use stage::Mutex;
//! use kref::RefCount;
//!
#![doc = include_str!("code/put_lock_open.rs")]
//! #
//! # fn main() {
//! #     let (refs, lock) = (RefCount::new(2), Mutex::default());
//! #     assert!(!put_lock(&refs, &lock));
//! #     assert!(put_lock(&refs, &lock));
//! # }
//! ```
//!
//! `dec_not_one` is a loop around a compare-and-swap, as in [chapter 1](super::raise_to): *from n
//! to n - 1, unless n is one*.
//!
//! <div style="overflow-x:auto">
#![doc = include_str!("put_lock.svg")]
//! </div>
//!
//! # Exactly one successful compare-and-swap
//!
//! The pattern rests on this sentence: *each put makes exactly one successful compare-and-swap, and
//! that decrements by one.* If a put made none, the object would leak. If a put made two, the object
//! would be freed while it is in use. It is not obvious, as there are two places, (a) and (b), and other
//! threads run in between. Here is why. (Think of `dec_and_test` as a compare-and-swap loop too; on many
//! processors it is one.)
//!
//! *At least one.* The function ends in two ways. It may end at (a): `dec_not_one` returns `true` only if
//! its compare-and-swap succeeded. Or it ends at (b): `dec_and_test` has no condition, so its loop ends
//! only when its compare-and-swap succeeds.
//!
//! *At most one.* After success at (a) the function returns at once and does not read the count again.
//! If (a) returns `false`, its compare-and-swap has *not* succeeded: it read a one and did not try to
//! write. Failed attempts before that have written nothing. So the function reaches (b) only if it has
//! written nothing, and it writes once there.
//!
//! *Other threads do no harm.* Between (a) and (b) the count may go up (a thread finds the object under
//! the lock, or clones a reference) and down again. But our own reference is counted all the time: the
//! count cannot reach zero before (b), so the object is alive, and `refs` may be used. If the count went
//! up, (b) may be a step from two to one. Then (b) returns `false`, the lock is released, and another
//! thread will be the last. The same argument holds for that thread.
//!
//! *The step to zero is under the lock.* (a) never makes that step, as it declines at one. (b) runs
//! under the lock.
//!
//! *So the reader is right.* The reader holds the lock, and the object is in the index. Suppose the count
//! were zero. Then some thread made the step to zero under the lock and has not yet removed the object.
//! But that thread holds the lock from that step until it has removed the object, and now the reader
//! holds it. So the count is at least one, and it cannot become zero while the reader has the lock:
//! `get` is safe. ∎
//!
//! There is one exception: every put leaves a [saturated](super::saturation) count as it is. The object
//! of such a count is never freed.
//!
//! After `put` returns `false` the object may already be freed. Touch neither the object nor the count.
//!
//! # Cost
//!
//! A get and a put that is not the last take <!--f:put-lock-1-->1.14 to 1.45<!--f--> of the time of a bare `fetch_add` and
//! `fetch_sub` on one thread and <!--f:put-lock-2-->0.25 to 1.12<!--f--> on two, by the processor:
//! the put is a loop, and a put that has lost waits a moment, in which the other thread has the cache line to itself. A put that
//! always takes the lock (std's mutex) takes <!--f:lock-every-put-1-->2.02 to 2.17<!--f--> and <!--f:lock-every-put-2-->1.48 to 4.50<!--f-->
//! (`benches/put_with_lock.rs`). [`hand_back`](super::hand_back) shows a put without the loop.
//!
//! # Proof
//!
//! `exactly_one_successful_compare_and_swap` in `tests/guide/chapters.rs` counts them for the code
//! above, over atomics that have only compare-and-swap; `put_lock` in
//! `tests/guide/chapters.rs` runs the pair. For the shipped code: `two_put_locks_and_find` and
//! `put_lock_and_two_finds` in `tests/model/kref.rs`. Without the lock around the last step:
//! `decrement_to_zero_outside_the_lock` in `tests/model/wrong.rs`.
//!
//! ---
//!
//! Previous: [6](super::weak_pointers) · [contents](super) · next: [8. The same with readers that share the lock](super::read_write_semaphore)

#![doc(alias("list_del", "hlist_del", "hash_del"))]
