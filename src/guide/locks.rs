//! Reference: which operation takes which lock, and for how long.
//!
//! "Your lock" is the one that is given to [`put_lock`](crate::Kref::put_lock). A "shard" is a part of a map. By default
//! a map has one shard at first. When it has 128 objects, or threads have found the lock taken 64 times, that becomes sixteen shards
//! for each processor, rounded up to a power of two, and 256 at most.
//!
//! | operation | lock | for how long |
//! |---|---|---|
//! | every operation of [`AtomicExt`](crate::atomic::AtomicExt), [`RcuRef`](crate::RcuRef), [`Ref`](crate::Ref), [`WeakRef`](crate::WeakRef), [`LList`](crate::LList), [`intrusive::List`](crate::llist::intrusive::List); of [`RefCount`](crate::RefCount) all but `dec_and_lock` | none | |
//! | [`Kref::put`](crate::Kref::put), [`Kref::get`](crate::Kref::get), [`Kref::get_unless_zero`](crate::Kref::get_unless_zero) | none | |
//! | [`Kref::put_lock`](crate::Kref::put_lock), count above one | none | |
//! | [`Kref::put_lock`](crate::Kref::put_lock), count at one | yours, exclusively | if it was the last: until you drop the guard |
//! | [`HandBack::put_lock`](crate::HandBack::put_lock), [`RefCount::dec_and_lock`](crate::RefCount::dec_and_lock) | as `Kref::put_lock` | |
//! | [`HandBack::get_locked`](crate::HandBack::get_locked) | you hold yours, shared or exclusively | |
//! | [`ShardedCount::get`](crate::ShardedCount::get), [`put`](crate::ShardedCount::put), `try_get`; clone of a [`ShardedRef`](crate::ShardedRef), and its drop if it is not the owner | none | |
//! | [`ShardedCount::kill`](crate::ShardedCount::kill), `resurrect`, `reinit`; [`ShardedRef::kill`](crate::ShardedRef::kill), drop of the owner | the count's own | one atomic instruction for each shard |
//! | [`Drain::token`](crate::Drain::token), `try_token`, `close`; drop of a [`Token`](crate::Token), unless it is the last and there is a waiter | none | |
//! | drop of the last [`Token`](crate::Token) while there is a waiter | the drain's list's | to take the list; the wakers run after that |
//! | a poll of a [`Drain`](crate::Drain) or a [`Drained`](crate::Drained) that finds tokens; drop of a `Drained` that has waited | the drain's list's | a search in the list of waiters |
//! | [`Registry::get`](crate::Registry::get), found | none | |
//! | [`Registry::get`](crate::Registry::get), not found, or its last handle is being dropped, or it is behind 32 others in its chain, or the first in its shard after the number of buckets has changed | one shard's | a second lookup; the first after a change moves the shard's objects |
//! | [`Registry::try_insert`](crate::Registry::try_insert), [`Registry::unlist`](crate::Registry::unlist) | one shard's | a few instructions |
//! | [`Registry::get_or_insert_with`](crate::Registry::get_or_insert_with), not found | one shard's, twice | not while the constructor runs; a thread that wants the same key waits without a lock |
//! | drop of a [`Handle`](crate::Handle) or an [`Interned`](crate::Interned), not the last | none | |
//! | drop of the last handle | one shard's | until the entry is removed; the destructors run after that |
//! | [`Registry::handles`](crate::Registry::handles) | each shard's, one after the other | to take a reference to each of its objects |
//!
//! # No lock is held while your code runs
//!
//! Your code is `Hash`, `Eq`, constructors, and the destructors of keys, of values, and of what the lists
//! and `Ref` destroy. All of it may call into the same map. With `put_lock` the lock is yours: remove the
//! object, *drop the guard*, then destroy the object. Then your destructors may call into your index too.
//!
//! # What to avoid
//!
//! - Never call `put_lock` while you hold the same lock: it deadlocks or panics, depending on the lock.
//! - Do not put the lock inside the object, or in something that only the object keeps alive. After a put
//!   that was not the last, the object may be freed at any moment. See
//!   [`Kref::put_lock`](crate::Kref::put_lock).
//! - Two constructors that wait for each other's keys deadlock, just like two locks taken in opposite
//!   order.
//!
//! # Order of locks
//!
//! The maps never take one of their locks while they hold another, so their locks have no order that you
//! would have to respect.
//!
//! # Proof
//!
//! `no_lock_is_taken_while_the_count_is_above_one` in `tests/locks.rs` and
//! `put_lock_above_one_takes_no_lock` in `tests/model/kref.rs` test the first rows;
//! `a_destructor_may_use_the_registry` in `tests/registry/hostile.rs` and
//! `an_eq_that_panics_leaves_the_registry_usable` in `tests/registry/hostile.rs` the maps.
