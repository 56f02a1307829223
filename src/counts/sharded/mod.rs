//! Reference counts for many processors: each has a word of its own in the count, until the count is
//! killed.
//!
//! Two threads that clone and drop an `Arc` write the same cache line, and each write waits until the line has come
//! from the other processor. A *sharded* count (the kernel's `percpu_ref`) has many words, each in a line of its own,
//! and a thread writes only its own word. In return, no thread sees the count reach zero, as no thread sees all the
//! words at once. So such a count has two lives:
//!
//! | | live | dying, after a kill |
//! |---|---|---|
//! | a get or a put | one addition to the thread's own word | the same, and one to the common word |
//! | the last put | is not noticed: the creator holds a reference until it kills the count | is told to one caller |
//! | [`try_get_live`](ShardedCount::try_get_live) | succeeds | fails |
//! | what it is good for | many threads, an object that lives long | finding the end |
//!
//! - [`ShardedCount`] is the bare count (`struct percpu_ref`).
//! - [`ShardedRef`] is the owning pointer: a [`Ref`](crate::Ref) that many threads clone and drop.
//! - [`ShardBackend`] says which shard is the calling thread's. Without `std`, bring a backend of your own.
//!
//! # The words
//!
//! ```text
//! a shard:
//! -2^63 ... CLOSED = -2^62 ... -1    1 .......... OPEN = 2^62 .......... 2^63 - 1
//! |                             |    |                                   |
//! closed: the rest means nothing     open: OPEN + references taken here less those dropped here
//!
//! the common word:
//! 0      1 ......... MAX    2^60 .. 2^61    2^61 ... BIAS ... 3 * 2^61    .. SATURATED ..    0xc000... .. 2^64 - 1
//! |      |             |    |               |                             |                  |
//! ended  references, all    too many        live, or a kill is             misused: the       below zero: a put too
//!        shards are in                      under way                      object leaks       many after the end
//! ```
//!
//! A reference may be taken in one shard and dropped in another, so a shard by itself says nothing and may be
//! less than `OPEN`. Only the sum counts. It is right as long as it is right modulo 2^64, and a sum beyond `MAX` = 2^60 is
//! found when the count is killed: the object then leaks, and [`report`](crate::report) tells.
//!
//! The sign of a shard tells whether it is open. A shard that is open moves away from `OPEN` if more references are taken
//! there than dropped there, by a program without a fault. A shard that is closed moves away from `CLOSED` by additions
//! that mean nothing. The sign is right as long as neither comes to zero, which is 2^62 steps away. One step is one
//! read-modify-write of the shard, those of one word go one after another, and each kill or resurrection begins anew. At
//! one step in each nanosecond, which no processor reaches, the way takes 146 years.
//!
//! **Invariant.** *References = the sum of the open shards + the common word - `BIAS` if it is in.* Each operation
//! changes both sides at once, by the one addition that counts:
//!
//! - An addition to a shard counts if the value that it replaced was open. If that value was closed, the addition means
//!   nothing: what is in a closed shard is never read. The operation then goes to the common word, and counts there.
//! - The kill closes the shards one after another, by a swap each, and adds up what the swaps returned. Then it adds the
//!   sum to the common word, and takes `BIAS` out, in one compare-and-swap. Until then `BIAS` keeps the common word
//!   far from zero, whatever order things come in.
//! - A resurrection puts `BIAS` in before it opens the first shard. It opens a shard by a swap with zero.
//!
//! ```text
//! a thread: get, later put              the kill                            shard A   shard B   common word
//! ------------------------              --------                            -------   -------   -----------
//! (the creator's reference)                                                 1         0         BIAS
//!                                       close A: found 1                    closed    0         BIAS
//! get at A: closed, so at the common word                                   closed    0         BIAS + 1
//! put at B: open                                                            closed    -1        BIAS + 1
//!                                       close B: found -1                   closed    closed    BIAS + 1
//!                                       add 1 - 1, take BIAS out            closed    closed    1
//!                                       put the creator's reference         closed    closed    0: the end
//! ```
//!
//! # Who may free the object, and the shards
//!
//! The caller that is told of the end, at once. No other thread touches the count any more, except by a misuse:
//!
//! - A put whose addition found an *open* shard was counted by that addition, and touches nothing afterwards.
//! - A put whose addition found a *closed* shard is not counted yet. The reference that it drops was taken by an addition
//!   that counts, to a shard before it was closed or to the common word, and nothing has cancelled it. By the invariant
//!   the common word is not zero until the put's second addition. So the thread that frees the object comes after that
//!   addition, and after the addition the put touches nothing unless it made the word zero itself.
//! - A get runs while its caller holds another reference.
//! - A kill keeps the creator's reference until it has closed all the shards and has unlocked the switch. Dropping that
//!   reference is its last step.
//!
//! A thread may stop anywhere. If it stops in a kill, the end is seen when it goes on, and other kills and
//! resurrections wait for it. Gets and puts never wait.
//!
//! # Orderings
//!
//! Of a shard:
//!
//! - A get is Relaxed: its caller has a reference. A *try*-get is Acquire: it begins a use, and pairs with the Release of
//!   the swap that opened the shard.
//! - A put is Release: it ends a use. The swap that closes the shard is Acquire: it pairs with all the puts before it,
//!   as only read-modify-writes come between.
//! - The swap that opens the shard is Release: a try-get sees what was made ready before `reinit`.
//!
//! Of the common word:
//!
//! - A put is Release. The put that makes the word zero then loads it with Acquire, which pairs with all of them.
//! - The compare-and-swap of the kill is Relaxed. The thread that kills has acquired the puts in the shards by its swaps,
//!   and holds a reference until it has done so. The put of that reference hands them on, as it is Release.
//! - The compare-and-swap of a resurrection is Release: a try-get in the common word sees what was made ready before.
//! - A get is Relaxed and a try-get Acquire, as in a shard.
//!
//! `state` is written under the lock of the switch, and read without it for hints only: Relaxed.

mod backend;
mod count;
mod switch;
#[cfg(feature = "std")]
mod thread;
mod word;

#[cfg(all(test, feature = "std"))]
mod tests;

pub use self::backend::ShardBackend;
pub use self::count::ShardedCount;
#[cfg(feature = "std")]
pub(crate) use self::count::default_shards;
pub use crate::pointers::ShardedRef;
