//! Alternatives, and when not to use this crate.
//!
//! # Use something else if ...
//!
//! | your case | use | why |
//! |---|---|---|
//! | one shared value, and no table that finds it | `std::sync::Arc` | every library knows it; a [`Ref`](crate::Ref) is smaller, and not faster |
//! | a graph of equals with `Weak` edges, cycles | `Arc` with `std::sync::Weak` | put-with-lock needs an index with a lock; a graph has none |
//! | a cache: keep unused entries | moka, quick_cache | a [`Registry`](crate::Registry) drops an entry with its last handle; keeping some is a few lines on top, an eviction policy is not |
//! | the entries live as long as the map | DashMap, papaya, scc | only the map owns their entries, so they need no count |
//! | symbols that are never freed | lasso | an id of 4 bytes, and no count: faster on one thread |
//! | a weak map in one thread | weak-table | no atomics |
//! | replace a shared value, readers must not wait | arc-swap | kref counts what is shared; arc-swap swaps it |
//! | free memory after all readers have left | crossbeam-epoch, seize, haphazard | no count for each object at all. [`RcuRef`](crate::RcuRef) works inside them |
//! | a queue that many threads pop from, one value at a time | crossbeam's `SegQueue`, a channel | an [`LList`](crate::LList) hands over everything at once |
//! | trailing slices, projection, custom allocators | triomphe | [`Ref`](crate::Ref) does not have them |
//!
//! # Compared, one by one
//!
//! **`Mutex<HashMap<K, Weak<V>>>`, `DashMap<K, Weak<V>>`.** A lookup pays for the shard's lock and for `upgrade`, a
//! compare-and-swap loop. An entry stays after its object is gone, until someone removes it, and the obvious code for that
//! [races](super::registry). A registry finds 100,000 keys in <!--f:hit-dashmap-1-->0.58 to 0.60<!--f--> of DashMap's time on one thread
//! and <!--f:hit-dashmap-2-->0.30 to 0.45<!--f--> on two. In return you get handles instead of `Arc`s, and no entry without a live
//! object.
//!
//! **internment, string_cache, hstr.** The job of [`Interner`](crate::Interner). internment's `ArcIntern` takes a lock
//! for each lookup and for each drop of a last reference. string_cache has static atoms, known at compile time; an
//! `Interner` has none. hstr keeps its strings per thread and collects garbage when told to.
//!
//! **`std::sync::Weak` as the index.** `Weak` keeps the *memory* of a dead object, and `upgrade` may fail, so each
//! lookup needs a plan for the failure. With put-with-lock an object in the index is alive while the lock is held. In
//! return the last drop takes the index's lock, so the index must outlive the object.
//!
//! **moka and other caches.** A cache decides how long an entry lives, by size or by time. A registry lets the users
//! decide. If you find `Arc::strong_count` in the eviction code of a cache, you want a registry, or both: handles in a
//! bounded cache.
//!
//! **papaya, scc, flurry.** Concurrent maps whose readers do not lock. They protect the map's own nodes with epochs or
//! hazard pointers. They do not say when the last user of a *value* is done; for that their values are `Arc`s again.
//!
//! # Where kref loses
//!
//! - `LList` between one producer and one consumer is faster than `SegQueue` on one processor and slower on another: it
//!   takes <!--f:llist-queue-2-->0.85 to 1.57<!--f--> of its time. The intrusive list, which allocates nothing,
//!   takes <!--f:list-queue-2-->0.33 to 0.43<!--f-->.
//! - `Kref::put_lock` is a compare-and-swap loop: a get and a put take <!--f:put-lock-1-->1.14 to 1.45<!--f--> of the time of a bare pair on one
//!   thread. (On two threads they take <!--f:put-lock-parking-lot-2-->0.45 to 0.53<!--f--> of the time of a put that always takes a parking_lot
//!   lock.) [`HandBack`](crate::HandBack) has no loop.
//! - lasso, which never frees a string, finds one in less time: ours takes <!--f:intern-lasso-1-->1.18 to 1.31<!--f--> on one thread.
//! - A map of a few entries that one thread uses is a `HashMap`. A registry pays for locks and padding.
//! - The [scoreboard](https://docs.rs/crate/kref/latest/source/docs/scoreboard.md) lists every target that is missed.
//!
//! # Two opposing views
//!
//! **"Do not take the lock in the put."** In 2021 the kernel's vfio replaced `kref_put_mutex` by `refcount_inc_not_zero` in
//! the lookup and a completion for the removal. Its reason: the last put may come from a context that must not sleep on
//! that mutex, and the lookup can live with a failure. That is right where it applies: if a lookup may answer "it is
//! dying, try later", and no second object with the same key may be made in between, then
//! [`get_unless_zero`](crate::Kref::get_unless_zero) is enough ([chapter 6](super::weak_pointers)). If a lookup has to make a new
//! object in place of the dying one, it needs put-with-lock, or all the cases that chapter 6 lists.
//!
//! **"A reference count is not a lock, so do not wait on it."** FreeBSD introduced `blockcount(9)` (D23723) because code
//! slept until a `refcount(9)` reached a value. That contradicts what a reference is: the put that the sleeper waits
//! for may free the object, and the count with it. This crate agrees: no method waits on a count. To wait until all
//! users of something are done, use a type made for that, whose memory does not depend on the users.
