//! Reference: what is left after a panic.
//!
//! A panic in your code (a constructor, a destructor, `Hash`, `Eq`, `Clone`, an iterator, a lock, the
//! report hook) propagates to the caller of this crate. The table says what state is left. Each line
//! names the test that shows it.
//!
//! | what panics | what is left | test |
//! |---|---|---|
//! | the closure of [`cas_loop`](crate::atomic::AtomicExt::cas_loop) | nothing was written | `a_panic_in_the_closure_writes_nothing` in `tests/guide/panics.rs` |
//! | the lock's `lock`, in [`Kref::put_lock`](crate::Kref::put_lock) | the caller still has its reference | `a_lock_that_panics_leaves_the_reference` in `tests/locks.rs` |
//! | the same, in [`HandBack::put_lock`](crate::HandBack::put_lock) | the put stays pending, and the object leaks | `a_lock_that_panics_leaves_the_put_pending` in `tests/guide/panics.rs` |
//! | the holder of the guard that a put returned | a lock of std is poisoned, as always | `a_panic_with_the_returned_guard_poisons` in `tests/locks.rs` |
//! | another thread, earlier, while it held the lock | a put takes the poisoned lock over | `a_poisoned_mutex_is_taken_over` in `tests/locks.rs` |
//! | the [hook](crate::report::set_hook) | the count is saturated already | `a_hook_that_panics_leaves_the_count_saturated` in `tests/misuse/hook.rs` |
//! | the hook, under the lock of a put | the lock is released | `a_hook_that_panics_under_the_lock_releases_it` in `tests/misuse/hook.rs` |
//! | the value's destructor, in the last drop of a [`ShardedRef`](crate::ShardedRef) | the memory is freed | `a_destructor_that_panics_unwinds_into_the_last_drop` in `tests/sharded/owning.rs` |
//! | the holder of a [`Token`](crate::Token) | the token is dropped, as the thread unwinds | `a_panic_gives_the_token_back` in `tests/sharded/drain.rs` |
//! | a waker of a [`Drain`](crate::Drain), in the drop of the last token | the others are woken; the first panic goes on, unless the thread unwinds already | `wakers_are_foreign_code`, `what_a_waker_panics_with_is_foreign_code_too` in `tests/sharded/drain.rs` |
//! | the destructor of a waker, in a poll of a [`Drain`](crate::Drain) that replaces it | the new waker is woken | `a_waker_that_panics_when_it_is_replaced` in `tests/sharded/drain.rs` |
//! | the value's destructor, in the last drop of a [`Ref`](crate::Ref) | the memory is freed, the fields are destroyed | `a_destructor_that_panics_frees_the_memory` in `tests/refs/panics.rs` |
//! | a destructor in the middle of a long chain | the rest is destroyed | `a_panic_in_the_middle` in `tests/refs/deep.rs` |
//! | `Clone`, in [`Ref::make_mut`](crate::Ref::make_mut) | the `Ref` is as it was | `a_clone_that_panics_leaves_make_mut_as_it_was` in `tests/refs/panics.rs` |
//! | the value's destructor, in the last drop of a [`WeakRef`](crate::WeakRef) | the fields are destroyed, the memory goes with the last `Weak` | `a_destructor_that_panics_frees_the_memory` in `tests/weak/panics.rs` |
//! | the closure of [`WeakRef::new_cyclic`](crate::WeakRef::new_cyclic) | no value; clones of the `Weak` that the closure got find nothing | `a_cyclic_value_that_is_never_made` in `tests/weak/panics.rs` |
//! | `Clone`, in [`WeakRef::make_mut`](crate::WeakRef::make_mut) | the `WeakRef` is as it was | `a_clone_that_panics_leaves_make_mut_as_it_was` in `tests/weak/panics.rs` |
//! | the hook, in a clone or an upgrade of a `WeakRef` beyond the maximum | the count is saturated already, and the value leaks | `too_many_references_are_reported_and_leak` in `tests/weak/panics.rs` |
//! | `Clone` of one element of a slice | no half of a slice, no leak | `a_clone_that_panics_leaves_no_half_of_a_slice` in `tests/refs/panics.rs` |
//! | a constructor of a [`Registry`](crate::Registry) | its key is vacant; one waiting thread runs its own constructor | `a_constructor_that_panics_leaves_the_key_vacant` in `tests/registry/hostile.rs` |
//! | `Eq` or `Hash`, in a lookup or an insertion | the registry is as before, and the references that the lookup took are dropped | `an_eq_that_panics_leaves_the_registry_usable` in `tests/registry/hostile.rs` |
//! | a destructor of a key or a value | it has already left the registry | `a_destructor_that_panics_has_left_the_registry` in `tests/registry/hostile.rs` |
//! | a thread that holds handles | they are dropped, as it unwinds | `a_thread_that_panics_gives_its_handles_back` in `tests/registry/hostile.rs` |
//! | the iterator of [`LList::push_all`](crate::LList::push_all) | nothing was pushed; the values that it had yielded are dropped | `panicking_iterator_pushes_nothing` in `tests/llist/drop.rs` |
//! | a destructor of a value in a [`Chain`](crate::llist::Chain) | the rest is dropped, nothing leaks | `panicking_destructor_leaks_nothing` in `tests/llist/drop.rs` |
//! | a destructor of what a [`Consumer`](crate::llist::Consumer) holds | the rest is given back | `panicking_destructor_of_what_a_consumer_took` in `tests/llist/drop.rs` |
//!
//! If a constructor asks for its own key, this crate panics
//! (`a_constructor_that_asks_for_its_own_key_is_told` in `tests/registry/hostile.rs`). A misused
//! count never panics: it saturates, and is [reported](crate::report).
