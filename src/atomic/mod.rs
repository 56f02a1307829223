//! Conditional read-modify-write operations and compare-and-swap loops over the atomics of `core`.
//!
//! An atomic of `core` can add, but it cannot *add unless the value is zero*. The kernel's
//! `atomic_t` can, and so can every type that implements [`Atomic`]: bring [`AtomicExt`] into scope
//! and call the operation on the atomic that you already have.
//!
//! ```
//! use kref::atomic::AtomicExt;
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
//! static TICKETS: AtomicU32 = AtomicU32::new(2);
//!
//! assert_eq!(TICKETS.dec_if_positive(Relaxed), Ok(2));
//! assert_eq!(TICKETS.dec_if_positive(Relaxed), Ok(1));
//! assert_eq!(TICKETS.dec_if_positive(Relaxed), Err(0)); // sold out, and nothing was written
//! ```
//!
//! # The kernel's operations and ours
//!
//! | `atomic_t` | here |
//! |---|---|
//! | `atomic_read`, `atomic_read_acquire` | [`Atomic::load`] (std) |
//! | `atomic_set`, `atomic_set_release` | [`Atomic::store`] (std) |
//! | `atomic_add`, `atomic_sub`, `atomic_inc`, `atomic_dec` | [`AtomicInt::fetch_add`], [`AtomicInt::fetch_sub`] (std), result dropped |
//! | `atomic_add_return`, `atomic_sub_return` | [`AtomicExt::add_return`], [`AtomicExt::sub_return`] |
//! | `atomic_inc_return`, `atomic_dec_return` | [`AtomicExt::inc_return`], [`AtomicExt::dec_return`] |
//! | `atomic_fetch_add`, `atomic_fetch_sub` | [`AtomicInt::fetch_add`], [`AtomicInt::fetch_sub`] (std) |
//! | `atomic_fetch_inc`, `atomic_fetch_dec` | [`AtomicExt::fetch_inc`], [`AtomicExt::fetch_dec`] |
//! | `atomic_and`, `atomic_or`, `atomic_xor` and `atomic_fetch_…` of them | [`AtomicBits::fetch_and`], [`AtomicBits::fetch_or`], [`AtomicBits::fetch_xor`] (std) |
//! | `atomic_andnot`, `atomic_fetch_andnot` | [`AtomicExt::fetch_andnot`] |
//! | `atomic_xchg` | [`Atomic::swap`] (std) |
//! | `atomic_cmpxchg`, `atomic_try_cmpxchg` | [`Atomic::compare_exchange`] (std) |
//! | `atomic_sub_and_test`, `atomic_dec_and_test`, `atomic_inc_and_test` | [`AtomicExt::sub_and_test`], [`AtomicExt::dec_and_test`], [`AtomicExt::inc_and_test`] |
//! | `atomic_add_negative` | [`AtomicExt::add_negative`] |
//! | `atomic_add_unless` | [`AtomicExt::add_unless`] |
//! | `atomic_fetch_add_unless` | [`AtomicExt::fetch_add_unless`]; the [`Result`] says whether it added |
//! | `atomic_inc_not_zero` | [`AtomicExt::inc_not_zero`] |
//! | `atomic_inc_unless_negative`, `atomic_dec_unless_positive` | [`AtomicExt::inc_unless_negative`], [`AtomicExt::dec_unless_positive`] |
//! | `atomic_dec_if_positive` | [`AtomicExt::dec_if_positive`]; the [`Result`] says whether it decremented, where C returns `old - 1` in both cases |
//! | `smp_mb__before_atomic`, `smp_mb__after_atomic` | [`core::sync::atomic::fence`]`(SeqCst)` |
//! | (none) | [`AtomicExt::cas_loop`], [`AtomicExt::raise_to`], [`AtomicExt::lower_to`], [`AtomicExt::set_bits`], [`AtomicExt::clear_bits`], [`AtomicExt::dec_not_one`], [`AtomicExt::dec_if_one`] |
//!
//! The suffixes `_relaxed`, `_acquire` and `_release` are the `order` argument here. The kernel's
//! operations without suffix are *fully ordered*, which is more than `SeqCst` on one operation: a
//! faithful port is `fence(SeqCst)`, the operation, `fence(SeqCst)`. The kernel also lets a branch on
//! a relaxed result order later stores; Rust does not, so ask for [`Acquire`] where the kernel
//! relies on a control dependency.
//!
//! [`Acquire`]: core::sync::atomic::Ordering::Acquire
//!
//! # Memory ordering
//!
//! `order` is the ordering of the operation when it writes. An operation that declines to write
//! has made [`Relaxed`] loads only; a compare-exchange that failed before is one of them.
//!
//! [`Relaxed`]: core::sync::atomic::Ordering::Relaxed
//!
//! # Backends
//!
//! Every type of this crate that contains an atomic takes it from a [`Backend`], a family of
//! atomics, which is [`Native`] unless said otherwise. You need another one only to run the code of
//! this crate inside a model checker. For loom there is one, behind the feature `loom`: the module
//! `kref::atomic::loom` says how to use it. For another, implement [`Atomic`], [`AtomicBits`],
//! [`AtomicInt`] and [`Backend`] over the model checker's atomics and name your type, as in
//! `Kref<MyBackend>`. What is checked then is the code that ships, not a copy compiled differently.

#[cfg(all(
    not(all(target_has_atomic = "32", target_has_atomic = "ptr")),
    not(feature = "portable-atomic")
))]
mod absent;
mod ext;
mod int;
#[cfg(feature = "loom")]
pub mod loom;
#[cfg_attr(
    not(target_has_atomic = "32"),
    allow(unused_imports, unused_macros, reason = "`core` has no such atomic")
)]
mod native;
pub(crate) mod pace;
#[cfg(feature = "portable-atomic")]
mod portable;
mod traits;

#[cfg(feature = "loom")]
pub use self::loom::Loom;
pub use ext::AtomicExt;
pub use int::{Bits, Int, Signed};
#[cfg(feature = "std")]
pub(crate) use native::AtomicPtr;
pub use native::Native;
pub(crate) use native::{AtomicU32, AtomicUsize};
#[cfg(feature = "portable-atomic")]
pub use portable::Portable;
pub use traits::{Atomic, AtomicBits, AtomicInt, Backend};
