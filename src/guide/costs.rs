//! Reference: what each type costs in bytes and in atomic instructions.
//!
//! # Bytes
//!
//! On a 64-bit machine. The sizes of the types are checked by `tests/guide/costs.rs`.
//!
//! | type | bytes | on the heap |
//! |---|---|---|
//! | [`RefCount`](crate::RefCount) | 4 | |
//! | [`Kref`](crate::Kref) | 4 | |
//! | [`HandBack`](crate::HandBack) | 4 | |
//! | [`RcuRef`](crate::RcuRef) | 4 | |
//! | [`Ref<u64>`](crate::Ref) | 8 | the value and 4 bytes, rounded up to its alignment |
//! | [`Ref<str>`](crate::Ref) | 16 | the text and 4 bytes |
//! | [`UniqueRef<u64>`](crate::UniqueRef) | 8 | as `Ref` |
//! | [`WeakRef<u64>`](crate::weak::WeakRef) | 8 | the value and 8 bytes, rounded up to its alignment |
//! | [`Weak<u64>`](crate::weak::Weak) | 8 | nothing more |
//! | [`IntrusiveRef<T>`](crate::IntrusiveRef) | 8 | the object, which has its count |
//! | [`ShardedCount`](crate::ShardedCount) | 40 | 128 for each shard: four for each processor |
//! | [`ShardedRef<u64>`](crate::ShardedRef) | 8 | a `Ref`'s, a `ShardedCount` and 8 bytes |
//! | [`Drain`](crate::Drain) | 8 | some 64, from the first token on |
//! | [`Token`](crate::Token) | 8 | nothing |
//! | [`Handle<u64, u64>`](crate::Handle) | 8 | <!--f:bytes-registry-million-->49.7<!--f--> to <!--f:bytes-registry-->56.6<!--f--> bytes for each live entry of keys and values of 8 bytes, the table included |
//! | [`Interned<str>`](crate::Interned) | 8 | the text, and what an entry takes |
//! | [`LList<u64>`](crate::LList) | 24 | the values, in blocks of a kilobyte |
//! | [`intrusive::List<Box<T>>`](crate::llist::intrusive::List) | 16 | nothing |
//! | [`intrusive::Node<T>`](crate::llist::intrusive::Node) | 8 | nothing |
//!
//! `Option` of a pointer takes no more than the pointer.
//!
//! # Atomic instructions
//!
//! Only read-modify-write instructions are counted, because they dominate the cost. "CAS" is a
//! compare-and-swap that succeeds; each one that fails because of another thread is an extra one. The
//! models count them:
//! `a_put_that_is_not_the_last_is_one_write` and `what_costs_what` in `tests/model/registry.rs`,
//! `every_operation_writes_once` in `tests/model/llist.rs`, and the assertions of
//! `tests/model/kref.rs`, `tests/model/handback.rs` and `tests/model/rcuref.rs`.
//!
//! | operation | instructions |
//! |---|---|
//! | [`cas_loop`](crate::atomic::AtomicExt::cas_loop) and every conditional operation | 1 CAS; 0 if it declines |
//! | [`RefCount::inc`](crate::RefCount::inc), [`Kref::get`](crate::Kref::get), `Ref::clone`, `Handle::clone` | 1 `fetch_add` |
//! | [`RefCount::dec`](crate::RefCount::dec), [`Kref::put`](crate::Kref::put), drop of a `Ref` | 1 `fetch_sub` |
//! | [`Kref::get_unless_zero`](crate::Kref::get_unless_zero) | 1 CAS; 0 if the object is dead |
//! | [`Kref::put_lock`](crate::Kref::put_lock), not the last | 1 CAS |
//! | [`Kref::put_lock`](crate::Kref::put_lock), the last | 1 `fetch_sub`, under the lock |
//! | [`HandBack::put_lock`](crate::HandBack::put_lock) | 1 `fetch_sub`; 1 more, under the lock, if its reference was handed back |
//! | [`HandBack::get_locked`](crate::HandBack::get_locked) | 1 `fetch_add`; 2 if a put was pending |
//! | [`RcuRef::get`](crate::RcuRef::get) | 1 `fetch_add`, also if the object is dead |
//! | [`RcuRef::put`](crate::RcuRef::put) | 1 `fetch_sub`; 1 CAS more if it is the last |
//! | [`ShardedCount::get`](crate::ShardedCount::get), `put`, clone and drop of a `ShardedRef` | 1, in the thread's own line; once killed, 1 more in a common line |
//! | [`ShardedCount::kill`](crate::ShardedCount::kill) | 1 for each shard, 2 more, and a lock |
//! | [`Drain::token`](crate::Drain::token), drop of a [`Token`](crate::Token) | 2 |
//! | [`Weak::upgrade`](crate::weak::Weak::upgrade) | 1 `fetch_add`, also if the object is dead; 1 more if the last `WeakRef` is being dropped |
//! | [`Weak::upgrade_if_live`](crate::weak::Weak::upgrade_if_live) | the same; 0 if the object is dead |
//! | drop of a `WeakRef` | 1 `fetch_sub`; for the last, if there is a `Weak`, 1 CAS and 1 `fetch_sub` more |
//! | [`WeakRef::get_mut`](crate::weak::WeakRef::get_mut) | 2 CAS |
//! | [`RefCount::try_freeze`](crate::RefCount::try_freeze), and its end | 1 CAS each |
//! | [`Registry::get`](crate::Registry::get), drop of a `Handle` | [a table of its own](crate::registry#what-costs-what) |
//! | [`intrusive::List::push`](crate::llist::intrusive::List::push) | 1 CAS |
//! | [`LList::push`](crate::LList::push) | 2 CAS: for a node, and for the list |
//! | [`LList::take_all`](crate::LList::take_all) | 1 `swap` |
//!
//! A lock that no other thread wants costs two more instructions, and a contended lock makes the thread
//! wait ([`locks`](super::locks)). Times, as ratios to the alternatives, are in the
//! [README](crate#what-it-costs). The
//! [scoreboard](https://docs.rs/crate/kref/latest/source/docs/scoreboard.md) has all of them, with their spread.
