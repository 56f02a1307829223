//! Reference: from the kernel's functions to this crate.
//!
//! Every item carries the kernel's name as an alias, so the search field of these pages finds the
//! item by that name too. The tables stand where the types are:
//!
//! | header | type | table |
//! |---|---|---|
//! | `atomic.h` | `atomic_t`, `atomic64_t`, `atomic_long_t` | [`kref::atomic`](crate::atomic#the-kernels-operations-and-ours) |
//! | `refcount.h` | `refcount_t` | [`RefCount`](crate::RefCount#the-kernels-functions-and-ours) |
//! | `rcuref.h`, `file_ref.h` | `rcuref_t`, `file_ref_t` | [`RcuRef`](crate::RcuRef#the-kernels-functions-and-ours) |
//! | `percpu-refcount.h` | `struct percpu_ref` | [`ShardedCount`](crate::ShardedCount#the-kernels-functions-and-ours) |
//! | `kref.h` | `struct kref` | below |
//! | `llist.h` | `struct llist_head`, `struct llist_node` | [`kref::llist`](crate::llist#the-kernels-functions-and-ours) |
//! | `page_ref.h` | `folio_ref_freeze` and `_unfreeze` | [`RefCount::try_freeze`](crate::RefCount::try_freeze) |
//! | `ref_tracker.h` | `struct ref_tracker_dir`, `struct ref_tracker` | [`Holders`](crate::track::Holders#the-kernels-functions-and-ours) |
//!
//! The page [`left_out`] lists what has no counterpart, and why.
//!
//! # `kref.h`
//!
//! | kernel | here |
//! |---|---|
//! | `KREF_INIT(1)`, `kref_init` | [`Kref::new`](crate::Kref::new) |
//! | `KREF_INIT(n)` | `Kref::from(RefCount::new(n))` |
//! | `kref_read` | [`Kref::count`](crate::Kref::count): a hint |
//! | `kref_get` | [`Kref::get`](crate::Kref::get) |
//! | `kref_get_unless_zero` | [`Kref::get_unless_zero`](crate::Kref::get_unless_zero), which is Acquire |
//! | `kref_put` | [`Kref::put`](crate::Kref::put): returns `true` for the last, and the caller destroys the object |
//! | `kref_put_mutex`, `kref_put_lock` | [`Kref::put_lock`](crate::Kref::put_lock): returns the guard, still held |
//! | (none: proposed as `kref_put_rwsem`, never merged) | [`Kref::put_lock`](crate::Kref::put_lock) with a read-write lock |
//!
//! # Four things that differ
//!
//! - *No callback.* A put tells its caller that it was the last, by a `bool` or a guard, and the
//!   caller releases the object. So nothing has to be found again by `container_of`, and the
//!   compiler sees that the lock is released.
//! - *Orderings are arguments, or written down.* The kernel's operations without a suffix are fully
//!   ordered. Those of [`AtomicExt`](crate::atomic::AtomicExt) take an ordering; those of the
//!   counts have the one that [their table](crate::RefCount#memory-ordering) says.
//! - *No control dependencies.* Where the kernel relies on a branch to order what comes after it,
//!   this crate uses Acquire.
//! - *Saturated is held.* A try-get on a saturated count returns `true`. In the kernel the variants
//!   with `_acquire` in their name return `false`.

#[doc(alias(
    "percpu_ref_switch_to_atomic",
    "percpu_ref_switch_to_percpu",
    "percpu_ref_get_many",
    "percpu_ref_put_many",
    "percpu_counter",
    "lockref",
    "lockref_get",
    "lockref_get_not_dead",
    "lockref_get_not_zero",
    "lockref_mark_dead",
    "lockref_put_or_lock",
    "lockref_put_return",
    "refcount_dec_and_rtnl_lock",
    "llist_del_first_this",
    "rcu_read_lock",
    "call_rcu",
    "kfree_rcu",
    "container_of",
    "xchg",
    "set_bit",
    "test_bit"
))]
pub mod left_out {
    //! Reference: the kernel's functions that this crate leaves out, and why.
    //!
    //! | kernel | why not | instead |
    //! |---|---|---|
    //! | `percpu_ref_switch_to_atomic`, `_switch_to_percpu`, `percpu_ref_get_many`, `_put_many`, the flags of `percpu_ref_init` | a kill and a resurrection do the switching; there is no caller yet for the others | [`ShardedCount`](crate::ShardedCount), which has the rest |
    //! | `percpu_counter` | a statistic, not a count of references | an array of atomics, one for each thread, in `CachePadded` of crossbeam-utils |
    //! | `lockref` | a spinlock and a count in one word. A prototype was slower than [`Kref::put_lock`](crate::Kref::put_lock): 1.04 of its time on one thread, and 2.6 on two threads that also use the lock, because no get or put can go on while the lock is held. `docs/lockref.md` in the repository has the figures | [`Kref::put_lock`](crate::Kref::put_lock) |
    //! | RCU (`rcu_read_lock`, `call_rcu`, `kfree_rcu`) | other crates do that well: crossbeam-epoch, seize, haphazard | type-stable memory, as in [`Registry`](crate::Registry) |
    //! | `refcount_dec_and_rtnl_lock` | one certain lock | [`RefCount::dec_and_lock`](crate::RefCount::dec_and_lock) with your lock |
    //! | `refcount_dec_and_lock_irqsave` | there are no interrupts to switch off | [`RefCount::dec_and_lock`](crate::RefCount::dec_and_lock) |
    //! | the twins with `__` and an `oldp` argument | for the kernel's tracing | only [`add_not_zero_limited`](crate::RefCount::add_not_zero_limited) returns the old value |
    //! | `llist_del_first_this` | for callers that know that no other thread takes at the same time | [`Consumer::pop`](crate::llist::Consumer::pop) |
    //! | `set_bit`, `test_bit`, `test_and_set_bit` on bitmaps | a bitmap is an array of atomics | [`AtomicExt::set_bits`](crate::atomic::AtomicExt::set_bits), [`AtomicExt::clear_bits`](crate::atomic::AtomicExt::clear_bits) on the word |
    //! | `container_of` | a put tells its caller, which knows the object | owning pointers; [`RefCounted`](crate::RefCounted) |
}
