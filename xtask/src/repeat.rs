//! `cargo xtask repeat`: the tests again and again, while the machine is busy.
//!
//! A test that passes alone may fail where another thread is stopped at the wrong moment, or where another test of its
//! process has changed what belongs to the process (`docs/process-wide.md`). So the suite runs many times, while other
//! threads keep every processor busy, with twice as many test threads as there are processors.

use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};
use indicatif::FormattedDuration;

use crate::{cargo, root};

/// Run the tests many times while the machine is busy; the first round that fails ends it.
///
/// Exit code 1 if a round failed; its output is shown.
#[derive(clap::Args)]
pub struct Options {
    /// How many rounds.
    #[arg(long, default_value_t = 50)]
    rounds: u32,
    /// How many threads keep processors busy; as many as there are processors, unless it is said.
    #[arg(long)]
    load: Option<usize>,
    /// Arguments of `cargo test` that choose what is run; without them, all tests.
    #[arg(last = true)]
    tests: Vec<String>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let processors = thread::available_parallelism()?.get();
    let tests = || {
        let mut tests = cargo();
        tests.arg("test").args(&options.tests).current_dir(root());
        tests
    };
    if !tests().arg("--no-run").status()?.success() {
        bail!("the tests do not build");
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..options.load.unwrap_or(processors) {
            scope.spawn(|| busy(&over));
        }
        let result = rounds(options.rounds, || {
            let mut tests = tests();
            tests.env("RUST_TEST_THREADS", (2 * processors).to_string());
            tests
        });
        // Relaxed: the flag guards only itself.
        over.store(true, Relaxed);
        result
    })
}

/// Keeps a processor busy. It yields now and then, so that the tests are stopped at many places and not at none.
fn busy(over: &AtomicBool) {
    // Relaxed: as above.
    while !over.load(Relaxed) {
        (0..10_000).for_each(|_| std::hint::spin_loop());
        thread::yield_now();
    }
}

fn rounds(rounds: u32, tests: impl Fn() -> Command) -> Result<ExitCode> {
    for round in 1..=rounds {
        let start = Instant::now();
        let output = tests().stdin(Stdio::null()).output()?;
        let took = FormattedDuration(start.elapsed());
        if !output.status.success() {
            println!("{}", String::from_utf8_lossy(&output.stdout));
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            println!("round {round} of {rounds}: FAILED, after {took}");
            return Ok(ExitCode::FAILURE);
        }
        println!("round {round} of {rounds}: passed, after {took}");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_that_fails_ends_it() {
        let passes = || Command::new("true");
        assert_eq!(rounds(3, passes).unwrap(), ExitCode::SUCCESS);
        let begun = std::cell::Cell::new(0);
        let third_fails = || {
            begun.set(begun.get() + 1);
            Command::new(if begun.get() == 3 { "false" } else { "true" })
        };
        assert_eq!(rounds(5, third_fails).unwrap(), ExitCode::FAILURE);
        assert_eq!(begun.get(), 3);
    }

    #[test]
    fn the_load_ends() {
        busy(&AtomicBool::new(true));
    }
}
