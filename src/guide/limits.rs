//! What is guaranteed, and the limits, on one page.
//!
//! # Progress
//!
//! *Wait-free*: each call ends after a bounded number of its own steps. *Lock-free*: some thread always makes progress,
//! but a call may have to retry. *Blocking*: a thread that is stopped in the middle may stop others.
//!
//! Counts:
//!
//! | operation | progress |
//! |---|---|
//! | [`RefCount::inc`](crate::RefCount::inc), [`dec`](crate::RefCount::dec), [`dec_and_test`](crate::RefCount::dec_and_test); [`Kref::get`](crate::Kref::get), [`put`](crate::Kref::put) | wait-free |
//! | [`RefCount::try_freeze`](crate::RefCount::try_freeze) and its end, [`dec_if_one`](crate::RefCount::dec_if_one) | wait-free: one attempt |
//! | [`RefCount::inc_not_zero`](crate::RefCount::inc_not_zero), [`add`](crate::RefCount::add), [`sub_and_test`](crate::RefCount::sub_and_test), [`dec_not_one`](crate::RefCount::dec_not_one); [`Kref::get_unless_zero`](crate::Kref::get_unless_zero); every conditional operation of [`AtomicExt`](crate::atomic::AtomicExt) | lock-free |
//! | [`Kref::put_lock`](crate::Kref::put_lock), not the last | lock-free |
//! | [`HandBack::put_lock`](crate::HandBack::put_lock), not the last; [`get_locked`](crate::HandBack::get_locked) | wait-free |
//! | [`Kref::put_lock`](crate::Kref::put_lock), [`HandBack::put_lock`](crate::HandBack::put_lock), the last | blocking: it takes your lock |
//! | [`RcuRef::get`](crate::RcuRef::get), [`put`](crate::RcuRef::put) | wait-free; lock-free at one in 2^27 gets of a dead or saturated object |
//! | [`ShardedCount::get`](crate::ShardedCount::get), [`put`](crate::ShardedCount::put), [`try_get_live`](crate::ShardedCount::try_get_live) | wait-free |
//! | [`ShardedCount::try_get`](crate::ShardedCount::try_get) | wait-free while the count is live, lock-free after a kill |
//! | [`ShardedCount::kill`](crate::ShardedCount::kill), [`resurrect`](crate::ShardedCount::resurrect), [`reinit`](crate::ShardedCount::reinit) | blocking: a lock of the count, which only these take |
//! | [`Drain::token`](crate::Drain::token) (the first one of a drain allocates), drop of a [`Token`](crate::Token) that is not the last | wait-free |
//! | [`Drain::try_token`](crate::Drain::try_token) | lock-free |
//! | drop of the last [`Token`](crate::Token) | wait-free without a waiter; blocking with one: it takes the lock of the waiters' list |
//! | a waiter of a [`Drain`](crate::Drain) that has gone to sleep | blocking: the thread that dropped the last token wakes it |
//!
//! Pointers. The drop that destroys the value runs the destructor and the allocator, which may do anything; otherwise:
//!
//! | operation | progress |
//! |---|---|
//! | clone and drop of [`Ref`](crate::Ref) | wait-free |
//! | clone and drop of [`WeakRef`](crate::WeakRef) and [`Weak`](crate::Weak), [`downgrade`](crate::WeakRef::downgrade), [`upgrade`](crate::Weak::upgrade) | wait-free; lock-free at one in 2^27 upgrades of a dead value |
//! | clone of [`ShardedRef`](crate::ShardedRef), and its drop if it is not the owner | wait-free |
//! | drop of a [`ShardedRef`](crate::ShardedRef)'s owner | blocking: it is the kill |
//! | clone of [`Handle`](crate::Handle) and [`Interned`](crate::Interned), and their drop when it is not the last | wait-free |
//! | drop of the last [`Handle`](crate::Handle) or [`Interned`](crate::Interned) | blocking: the lock of one shard |
//!
//! Maps:
//!
//! | operation | progress |
//! |---|---|
//! | [`Registry::get`](crate::Registry::get), [`Interner::intern_ref`](crate::Interner::intern_ref), found | lock-free |
//! | the same, not found; found while its last handle is dropped; found behind 32 others in its chain; or the first in its shard after the number of buckets has changed | blocking: the lock of one shard |
//! | insertion, removal, one step of an iteration | blocking: the lock of one shard, and that of the table's memory when a shard runs out of slots |
//! | `get_or_insert_with`, if another thread makes the same key | blocking, for as long as that constructor runs |
//! | [`Registry::entry`](crate::Registry::entry) | as `get`; it does not wait for a constructor |
//! | [`Registry::get_or_insert_async`](crate::Registry::get_or_insert_async), [`Pending`](crate::registry::Pending) | the task waits, the thread does not (except for the lock of a shard) |
//! | [`KeyLock::lock`](crate::KeyLock::lock) | blocking, for as long as another thread holds the key |
//! | [`Registry::len`](crate::Registry::len) | wait-free |
//!
//! Lists:
//!
//! | operation | progress |
//! |---|---|
//! | [`intrusive::List::push`](crate::llist::intrusive::List::push) | lock-free |
//! | [`LList::push`](crate::LList::push) | lock-free, if the allocator is |
//! | [`intrusive::SwapList::push`](crate::llist::intrusive::SwapList::push) | wait-free |
//! | `take_all` of all three | wait-free |
//! | iteration over what a [`SwapList`](crate::llist::intrusive::SwapList) gave | blocking: it waits for a push that has not linked its node yet |
//! | [`Consumer::pop`](crate::llist::Consumer::pop) | wait-free |
//!
//! With the feature `track`, every get and put of a pointer also takes a lock.
//!
//! "Wait-free" here assumes that the processor's `fetch_add` is. On processors that build it from load-linked and
//! store-conditional it is lock-free. It also assumes a count that was not misused: what saturates a count, and what
//! moves a saturated count back to the middle, is lock-free.
//!
//! # What a result means
//!
//! | result | meaning |
//! |---|---|
//! | `count`, `count_hint`, `is_saturated`, `is_listed` | it was true at one moment of the call; decide nothing by it |
//! | [`Registry::len`](crate::Registry::len) | the sum of the shards, each read at its own moment: exact while no other thread changes the map |
//! | [`Registry::iter`](crate::Registry::iter), [`for_each`](crate::Registry::for_each), [`handles`](crate::Registry::handles) | contains every object that stays in the registry for the whole call; an object that comes or goes during the call may be in it or not; each is contained at most once |
//! | [`Registry::get`](crate::Registry::get) returned `None` | at some moment of the call there was no such object |
//! | a put returned "the last" | exactly one put of an object returns it, and no other thread uses the object any more |
//!
//! # Limits
//!
//! | limit | value | beyond it |
//! |---|---|---|
//! | references to one object | 2^31 - 1 (`WeakRef` and `RcuRef`: 2^31) | the count saturates: the object leaks, and the misuse is [reported](crate::report) |
//! | references to one [`ShardedCount`](crate::ShardedCount) | 2^60, checked by the kill | the same |
//! | tokens of a [`Drain`](crate::Drain) | 2^60; 2^28 on 32-bit systems | the drain waits forever, and the misuse is reported |
//! | shards of a `ShardedCount`, or of a map | 65,536 | a larger number is reduced to that |
//! | buckets of a map | 2^29 | chains get longer; beyond 32 objects in a chain a lookup may take the shard's lock |
//! | depth of nested destructors | with the feature `deep` the memory for stacks (`Ref`, `WeakRef`, `Handle`, `Interned`); your stack otherwise | the process aborts, as with any stack overflow |
//!
//! On 32-bit systems the other limits are the same, but the address space ends first.
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
//! - What blocks an async thread: the shard's lock (held for some hundred nanoseconds, unless its holder is preempted), and `get_or_insert_with`, which waits for another thread's constructor of the same key.
//! - A constructor of `get_or_insert_with` that asks for its own key panics instead of waiting for itself. The check is by
//!   thread. If a work-stealing runtime runs another task inside a constructor, that task may panic without having done wrong. Use
//!   [`entry`](crate::Registry::entry) or the async forms there; a task that awaits its own key waits forever, without a panic.
//! - After `fork` without `exec`, a child may inherit a lock that a thread of the parent held: the maps and `put_lock` must
//!   not be used there, as with any lock. The lists have no lock. Of the counts, only [`ShardedCount`](crate::ShardedCount) (for the kill)
//!   and [`Drain`](crate::Drain) (for its waiters) have one.
//!
//! # Memory
//!
//! - A `Registry` or `Interner` allocates nothing before its first entry.
//! - On Linux, a map gives whole pages without an object back to the system, by itself when most of a peak is free, and by
//!   [`Registry::shrink_to_fit`](crate::Registry::shrink_to_fit). Objects do not move, so one live object keeps its page. On other
//!   systems the memory of a peak is used for later objects, and goes back with the map.
//! - An [`LList`](crate::LList) allocates blocks of values, and frees each with its last value.
//! - A [`ShardedCount`](crate::ShardedCount) allocates its shards, and a [`Drain`](crate::Drain) its shared part with the
//!   first token, and room for its waiters. The other counts and the intrusive lists never allocate.
