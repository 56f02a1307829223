//! For kernel developers: this crate and the kernel's C and Rust, side by side.
//!
//! The tables of single functions are in [`kernel`](super::kernel). This page compares orderings, in the words of the
//! Linux kernel memory model (LKMM), and tests.
//!
//! # Orderings
//!
//! "Fully ordered" is a barrier on both sides, as all value-returning atomic operations of the kernel have. "Control
//! dependency" means that the kernel relies on the branch on the result, which orders later stores only. Rust has no
//! control dependencies, so this crate has an Acquire there.
//!
//! | operation | kernel | here |
//! |---|---|---|
//! | `refcount_inc`, `refcount_add`, `kref_get` | relaxed | Relaxed |
//! | `refcount_inc_not_zero`, `kref_get_unless_zero` | relaxed, control dependency on success | Acquire on success |
//! | `refcount_inc_not_zero_acquire` | acquire on success | the same operation: Acquire on success |
//! | `refcount_dec` | release | Release |
//! | `refcount_dec_and_test`, `kref_put` | release; acquire when it returns `true` (`smp_acquire__after_ctrl_dep`) | Release; an Acquire load when it returns `true` |
//! | `refcount_dec_if_one` | release on success, control dependency | Acquire on success: no other reference is left to which a release could speak |
//! | `refcount_dec_not_one` | release | Release when it returns `true` |
//! | `refcount_dec_and_mutex_lock`, `kref_put_mutex` | release; acquire and the lock when it returns `true` | Release; Acquire and the lock when it returns a guard |
//! | `refcount_set_release` | release | Release |
//! | `rcuref_get`, `rcuref_put` | relaxed; release, acquire when it returns `true` | Acquire on success; Release, Acquire when it returns `true` |
//! | `atomic_inc_not_zero`, `atomic_add_unless` | fully ordered on success | the ordering that you pass |
//! | `llist_add`, `llist_del_all` | fully ordered | AcqRel; for "push, then look at a flag" see [`llist`](crate::llist#the-wake-up-edge) |
//! | `folio_ref_freeze`, `folio_ref_unfreeze` | fully ordered; release | Acquire; Release |
//!
//! # `kernel::sync`
//!
//! The kernel's own Rust has counts too:
//!
//! | `kernel::sync` | here | difference |
//! |---|---|---|
//! | `Refcount`: `new`, `set`, `inc`, `dec`, `dec_and_test` | [`RefCount`](crate::RefCount) | here also the try-gets, `dec_if_one`, `dec_not_one`, `dec_and_lock` and `set_release`, which have no wrapper there |
//! | `Arc`, `UniqueArc` | [`Ref`](crate::Ref), [`UniqueRef`](crate::UniqueRef) | both saturate; the kernel's is always pinned |
//! | `Arc::into_unique_or_drop` | [`Ref::try_unique`](crate::Ref::try_unique) | ours gives the `Ref` back if there are others |
//! | `ARef`, `AlwaysRefCounted` | [`IntrusiveRef`](crate::IntrusiveRef), [`RefCounted`](crate::RefCounted) | the same shape |
//! | `Atomic`: an ordering is a type | [`AtomicExt`](crate::atomic::AtomicExt): an ordering is a value of std's `Ordering` | here also the conditional operations |
//! | (none) | [`Kref::put_lock`](crate::Kref::put_lock), [`HandBack`](crate::HandBack) | put-with-lock has no Rust form in the kernel |
//! | (none) | [`LList`](crate::LList), [`intrusive::List`](crate::llist::intrusive::List) | |
//!
//! # A put that must not free
//!
//! drm/gpuvm puts references to its `vm_bo` objects in paths that must not free. The fourth version of that code (October 2025) puts with the
//! lock, *unlocks, and then* pushes the object on an `llist`, whose drainer frees it. The order matters: the lock is in the GEM
//! object, and the drainer may put the last reference to that. The example `gpuvm` has this shape over
//! [`Kref::put_lock`](crate::Kref::put_lock) and [`intrusive::List`](crate::llist::intrusive::List). In
//! `tests/model/gpuvm.rs` the model of the right order holds (`unlock_then_push`), and that of the wrong order fails
//! (`push_then_unlock`).
//!
//! # The tests of lkdtm
//!
//! The kernel's crash test module misuses counts on purpose. Each of its cases has a twin here. In each, a saturated
//! count leaks its object, and nothing is freed.
//!
//! | lkdtm | here | result |
//! |---|---|---|
//! | `REFCOUNT_INC_OVERFLOW` | `refcount_inc_overflow` in `tests/misuse/lkdtm.rs` | saturates |
//! | `REFCOUNT_ADD_OVERFLOW` | `refcount_add_overflow` in `tests/misuse/lkdtm.rs` | saturates |
//! | `REFCOUNT_INC_NOT_ZERO_OVERFLOW` | `refcount_inc_not_zero_overflow` in `tests/misuse/lkdtm.rs` | saturates; returns `true` |
//! | `REFCOUNT_ADD_NOT_ZERO_OVERFLOW` | `refcount_add_not_zero_overflow` in `tests/misuse/lkdtm.rs` | saturates; returns `true` |
//! | `REFCOUNT_DEC_ZERO` | `refcount_dec_zero` in `tests/misuse/lkdtm.rs` | saturates |
//! | `REFCOUNT_DEC_NEGATIVE` | `refcount_dec_negative` in `tests/misuse/lkdtm.rs` | saturates |
//! | `REFCOUNT_DEC_AND_TEST_NEGATIVE` | `refcount_dec_and_test_negative` in `tests/misuse/lkdtm.rs` | saturates; returns `false` |
//! | `REFCOUNT_SUB_AND_TEST_NEGATIVE` | `refcount_sub_and_test_negative` in `tests/misuse/lkdtm.rs` | saturates; returns `false` |
//! | `REFCOUNT_SUB_AND_TEST_ZERO` | `refcount_sub_and_test_zero` in `tests/misuse/lkdtm.rs` | saturates; returns `false` |
//! | `REFCOUNT_INC_ZERO` | `refcount_inc_zero` in `tests/misuse/lkdtm.rs` | the try-get refuses; the plain increment saturates |
//! | `REFCOUNT_ADD_ZERO` | `refcount_add_zero` in `tests/misuse/lkdtm.rs` | the same |
//! | `REFCOUNT_INC_SATURATED` | `refcount_inc_saturated` in `tests/misuse/lkdtm.rs` | stays saturated |
//! | `REFCOUNT_DEC_SATURATED` | `refcount_dec_saturated` in `tests/misuse/lkdtm.rs` | stays saturated |
//! | `REFCOUNT_ADD_SATURATED` | `refcount_add_saturated` in `tests/misuse/lkdtm.rs` | stays saturated |
//! | `REFCOUNT_INC_NOT_ZERO_SATURATED` | `refcount_inc_not_zero_saturated` in `tests/misuse/lkdtm.rs` | stays saturated; returns `true` |
//! | `REFCOUNT_ADD_NOT_ZERO_SATURATED` | `refcount_add_not_zero_saturated` in `tests/misuse/lkdtm.rs` | stays saturated; returns `true` |
//! | `REFCOUNT_DEC_AND_TEST_SATURATED` | `refcount_dec_and_test_saturated` in `tests/misuse/lkdtm.rs` | stays saturated; returns `false` |
//! | `REFCOUNT_SUB_AND_TEST_SATURATED` | `refcount_sub_and_test_saturated` in `tests/misuse/lkdtm.rs` | stays saturated; returns `false` |
//!
//! Some results differ from the kernel's. In the kernel the variants with `_acquire` refuse a saturated count, and
//! `refcount_dec_not_one` leaves zero as it is; here both follow one rule: a bad count is saturated, and every caller
//! holds a saturated count.
//!
//! # Proof
//!
//! Beyond lkdtm: loom runs each operation in all interleavings of two threads (`inc_not_zero_never_revives` in
//! `tests/model/refcount.rs`, `two_put_locks_and_find` in `tests/model/kref.rs`). Bugs that the kernel had are in `tests/museum`:
//! the wrong code, which the checker breaks, and the same scenario on these types.

#![doc(alias("lkdtm", "LKMM", "Refcount", "ARef", "AlwaysRefCounted"))]
