//! Chapter 7: the put that takes the lock.
//!
//! # The problem
//!
//! As in [chapter 6](super::weak_pointers), an index under a lock lists objects without counting
//! them. But now a lookup must not fail: what is in the index, under the lock, is alive, and a
//! plain `get` will do.
//!
//! # Wrong
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
//! the last user                  finder                         count
//! -------------                  ------                         -----
//! put: that was the last                                        0
//!                                lock
//!                                found: get                     1
//!                                unlock
//! lock, unlist, unlock
//! free the object
//!                                use the object, after its end
//! ```
//!
//! This is one of the most frequent mistakes of all: the lock is taken *after* the decision. Its
//! other form is a destructor that takes the entry out of a table ([`registry`](super::registry)).
//! To look at the count once more under the lock does not mend it: the finder may have put his
//! reference by then, and there are two who think that theirs was the last.
//!
//! # Right
//!
//! The step from one to zero is made *while the lock is held*. Not every put takes the lock: only
//! one that finds the count at one.
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
#![doc = include_str!("put_lock.svg")]
//!
//! # Exactly one successful compare-and-swap
//!
//! Everything rests on this sentence: *each put makes exactly one successful compare-and-swap, and
//! that decrements by one.* Never none: the object would leak. Never two: it would be freed under
//! somebody. It is not obvious, as there are two places, (a) and (b), and other threads in between.
//! Here is why. (Think of `dec_and_test` as a compare-and-swap loop too; on many processors it is
//! one.)
//!
//! *At least one.* The function ends in two ways. By (a): `dec_not_one` is true only if its
//! compare-and-swap succeeded; there is no other path to true. Or by (b): `dec_and_test` has no
//! condition, so its loop ends in no other way than by success.
//!
//! *At most one.* After success at (a) the function returns at once, without looking at the count
//! again. If (a) says false, its compare-and-swap has *not* succeeded: false means that it read a
//! one and did not try to write. Failed attempts before that have written nothing. So (b) is
//! reached only with nothing written, and it writes once.
//!
//! *The interference does no harm.* Between (a) and (b) the count may go up (somebody finds the
//! object under the lock, or clones a reference) and down again. But our own reference, not yet
//! put, is in it all the time: it cannot reach zero before we do (b), so the object is alive, and
//! `refs` may be used. If it went up, (b) is a step from two to one, say; then it says false, the
//! lock is released, and somebody else will be the last. He does it just as we did.
//!
//! *The step to zero is under the lock.* (a) never makes that step, as it declines at one; (b) is
//! under the lock.
//!
//! *So the finder is right.* He holds the lock, and the object is listed. If the count were zero,
//! somebody would have made the step to zero, under the lock, and not yet unlisted the object; but
//! he holds the lock from that step until he has unlisted it, and now the finder holds it. So the
//! count is at least one, and cannot become zero while the finder has the lock: `get` is safe. ∎
//!
//! The one exception is stated: a count that is [saturated](super::saturation) is left as it is, by
//! every put. Its object is never freed.
//!
//! After false the object may be gone already. Touch neither it nor the count.
//!
//! # Proof
//!
//! `exactly_one_successful_compare_and_swap` in `tests/guide/chapters.rs` counts them, for the code
//! above, over atomics that have nothing but compare-and-swap; `put_lock` in
//! `tests/guide/chapters.rs` runs the pair. For what ships: `two_put_locks_and_find` and
//! `put_lock_and_two_finds` in `tests/model/kref.rs`. Without the lock around the last step:
//! `decrement_to_zero_outside_the_lock` in `tests/model/wrong.rs`.
//!
//! # Cost
//!
//! Of a get and a put that is not the last: 1.22 of the bare pair on one thread, 1.4 to 1.6 on two,
//! as it is a loop and not one instruction. To take the lock for every put costs 2.2 and 5.1
//! (`benches/refcount.rs`). Who wants the loop gone reads [`hand_back`](super::hand_back).

#![doc(alias("list_del", "hlist_del", "hash_del"))]
