//! Every operation against a sequential model, over the whole range of values.
//!
//! Each sequence of operations on atomics and counts runs twice on the shipped code: on the atomics of
//! `core`, and on atomics from outside the crate that have nothing but load, store and
//! compare-exchange. Both have to give what the model gives. On the maps it runs with the default
//! hasher, and with one that makes most keys collide.

mod atomic;
mod backend;
mod cas_loop;
#[cfg(feature = "registry")]
mod interner;
mod refcount;
#[cfg(feature = "registry")]
mod registry;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// Runs `check` on values of `strategy`, and shows the smallest that fails.
///
/// Nothing is written to disk: a failing case is short enough to be copied from the output.
fn for_all<S: Strategy>(strategy: &S, check: impl Fn(S::Value)) {
    let config = Config {
        cases: if cfg!(miri) { 4 } else { 1_000 },
        failure_persistence: None,
        ..Config::default()
    };
    let checked = TestRunner::new(config).run(strategy, |value| {
        check(value);
        Ok(())
    });
    if let Err(failure) = checked {
        panic!("{failure}");
    }
}
