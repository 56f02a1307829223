//! Models: the shipped code over loom's atomics, in all interleavings.
//!
//! Two threads over one primitive are searched without a bound on preemptions. Loom leaves out some orders of loads there
//! (see `set_every_load`), so they are searched once more with every order of loads, and at most three preemptions. Three
//! threads, and the maps, have a bound on preemptions in the ordinary run. `KREF_MODELS=exhaustive cargo test --release --test model`
//! searches those without a bound too, for as long as that takes (hours).
//!
//! Each model runs once for every pattern of spurious failures in [`SPURIOUS`], those with a bound
//! for the first two.

#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

// The shipped backend names these as the crate does.
use ::kref::atomic;
#[cfg(feature = "alloc")]
use ::kref::{lock, sharded};

mod backend;
mod object;
#[cfg(feature = "std")]
mod signal;

#[cfg(feature = "std")]
mod drain;
#[cfg(feature = "alloc")]
mod gpuvm;
mod handback;
mod kref;
#[cfg(feature = "alloc")]
mod llist;
mod rcuref;
mod refcount;
#[cfg(feature = "alloc")]
mod refs;
#[cfg(feature = "registry")]
mod registry;
#[cfg(feature = "registry")]
mod reservations;
mod shard_lock;
#[cfg(feature = "alloc")]
mod sharded_counts;
#[cfg(feature = "track")]
mod track;
#[cfg(feature = "alloc")]
mod weak;
mod wrong;

/// Which weak compare-exchanges fail spuriously: none; each thread's first; its second; both.
const SPURIOUS: [u32; 4] = [0b00, 0b01, 0b10, 0b11];

/// Checks a model of two threads: without a bound, and then with every order of loads and a bound.
#[track_caller]
fn check(model: impl Fn() + Send + Sync + Copy + 'static) {
    for mask in SPURIOUS {
        explore(None, mask, model);
    }
    backend::set_every_load(true);
    explore(if is_exhaustive() { None } else { Some(3) }, 0, model);
    backend::set_every_load(false);
}

/// Checks a model of three threads: in the ordinary run with at most `bound` preemptions, and, of
/// the patterns of spurious failures, with none and with the first.
#[track_caller]
fn check_bounded(bound: usize, model: impl Fn() + Send + Sync + Copy + 'static) {
    if is_exhaustive() {
        return check(model);
    }
    for mask in &SPURIOUS[..2] {
        explore(Some(bound), *mask, model);
    }
}

fn is_exhaustive() -> bool {
    std::env::var("KREF_MODELS").as_deref() == Ok("exhaustive")
}

fn explore(bound: Option<usize>, mask: u32, model: impl Fn() + Send + Sync + 'static) {
    ::kref::report::set_hook(|_| {}); // several models misuse counts on purpose
    backend::set_spurious(mask);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.max_branches = 20_000;
    builder.check(model);
    backend::set_spurious(0);
}

/// Instantiates a model for both backends, as two tests.
macro_rules! over_backends {
    ($($name:ident: $check:expr;)*) => {
        mod cas_only {
            use super::*;
            $(#[test] fn $name() { $check(super::$name::<crate::backend::CasOnly>); })*
        }
        mod rmw {
            use super::*;
            $(#[test] fn $name() { $check(super::$name::<crate::backend::Rmw>); })*
        }
    };
}
pub(crate) use over_backends;

/// Instantiates a model for both backends and both locks, as four tests.
macro_rules! over_locks {
    ($($name:ident: $check:expr;)*) => {
        mod cas_only_mutex {
            use super::*;
            $(#[test] fn $name() {
                $check(super::$name::<crate::backend::CasOnly, crate::object::Mutex>);
            })*
        }
        mod cas_only_rwlock {
            use super::*;
            $(#[test] fn $name() {
                $check(super::$name::<crate::backend::CasOnly, crate::object::RwLock>);
            })*
        }
        mod rmw_mutex {
            use super::*;
            $(#[test] fn $name() {
                $check(super::$name::<crate::backend::Rmw, crate::object::Mutex>);
            })*
        }
        mod rmw_rwlock {
            use super::*;
            $(#[test] fn $name() {
                $check(super::$name::<crate::backend::Rmw, crate::object::RwLock>);
            })*
        }
    };
}
pub(crate) use over_locks;
