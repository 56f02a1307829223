//! Map: which lock is taken when, and by whom.
//!
//! "Your lock" is the one that is given to [`put_lock`](crate::Kref::put_lock); a "shard" is a part
//! of a map, of which there are sixteen for each processor by default.
//!
//! | operation | lock | for how long |
//! |---|---|---|
//! | every operation of [`AtomicExt`](crate::atomic::AtomicExt), [`RefCount`](crate::RefCount), [`Ref`](crate::Ref), [`LList`](crate::LList), [`intrusive::List`](crate::llist::intrusive::List) | none | |
//! | [`Kref::put`](crate::Kref::put), [`Kref::get`](crate::Kref::get), [`Kref::get_unless_zero`](crate::Kref::get_unless_zero) | none | |
//! | [`Kref::put_lock`](crate::Kref::put_lock), count above one | none | |
//! | [`Kref::put_lock`](crate::Kref::put_lock), count at one | yours, exclusively | if it was the last: until you drop the guard |
//! | [`HandBack::put_lock`](crate::HandBack::put_lock) | as `Kref::put_lock` | |
//! | [`HandBack::get_locked`](crate::HandBack::get_locked) | you hold yours, shared or exclusively | |
//! | [`Registry::get`](crate::Registry::get), found | none | |
//! | [`Registry::get`](crate::Registry::get), not found, or its last handle is just being dropped | one shard's | one more look |
//! | [`Registry::try_insert`](crate::Registry::try_insert), [`Registry::unlist`](crate::Registry::unlist) | one shard's | a few instructions |
//! | [`Registry::get_or_insert_with`](crate::Registry::get_or_insert_with), not found | one shard's, twice | not while the constructor runs; who wants the same key waits for that without a lock |
//! | drop of a [`Handle`](crate::Handle) or an [`Interned`](crate::Interned), not the last | none | |
//! | drop of the last | one shard's | until it is unlisted; the destructors run after that |
//! | [`Registry::handles`](crate::Registry::handles) | each shard's, one after the other | to count its objects |
//!
//! # No lock is held while your code runs
//!
//! That is `Hash`, `Eq`, constructors, and destructors of keys and values, of the maps; and what
//! the lists and `Ref` destroy. So these may call into the same map. With `put_lock` the lock is
//! yours: unlink, *drop the guard*, then destroy, and the same is true of your index.
//!
//! # What must not be
//!
//! - `put_lock` by who holds the lock already: a deadlock, or a panic, as the lock does.
//! - A lock inside the object, or kept alive only by it: after a put that was not the last the
//!   object may go at any moment. See [`Kref::put_lock`](crate::Kref::put_lock).
//! - Two constructors that wait for each other's keys: a deadlock, as with two locks.
//!
//! # Order of locks
//!
//! The maps take their locks one at a time, never one under another, so that there is no order to
//! be kept among them, or between them and yours.
//!
//! # Proof
//!
//! `no_lock_is_taken_while_the_count_is_above_one` in `tests/locks.rs` and
//! `put_lock_above_one_takes_no_lock` in `tests/model/kref.rs` test the first rows;
//! `a_destructor_may_use_the_registry` in `tests/registry/hostile.rs` and
//! `an_eq_that_panics_leaves_the_registry_usable` in `tests/registry/hostile.rs` the maps.
