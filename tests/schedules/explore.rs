//! Runs scenarios in many schedules, each of which can be run again.
//!
//! A *seed* stands for a batch of [`BATCH`] schedules. An even seed picks at each atomic operation, with
//! equal chances, which thread runs next; an odd one uses priorities that change at a few points (PCT, which
//! finds a bug of depth d with a probability that can be computed). The same draws decide what the
//! threads do, and which weak compare-exchanges fail. So the seed determines the whole run, and a failure prints it:
//!
//! ```text
//! KREF_SCHEDULE=17 cargo test --test schedules registry::everything
//! ```
//!
//! If a failure takes the whole process with it, `-- --nocapture` shows the seed that was its last.
//!
//! `KREF_SCHEDULES=1000000` runs so many schedules of each scenario instead of [`ORDINARY`], and
//! `KREF_SCHEDULES=1000000..2000000` leaves out those that were run before.

use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::{backend, quarantine};

/// The test target that this is part of.
const TARGET: &str = env!("CARGO_CRATE_NAME");

/// How many schedules a seed stands for.
const BATCH: u64 = 16;

/// How many schedules of a scenario the ordinary run tries.
const ORDINARY: u64 = 4_000;

/// Runs a scenario in many schedules.
#[track_caller]
pub fn explore(scenario: fn()) {
    let is_shown = env::args().any(|argument| argument == "--nocapture");
    for seed in seeds() {
        if is_shown {
            println!("KREF_SCHEDULE={seed}");
        }
        if let Err(message) = run(seed, scenario) {
            let thread = std::thread::current();
            let name = thread.name().filter(|name| *name != "main").unwrap_or("");
            panic!("{message}\nagain: KREF_SCHEDULE={seed} cargo test --test {TARGET} {name}");
        }
    }
}

/// Asserts that some schedule fails with one of these messages, and that its seed makes it fail again.
#[track_caller]
pub fn finds(expected: &[&str], scenario: fn()) {
    let found = (0..ORDINARY / BATCH).find_map(|seed| Some((seed, run(seed, scenario).err()?)));
    let (seed, message) = found.expect("no schedule failed");
    println!("seed {seed}: {message}");
    let is_expected = |expected: &&str| message.contains(expected);
    assert!(expected.iter().any(is_expected), "{message}");
    assert_eq!(run(seed, scenario), Err(message), "replayed");
}

fn seeds() -> Range<u64> {
    let number = |text: &str| text.parse::<u64>().expect("a number of schedules");
    if let Ok(seed) = env::var("KREF_SCHEDULE") {
        let seed = seed.parse().expect("the seed that was printed");
        return seed..seed + 1;
    }
    let schedules = match env::var("KREF_SCHEDULES") {
        Ok(range) => match range.split_once("..") {
            Some((from, to)) => number(from)..number(to),
            None => 0..number(&range),
        },
        Err(_) => 0..ORDINARY,
    };
    schedules.start / BATCH..schedules.end.div_ceil(BATCH)
}

/// Runs the schedules of one seed; returns how the first that fails does.
fn run(seed: u64, scenario: fn()) -> Result<(), String> {
    // A misused count fails the scenario.
    ::kref::report::set_hook(|report| backend::must(false, &report.to_string()));
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    let whole = move || {
        quarantine::begin();
        backend::begin();
        scenario();
        backend::end();
        quarantine::end();
    };
    let batch = BATCH as usize;
    let result = catch_unwind(AssertUnwindSafe(|| match seed % 2 {
        0 => Runner::new(RandomScheduler::new_from_seed(seed, batch), config).run(whole),
        _ => {
            let changes = 2 + (seed / 2 % 4) as usize;
            let scheduler = PctScheduler::new_from_seed(seed, changes, batch);
            Runner::new(scheduler, config).run(whole)
        }
    }));
    let Err(panic) = result else {
        return Ok(());
    };
    quarantine::abandon();
    match panic.downcast::<String>() {
        Ok(message) => Err(*message),
        Err(other) => Err(other.downcast_ref::<&str>().unwrap_or(&"?").to_string()),
    }
}

/// A number of shards for a map: one, or one that is divided when there are two objects.
pub fn shards() -> usize {
    usize::from(thread_rng().gen_bool(0.5))
}

/// Picks a number below `n`.
pub fn pick(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}

/// Runs the threads of a scenario and waits for them.
pub fn threads<W: Send + Sync + 'static>(world: &Arc<W>, bodies: impl IntoIterator<Item = fn(&W)>) {
    let spawn = |body: fn(&W)| {
        let world = Arc::clone(world);
        shuttle::thread::spawn(move || body(&world))
    };
    let threads = Vec::from_iter(bodies.into_iter().map(spawn));
    for thread in threads {
        thread.join().unwrap();
    }
}
