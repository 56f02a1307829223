//! Chapter 17: waiting for the last drop.
//!
//! # The problem
//!
//! A server stops, a device is pulled out, a module is unloaded: a thread has to wait until all users of something are gone, and
//! then destroys it. The users are counted already. The obvious design is: the thread sleeps until the count is zero, and the
//! last put wakes it.
//!
//! # Wrong
//!
//! (`World` is one object and an index that lists it without counting it: [how to read the code](super#how-to-read-the-chapters).)
//!
//! The last put wakes the waiter *after* the count has become zero. But a waiter that looks at that moment
//! need not sleep, and destroys what the put needs for the wake-up:
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/last_drop_wrong.rs")]
//! #
//! # fn main() {
//! #     let w = World::new(Kref::new());
//! #     try_wait(&w);
//! #     put(&w);
//! #     try_wait(&w);
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! ```text
//! a user's put                      the waiter                        count
//! ------------                      ----------                        -----
//! decrement: it was the last                                          0
//!                                   look: it is 0, so do not sleep    0
//!                                   free the object
//! wake the waiter: where is it?
//! ```
//!
//! It does not help to keep the waiter's place elsewhere: the put has to find it through the object. FreeBSD had
//! `refcount_sleep` for this, with a bit of the count that says that a thread sleeps. The review D23723 took it out
//! again: a count cannot have both an owner that destroys at zero and a sleeper that is woken at zero.
//!
//! # Right
//!
//! Waiting is a thing of its own, in memory that the waiter *and* each user keep: a [`Drain`](crate::Drain), and a
//! [`Token`](crate::Token) for each user.
//!
//! ```
//! # mod stage { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/code/stage.rs")); }
//! use kref::{Drain, Token};
//!
//! # use kref::Kref; type World = stage::World<Kref>;
#![doc = include_str!("code/last_drop.rs")]
//! #
//! # fn main() {
//! #     let (w, drain) = (World::new(Kref::new()), Drain::new());
//! #     put(&w, drain.token());
//! #     let mut future = std::pin::pin!(shut_down(&w, &drain));
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     assert!(std::future::Future::poll(future.as_mut(), &mut context).is_ready());
//! #     assert!(w.is_freed());
//! # }
//! ```
//!
//! The drop of a token decrements the drain's word. If that was the last token and a waiter had set a bit in the same word, the drop
//! wakes the waiters, in memory that the token still holds. The waiter sets its bit by a read-modify-write of that word, after it has put its
//! waker on a list. So one of the two comes first: the drop finds the bit, or the waiter finds no tokens.
//!
//! Give the token to whatever ends with the use: a field of the connection, a variable of the thread. A panic drops it as
//! well. The drain waits forever for a token that is forgotten; [`wait_timeout`](crate::Drain::wait_timeout) reports
//! that. The example `connections` shuts down in this way.
//!
//! # Cost
//!
//! Two atomic instructions when a token is taken and two when it is dropped: one for the word, one for the memory. The
//! last drop takes a lock if a thread or a task waits. Where many threads take tokens at once,
//! [`sharded_token`](crate::Drain::sharded_token) combines this with the [chapter before](super::many_cores).
//!
//! # Proof
//!
//! `last_drop` in `tests/guide/chapters.rs`; `two_waiters`, `drained_twice` and `the_drain_ends_before_the_drop` in
//! `tests/model/drain.rs`.
//!
//! ---
//!
//! Previous: [16](super::many_cores) · [contents](super) · next: [18. How we know that a put is right for any number of threads](super::how_we_know)

#![doc(alias("WaitGroup", "graceful shutdown", "refcount_wait"))]
