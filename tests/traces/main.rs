//! The link between the proofs and the shipped code.
//!
//! `proofs/steps/*.toml` are tables of steps: what a thread can do in a protocol, one atomic operation at a time.
//! `proofs/check.py` proves of these tables what the crate promises, for any number of threads. Here the shipped code runs
//! over a backend that records every operation with its values, in random schedules, and each record is replayed by the same
//! tables:
//!
//! - a step of the code that the table does not have is a failure;
//! - code that deviates is told from code that does not.
//!
//! So the proof is about the code that ships, as far as runs can tell. `KREF_TRACE_STEPS=10000000` replays so many
//! steps of each scenario instead of [`ORDINARY`].
//!
//! | file | idea |
//! |---|---|
//! | `recorder.rs` | the backend, and what it records |
//! | `table.rs`, `expression.rs` | a table of steps, and the conditions in it |
//! | `replay.rs` | a record is replayed by a table |
//! | `scenarios.rs` | what the threads do with a count of one word |
//! | `shipped.rs` | the shipped code with such counts |
//! | `deviations.rs`, `lockless.rs` | code with such counts that deviates, planted |
//! | `weak.rs`, `sharded.rs` | counts of several words: what the threads do, the shipped code, and code that deviates |
//! | `life.rs` | the objects of a registry: what the threads do, and records that are altered so that they deviate |

#![cfg(all(feature = "registry", not(miri)))] // threads are coroutines, which Miri does not know
#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

mod deviations;
mod expression;
mod life;
mod lockless;
mod recorder;
mod replay;
mod scenarios;
mod sharded;
mod shipped;
mod table;
mod weak;

use std::cell::RefCell;
use std::env;
use std::sync::Arc;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::recorder::Record;
use crate::replay::{View, replay};
use crate::table::Table;

/// How many steps the ordinary run replays, of each scenario.
const ORDINARY: usize = 100_000;

/// How many schedules a seed stands for.
const BATCH: usize = 16;

thread_local! {
    static RESULTS: RefCell<Vec<Result<usize, String>>> = const { RefCell::new(Vec::new()) };
    /// How often each step of the table was made.
    static TAKEN: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// What a record is, if it is not altered.
fn as_it_is(_: &mut Record) -> bool {
    true
}

/// Runs the schedules of one seed, and replays those records which `alter` has altered. Returns for each how many steps
/// were replayed, or what was no step of the table.
fn run(
    seed: u64,
    table: &Arc<Table>,
    view: &'static View,
    scenario: fn(),
    alter: fn(&mut Record) -> bool,
) -> Vec<Result<usize, String>> {
    RESULTS.take();
    let table = Arc::clone(table);
    let whole = move || {
        recorder::take();
        scenario();
        let mut record = recorder::take();
        if alter(&mut record) {
            let replayed = TAKEN.with_borrow_mut(|taken| replay(&table, view, &record, taken));
            RESULTS.with_borrow_mut(|results| results.push(replayed));
        }
    };
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    // An even seed picks the thread that goes on with equal chances, an odd one by priorities that change at a
    // few points.
    let scheduler: Box<dyn Scheduler + Send> = match seed % 2 {
        0 => Box::new(RandomScheduler::new_from_seed(seed, BATCH)),
        _ => Box::new(PctScheduler::new_from_seed(
            seed,
            2 + (seed / 2 % 4) as usize,
            BATCH,
        )),
    };
    Runner::new(scheduler, config).run(whole);
    RESULTS.take()
}

/// Asserts that every step of the scenario is a step of the table, and every step of the table one of the scenario, but for those
/// whose names begin with one of `never`.
#[track_caller]
fn accepts(table: &'static str, view: &'static View, never: &[&str], scenario: fn()) {
    let table = Arc::new(Table::read(table));
    TAKEN.take();
    let wanted = match env::var("KREF_TRACE_STEPS") {
        Ok(steps) => steps.parse().expect("a number of steps"),
        Err(_) => ORDINARY,
    };
    let (mut steps, mut seed) = (0, 0);
    while steps < wanted {
        let before = steps;
        for replayed in run(seed, &table, view, scenario, as_it_is) {
            steps += replayed.unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        }
        assert!(steps > before, "seed {seed}: nothing was recorded");
        seed += 1;
    }
    let schedules = seed as usize * BATCH;
    println!("{}: {steps} steps in {schedules} schedules", table.name);
    for (step, times) in table.steps.iter().zip(TAKEN.take()) {
        let is_never = never.iter().any(|name| step.name.starts_with(name));
        assert_eq!(times == 0, is_never, "{}: {times} times", step.name);
    }
}

/// Asserts that some schedule of the scenario has a step that the table does not have.
#[track_caller]
fn rejects(table: &'static str, view: &'static View, scenario: fn()) {
    let table = Arc::new(Table::read(table));
    let of = |seed| run(seed, &table, view, scenario, as_it_is);
    let found = (0..64).flat_map(of).find_map(Result::err);
    println!("{}", found.expect("every schedule was accepted"));
}

/// Asserts that no record of the scenario is accepted which `alter` has altered, and that there are some.
#[track_caller]
fn alters(
    table: &'static str,
    view: &'static View,
    scenario: fn(),
    alter: fn(&mut Record) -> bool,
) {
    let table = Arc::new(Table::read(table));
    let of = |seed| run(seed, &table, view, scenario, alter);
    let replayed = Vec::from_iter((0..8).flat_map(of));
    assert!(!replayed.is_empty(), "there was nothing to be altered");
    for (number, replayed) in replayed.into_iter().enumerate() {
        let why = replayed.expect_err("it was accepted");
        if number == 0 {
            println!("{why}");
        }
    }
}
