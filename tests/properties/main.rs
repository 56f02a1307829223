//! Every operation against a sequential model, over the whole range of values.
//!
//! Operations on atomics and counts run twice on the shipped code: on the atomics of `core`, and on
//! atomics from outside the crate that have only load, store and compare-exchange. Both have to give
//! what the model gives. On the maps they run with the default hasher, and with one that makes most keys
//! collide.
//!
//! `PROPTEST_CASES` says how many cases of each property to try.

#![cfg(feature = "registry")]

mod alphabets;
mod atomic;
mod cas_loop;
#[path = "../machines/mod.rs"]
#[expect(
    unreachable_pub,
    reason = "the package in fuzz/ makes it a public module"
)]
mod machines;
mod state_machines;

use std::env;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestRunner};

/// How many cases to try, unless the environment says so.
fn cases(default: u32) -> u32 {
    match env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default().cases,
        None if cfg!(miri) => 2,
        None => default,
    }
}

/// Runs `check` on values of `strategy`, and shows the smallest that fails.
fn for_all<S: Strategy>(strategy: &S, check: impl Fn(S::Value)) {
    for_some(cases(1_000), strategy, check);
}

/// Runs `check` on so many values.
///
/// Nothing is written to disk: a failing case is short enough to be copied from the output.
fn for_some<S: Strategy>(cases: u32, strategy: &S, check: impl Fn(S::Value)) {
    let config = Config {
        cases,
        failure_persistence: None,
        // The default, four times the cases, does not get far with a long sequence.
        max_shrink_iters: 20_000,
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
