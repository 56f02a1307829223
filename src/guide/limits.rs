//! What is guaranteed, and the limits, on one page.
//!
//! # Progress
//!
//! *Wait-free*: each call ends after a bounded number of its own steps. *Lock-free*: some thread always makes progress,
//! but a call may have to retry. *Blocking*: a thread that is stopped in the middle may stop others.
//!
//! | operation | progress |
//! |---|---|
//! | [`RefCount::inc`](crate::RefCount::inc), [`dec`](crate::RefCount::dec), [`dec_and_test`](crate::RefCount::dec_and_test); [`Kref::get`](crate::Kref::get), [`put`](crate::Kref::put); clone of [`Ref`](crate::Ref), [`Handle`](crate::Handle), [`Interned`](crate::Interned), and their drop when it is not the last | wait-free |
//! | [`RcuRef::get`](crate::RcuRef::get) | wait-free, except next to 2^31 references, where it is lock-free |
//! | [`RefCount::inc_not_zero`](crate::RefCount::inc_not_zero), [`Kref::get_unless_zero`](crate::Kref::get_unless_zero), `add_not_zero`, `sub_and_test`, every conditional operation of [`AtomicExt`](crate::atomic::AtomicExt) | lock-free |
//! | [`Kref::put_lock`](crate::Kref::put_lock), not the last | lock-free |
//! | [`HandBack::put_lock`](crate::HandBack::put_lock), not the last | wait-free |
//! | either, the last | blocking: it takes your lock |
//! | [`WeakRef`](crate::WeakRef): clone, [`downgrade`](crate::WeakRef::downgrade), [`Weak::upgrade`](crate::Weak::upgrade), drop | wait-free |
//! | [`ShardedRef`](crate::ShardedRef), [`ShardedCount`](crate::ShardedCount): get, put, clone, drop | wait-free; a try-get of a killed count is lock-free |
//! | their `kill`, `resurrect` | blocking: a lock that only these take |
//! | [`Drain::token`](crate::Drain::token), drop of a [`Token`](crate::Token) | taking is wait-free, dropping lock-free; the last drop takes a lock if there is a waiter |
//! | [`RefCount::try_freeze`](crate::RefCount::try_freeze), [`dec_if_one`](crate::RefCount::dec_if_one) | wait-free: one attempt |
//! | [`ShardedCount::get`](crate::ShardedCount::get), [`put`](crate::ShardedCount::put), [`try_get_live`](crate::ShardedCount::try_get_live); clone of a [`ShardedRef`](crate::ShardedRef), and its drop if it is neither the owner nor the last | wait-free |
//! | [`ShardedCount::try_get`](crate::ShardedCount::try_get) | wait-free while the count is live, lock-free afterwards |
//! | [`ShardedCount::kill`](crate::ShardedCount::kill), `resurrect`, `reinit`, drop of a `ShardedRef`'s owner | blocking: the lock of the count |
//! | [`Drain::token`](crate::Drain::token), drop of a [`Token`](crate::Token) that is not the last | wait-free |
//! | [`Drain::try_token`](crate::Drain::try_token) | lock-free |
//! | a waiter of a [`Drain`](crate::Drain) that has gone to sleep | blocking: the thread that dropped the last token wakes it |
//! | [`LList::push`](crate::LList::push), [`intrusive::List::push`](crate::llist::intrusive::List::push) | lock-free |
//! | [`LList::take_all`](crate::LList::take_all), [`intrusive::List::take_all`](crate::llist::intrusive::List::take_all) | wait-free |
//! | [`Registry::get`](crate::Registry::get), [`Interner::intern_ref`](crate::Interner::intern_ref), found | lock-free |
//! | the same, not found, or found while its last handle is dropped | blocking: one shard's lock |
//! | insertion, removal, drop of the last handle | blocking: one shard's lock |
//! | `get_or_insert_with`, if another thread makes the same key | blocking, for as long as that constructor runs |
//! | [`Registry::entry`](crate::Registry::entry) | blocking: one shard's lock; it does not wait for a constructor |
//! | [`Registry::get_or_insert_async`](crate::Registry::get_or_insert_async), [`Pending`](crate::registry::Pending) | the task waits, the thread does not |
//!
//! "Wait-free" here assumes that the processor's `fetch_add` is; on processors that build it from load-linked and
//! store-conditional it is lock-free.
//!
//! # What a result means
//!
//! | result | meaning |
//! |---|---|
//! | `count`, `count_hint`, `is_saturated`, `is_listed` | what was true at one moment of the call; make no decision by it |
//! | [`Registry::len`](crate::Registry::len) | the sum of the shards, each read at its own moment: exact while no other thread changes the map |
//! | [`Registry::iter`](crate::Registry::iter), [`for_each`](crate::Registry::for_each), [`handles`](crate::Registry::handles) | contains every object that stays in the registry for the whole call; an object that comes or goes during the call may be in it or not; each is contained at most once |
//! | [`Registry::get`](crate::Registry::get) returned `None` | at some moment of the call there was no such object |
//! | a put returned "the last" | exactly one put of an object returns it, and no other thread uses the object any more |
//!
//! # Limits
//!
//! | limit | value | beyond it |
//! |---|---|---|
//! | references to one object | 2^31 - 1 | the count saturates: the object leaks, and the misuse is [reported](crate::report) |
//! | references to one [`ShardedCount`](crate::ShardedCount) | 2^60, seen after a kill | the same |
//! | tokens of a [`Drain`](crate::Drain) | 2^60; 2^28 on 32-bit systems | the drain waits forever, and the misuse is reported |
//! | shards of a `ShardedCount`, or of a map | 65,536 | the number is reduced to that |
//! | buckets of a map | 2^30 | chains get longer |
//! | depth of nested destructors | the memory for stacks (`Ref`, `Handle`, `Interned`); your stack otherwise | the process aborts, as with any stack overflow |
//!
//! On 32-bit systems the other limits are the same; the address space ends first.
//!
//! # Where destructors run
//!
//! - In the thread that drops the last reference, before that drop returns, with none of this crate's locks held.
//! - A *lookup* can be that thread: [`Registry::get`](crate::Registry::get) takes a reference to a candidate before it compares keys. If
//!   the candidate's last handle is dropped at that moment, the lookup drops the object. So do not hold a lock during a
//!   lookup that a destructor takes as well.
//! - For the same reason an object may live a moment longer than the drop of the last handle that you know of.
//!
//! # Threads, async, processes
//!
//! - What blocks an async thread: the shard's lock (some hundred nanoseconds, unless a thread is preempted while it holds
//!   the lock); and `get_or_insert_with`, which waits for another thread's constructor of the same key.
//! - A constructor of `get_or_insert_with` that asks for its own key panics instead of waiting for itself. The check is by
//!   thread: a work-stealing runtime that runs another task inside a constructor can make it hit an innocent task. Use
//!   [`entry`](crate::Registry::entry) or the async forms there; a task that awaits its own key waits forever, without a panic.
//! - After `fork` without `exec`, a child may inherit a lock that a thread of the parent held: the maps and `put_lock` must
//!   not be used there, as with any lock. The counts and lists have no lock.
//!
//! # Memory
//!
//! - A `Registry` or `Interner` allocates nothing before its first entry.
//! - On Linux, a map gives whole pages without an object back to the system, by itself when most of a peak is free, and by
//!   [`Registry::shrink_to_fit`](crate::Registry::shrink_to_fit). Objects do not move, so one live object keeps its page. On other
//!   systems the memory of a peak is used for later objects, and goes back with the map.
//! - An [`LList`](crate::LList) allocates blocks of values, and frees each with its last value. The counts and the intrusive lists
//!   never allocate.
