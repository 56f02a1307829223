//! Chapter 18: how we know that a put is right for any number of threads.
//!
//! # The problem
//!
//! A count that passes every test may still be wrong: a race needs one particular order of steps, and the tests do not run
//! into it. A model checker tries all orders, but only for two or three threads. Your program may have a thousand.
//!
//! # Wrong
//!
//! You think through the orders that come to mind, and conclude that all of them are good. Here is one that is easy to
//! miss. It breaks the put of [chapter 12](super::hand_back) if the lookup hands the reference back, and the pending
//! put does not take it:
//!
//! ```text
//! thread P                       lookup F                       count   references
//! --------                       --------                       -----   ----------
//! put: it was the last                                          0       (P's is dropped)
//!                                lock, found: 0 -> 1            1       F's
//!                                it was 0: hand P's back        2       F's, and one for P
//! lock, and look: not zero,
//! so it is alive: return                                        2       F's
//!                                put: 2 -> 1                    1       none: the object leaks
//! ```
//!
//! # Right
//!
//! Find an *invariant*: a sentence about the state that holds at the start, and that no single step makes false. Then it
//! holds after every step of every run. There is no need to go through the orders, and the number of threads does not
//! matter, because each step is made by one thread. What is left is to look at each step once. A put and a lookup have
//! about thirty steps together.
//!
//! For [`Kref::put_lock`](crate::Kref::put_lock) the invariant is: **the count is the number of references, and at zero exactly
//! one thread is ending the object**. Why each step keeps it:
//!
//! | step | why the invariant still holds |
//! |---|---|
//! | get | a reference more, and the count is one more |
//! | lookup with the lock | the same; and no thread is ending an object that the index leads to, because the last put unlinks it before it unlocks |
//! | put: read the count | changes nothing |
//! | put: compare-exchange from n >= 2 | a reference less, and the count is one less; it is not zero |
//! | put: compare-exchange fails | changes nothing; the put still has its reference, and tries again |
//! | put: lock, after it has read one | changes nothing; the put still has its reference, so the object cannot die |
//! | put: decrement under the lock, to zero | a reference less; this thread is now the one that ends the object. No other thread was ending it, as the count was not zero |
//! | put: decrement under the lock, not to zero | a reference less, and the count is one less |
//!
//! The rest follows from it. A thread that has a reference finds the count above zero, so no thread is ending the
//! object: no use after free. One thread at most ends it: no double free. When there are no references the count is
//! zero, so one thread does end it: no leak.
//!
//! For [`HandBack`](crate::HandBack) it is: **the count is the number of references, plus one if the pending put's was
//! handed back; there is one pending put at most**. The second half is the interesting one. A second put would have to
//! find the count at one while the first is pending. But then either its own reference is the only one and the first put's
//! was not handed back, although a lookup that takes a reference from zero hands it back before it unlocks; or the count
//! includes the first put's, and so is two.
//!
//! The steps of a put, as they are proven:
//!
//! <div style="overflow-x:auto">
#![doc = include_str!("how_we_know.svg")]
//! </div>
//!
//! *Exactly one* is counted literally: the state says of every put how many successful decrements it has made, and the
//! proof shows that a put which has returned has made one. (The hand-back: one, and a second exactly if its reference had
//! been handed back.)
//!
//! # The link to the code
//!
//! A proof is about a text, and the text might not be the code. So there is one table of steps for each protocol,
//! `proofs/steps/*.toml`, and it is used twice:
//!
//! 1. `proofs/check.py` has a solver (z3) prove the invariant of the table, and finds the shortest run that breaks each of
//!    the wrong variants.
//! 2. `tests/traces` runs the code of this crate over a backend that records each atomic operation with its values, in
//!    random schedules, and replays each record by the table. A step that is not in the table fails the test, and so does a
//!    step of the table that the code never makes.
//!
//! The two protocols are proven a second time, in Coq with the logic Iris (`proofs/iris`): there as programs with real
//! memory, in which a use after free has no meaning and so cannot occur in a proven program.
//!
//! # What the proof assumes
//!
//! - *One step after another.* Every operation is one step, and all threads agree on the order. Real processors promise
//!   less. Whether the memory orderings suffice is the question of [chapter 4](super::orderings): each ordering is
//!   argued, checked by loom, and a test fails when it is weakened.
//! - *No misuse.* Every put drops a reference that its caller has. There are fewer than 2^31 references; what happens
//!   beyond is in [chapter 10](super::saturation).
//! - *The lock excludes*, and the callers do what the documentation asks for: they look up under the lock, and unlink
//!   before they unlock.
//!
//! # What it does not say
//!
//! - That a thread makes progress. A put may lose its compare-exchange, or wait for the lock, any number of times.
//! - That the code has no other steps than those of the runs. The replay has seen millions of steps; it is a test, not a proof.
//! - Anything about the compiler, the processor, and the destructors that you write.
//!
//! # Cost
//!
//! Nothing at run time.
//!
//! # Proof
//!
//! `scripts/proofs.sh` checks all of it. The code is replayed by `put_lock`, `hand_back`, `rcu_ref`, `freeze` and `registry`
//! in `tests/traces/shipped.rs`, `shipped` in `tests/traces/weak.rs` and in `tests/traces/sharded.rs`, and `table_end` and
//! `exclusive_keys` in `tests/traces/life.rs`. That the replay accepts right code and notices fifty wrong variants is
//! tested next to it: `what_is_right_is_accepted` in `tests/traces/deviations.rs`, `looks_again` in
//! `tests/traces/lockless.rs`, `buries_early` in `tests/traces/life.rs`.
//!
//! ---
//!
//! Previous: [17](super::last_drop) · [contents](super) · next: [19. A `Weak` that is upgraded by one
//! addition](super::upgrade)

#![doc(alias("theorem", "verification", "invariant", "Iris", "Coq", "z3"))]
