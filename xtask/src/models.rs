//! `cargo xtask models`: the models, searched without a bound.

use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::binary::{Run, TIMEOUT, build, until_failure};
use crate::{cargo, root};

/// Search the models without a bound on preemptions, optimised.
///
/// Those of two threads over one primitive, and over native read-modify-write operations most of those
/// of three threads without a lock, end in seconds. The others take from minutes to hours each: name
/// the ones that you want, set a limit, or let it run overnight. Exit code 1 if a model fails; one that
/// did not end within the limit has not, and is listed at the end.
#[derive(clap::Args)]
pub struct Options {
    /// Only the models whose name contains one of these.
    filter: Vec<String>,
    /// Give up on a model after so many seconds.
    #[arg(long, value_name = "SECONDS")]
    limit: Option<u64>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let limit = options.limit.map_or(Duration::MAX, Duration::from_secs);
    let mut cargo = cargo();
    cargo.args(["test", "--release"]).current_dir(root());
    let binary = build(&mut cargo, "model")?.map_err(|error| anyhow!("{error}"))?;
    let command = || {
        let mut command = Command::new(&binary);
        command.current_dir(root()).env("KREF_MODELS", "exhaustive");
        command
    };
    let listed = command()
        .args(&options.filter)
        .args(["--list", "--format", "terse"])
        .output()
        .context("cannot list the models")?;
    let listed = String::from_utf8(listed.stdout)?;
    let names: Vec<_> = listed
        .lines()
        .filter_map(|l| l.strip_suffix(": test"))
        .collect();
    ensure!(!names.is_empty(), "no model has such a name");

    let queue = Mutex::new(names.iter().enumerate());
    let unfinished = Mutex::new(Vec::new());
    let work = || -> Result<bool> {
        let mut good = true;
        loop {
            let next = queue.lock().expect("no worker panics").next();
            let Some((i, name)) = next else {
                return Ok(good);
            };
            let mut command = command();
            command.args(["--exact", name]);
            let start = Instant::now();
            let end = match until_failure(command, limit)? {
                Run::Passed(_) => "all interleavings",
                Run::Failed(how) if how.ends_with(&format!("({TIMEOUT})")) => {
                    unfinished.lock().expect("no worker panics").push(*name);
                    "not finished"
                }
                Run::Failed(_) => {
                    good = false;
                    "FAILED"
                }
            };
            let took = start.elapsed();
            println!("{}/{} {name}: {end}, {took:.1?}", i + 1, names.len());
        }
    };
    let results: Vec<_> = thread::scope(|scope| {
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        let ends = workers.into_iter().map(|worker| worker.join());
        ends.map(|end| end.expect("no worker panics")).collect()
    });
    let results = results.into_iter().collect::<Result<Vec<bool>>>()?;

    let mut unfinished = unfinished.into_inner().expect("no worker panics");
    unfinished.sort_unstable();
    println!(
        "{} of {} models not searched to the end:",
        unfinished.len(),
        names.len()
    );
    for name in unfinished {
        println!("    {name}");
    }
    Ok(match results.into_iter().all(|good| good) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
