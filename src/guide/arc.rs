//! Reference: from `Arc` and `Weak` to this crate.
//!
//! | `std::sync` | here |
//! |---|---|
//! | `Arc::new`, `Arc::clone`, `drop` | [`Ref::new`](crate::Ref::new), `clone`, `drop`, with a header of 4 bytes instead of 16 |
//! | `Arc::<str>::from`, `collect` into `Arc<[T]>` | `Ref::from`, `collect`: the same |
//! | `Arc::ptr_eq`, `as_ptr`, `into_raw`, `from_raw`, `pin`, `make_mut`, `get_mut`, `try_unwrap`, `into_inner`, `unwrap_or_clone` | methods of [`Ref`](crate::Ref), with the same names |
//! | `a == b`, which compares the addresses first if `T: Eq` | `a == b` compares the values, always; [`Ref::ptr_eq`](crate::Ref::ptr_eq) compares the addresses |
//! | `UniqueArc`, `Arc::get_mut` on a new value | [`UniqueRef`](crate::UniqueRef) |
//! | `Arc::strong_count(&a) == 1` | [`Ref::try_unique`](crate::Ref::try_unique), [`Ref::into_inner`](crate::Ref::into_inner): they claim the value, and a read of the count does not ([`uniqueness`](super::uniqueness)) |
//! | `Arc::strong_count` for a log | [`Ref::count_hint`](crate::Ref::count_hint), [`Handle::count_hint`](crate::Handle::count_hint) |
//! | an `Arc` that many threads clone and drop at once | [`ShardedRef`](crate::ShardedRef): each on a cache line of its own ([`many_cores`](super::many_cores)) |
//! | `while Arc::strong_count(&a) > 1`, to wait for the other users | [`Drain`](crate::Drain) ([`last_drop`](super::last_drop)) |
//! | `Arc<dyn Trait>` from `Arc<T>` | [`unsize!`](crate::unsize) |
//! | `Arc::increment_strong_count`, `Arc::decrement_strong_count` | [`IntrusiveRef`](crate::IntrusiveRef), or [`Kref`](crate::Kref) itself |
//! | `Weak` in a table: `HashMap<K, Weak<V>>` | [`Registry`](crate::Registry); for a set of values [`Interner`](crate::Interner) |
//! | `Weak::upgrade` on an entry of a table | [`Registry::get`](crate::Registry::get), which returns `None` only if there is no such object |
//! | the same, in a table of your own | [`Kref::get`](crate::Kref::get) under the lock, if puts are [`put_lock`](crate::Kref::put_lock); [`Kref::get_unless_zero`](crate::Kref::get_unless_zero) if not |
//! | `Weak` from child to parent | not needed: let the child hold the parent, and the parent *list* the child ([`parents`](super::parents)) |
//! | `Weak` to break a cycle of equals, `Arc::new_cyclic` | [`WeakRef`](crate::weak::WeakRef) and [`Weak`](crate::weak::Weak), with the same names |
//! | `Weak::upgrade` that many threads call at once | [`Weak::upgrade`](crate::weak::Weak::upgrade), one `fetch_add` ([`upgrade`](super::upgrade)) |
//! | a `Drop` that takes the object out of a table | [`Registry`](crate::Registry) ([its chapter](super::registry)) |
//! | abort beyond `isize::MAX` references | a leak and a [`report`](crate::report), beyond 2^31 - 1 |
//!
//! Keep a plain `Arc` where there is no table, no count to test, and no need to save bytes: every
//! other library knows `Arc`.

#![doc(alias(
    "Weak",
    "Weak::upgrade",
    "Arc::upgrade",
    "Arc::downgrade",
    "Arc::new_cyclic"
))]
