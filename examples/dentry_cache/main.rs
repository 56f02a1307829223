//! A cache of directory entries over a real directory tree, as the kernel's dcache has it: the main
//! job of put-with-lock.
//!
//! Threads resolve the paths of the tree component by component. An entry keeps its parent alive; a
//! directory lists its children without counting them, under its lock; the last put of an entry takes
//! that lock, takes the entry out of the list, frees it, and goes on to the parent. In the end no
//! entry may be left.
//!
//! An entry leaves with its last user, so that the next one has to ask the file system again. What makes a cache of it is
//! `--keep N`: the last N entries that were put are kept alive by a handle each, as the kernel's dcache keeps unused
//! entries in a list. Then the paths are resolved twice, without and with it, and the hits of both are printed.
//!
//! There are two caches: one that uses `Kref` by hand, to show the method, and one on `Registry`, which
//! does the same for you.
//!
//! - `cache`: what the caches have in common
//! - `dcache`: the cache with `Kref`, and all of the `unsafe`
//! - `registry_cache`: the cache on `Registry`
//! - `keep`: the unused entries that are kept all the same
//! - `worker`: what a thread does
//! - `tree`: the paths to be resolved
//! - `counts`, `problems`: what is printed
//!
//! Run it with `cargo run --release --example dentry_cache -- DIR`; `--help` tells the options. The
//! exit code is 0; 1 if an entry is left; 2 if the directory cannot be read, or for a wrong option.

mod cache;
mod counts;
mod dcache;
mod keep;
mod problems;
mod registry_cache;
mod tree;
mod worker;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::panic;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use cache::Cached;
use counts::{Counts, LIVE};
use keep::Kept;
use problems::Problems;
use worker::Work;

/// Resolves the paths of a directory tree through a cache of directory entries, from many threads at
/// once, and checks that no entry leaks.
#[derive(Parser)]
struct Options {
    /// The directory at which the tree begins
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Which cache
    #[arg(long, value_enum, default_value_t = With::Kref)]
    with: With,

    /// How many threads resolve paths
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,

    /// How often each thread resolves every path
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,

    /// How long a thread holds a handle: until it has resolved N more paths
    #[arg(long, value_name = "N", default_value_t = 64)]
    hold: usize,

    /// Keeps the N entries alive that were put last; resolves all paths without, and then with this
    #[arg(long, value_name = "N", default_value_t = 0)]
    keep: usize,

    /// Seed of the random orders in which the threads resolve the paths
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// What the cache is made of.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum With {
    /// Counts and locks by hand
    Kref,
    /// A registry of children in each directory
    Registry,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match options.with {
        With::Kref => run::<dcache::Dentry>(&options),
        With::Registry => run::<registry_cache::Dentry>(&options),
    };
    let summary = match result {
        Ok(summary) => summary,
        Err(error) => {
            // A closed stderr changes nothing about the exit code.
            let _ = writeln!(io::stderr(), "dentry_cache: {error}");
            return ExitCode::from(2);
        }
    };
    // Nor does a closed stdout.
    let _ = write!(io::stdout(), "{summary}");
    if summary.live == 0 {
        ExitCode::SUCCESS
    } else {
        let _ = writeln!(
            io::stderr(),
            "dentry_cache: {} entries leaked",
            summary.live
        );
        ExitCode::FAILURE
    }
}

/// Does it all. At the end the threads are joined and all handles are put.
///
/// # Errors
///
/// If there is no directory to begin with, or the threads cannot be started.
fn run<D: Cached>(options: &Options) -> Result<Summary, String> {
    let directory = &options.directory;
    let unreadable = |error: io::Error| format!("{directory:?}: {error}");

    // The directory itself may be a symbolic link, as on other command lines.
    let metadata = fs::metadata(directory).map_err(unreadable)?;
    if !metadata.is_dir() {
        return Err(unreadable(io::ErrorKind::NotADirectory.into()));
    }
    // Draws on stderr if that is a terminal, and nowhere else.
    let terminal = MultiProgress::new();
    let problems = Problems::new(terminal.clone());

    let started = Instant::now();
    let progress = terminal.add(ProgressBar::new_spinner());
    progress.set_style(style("{spinner} {human_pos} paths found"));
    let paths = tree::list(directory, &problems, &progress).map_err(unreadable)?;
    progress.finish_and_clear();
    let listing = started.elapsed();

    let started = Instant::now();
    let rounds = 1 + u64::from(options.keep > 0);
    let steps = rounds * u64::from(options.threads) * u64::from(options.rounds);
    let progress = terminal.add(ProgressBar::new(steps.saturating_mul(paths.len() as u64)));
    progress.set_style(style(
        "{wide_bar} {human_pos} of {human_len} resolved, {eta} left",
    ));
    let resolve = |keep| {
        let root = D::root(directory, metadata.clone());
        let kept = Kept::new(keep);
        let counts = work(&Work {
            root: &root,
            paths: &paths,
            options,
            kept: &kept,
            problems: &problems,
            progress: &progress,
        })?;
        // What was kept ends here, and then the root, which has no parent that would list it.
        drop((kept, root));
        Ok::<_, String>(counts + counts::take())
    };
    let not_kept = resolve(0)?;
    let (counts, not_kept) = match options.keep {
        0 => (not_kept, None),
        keep => (resolve(keep)?, Some(not_kept)),
    };
    progress.finish_and_clear();

    Ok(Summary {
        with: options.with,
        paths: paths.len() as u64,
        skipped: problems.seen(),
        counts,
        not_kept,
        peak: LIVE.peak(),
        live: LIVE.now(),
        listing,
        resolving: started.elapsed(),
    })
}

/// Runs the threads, and adds up what they have counted.
fn work<D: Cached>(work: &Work<'_, D>) -> Result<Counts, String> {
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..work.options.threads {
            let thread = thread::Builder::new()
                .spawn_scoped(scope, move || work.run(number))
                .map_err(|error| format!("cannot start thread {number}: {error}"))?;
            threads.push(thread);
        }
        let mut counts = Counts::default();
        for thread in threads {
            counts += thread
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic));
        }
        Ok(counts)
    })
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}

/// The closing figures.
struct Summary {
    with: With,
    paths: u64,
    skipped: u64,
    counts: Counts,
    /// What was counted before, without keeping anything.
    not_kept: Option<Counts>,
    peak: u64,
    live: u64,
    listing: Duration,
    resolving: Duration,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let lines = [
            ("paths in the tree", self.paths),
            ("paths resolved", counts.resolved),
            ("paths skipped", self.skipped),
            ("entries created", counts.created),
            ("hits", counts.hits),
            ("misses", counts.misses),
            ("  another thread was faster", counts.inserted_by_others),
            ("  not readable", counts.failed),
        ];
        let share = |counts: &Counts| {
            let lookups = (counts.hits + counts.misses).max(1);
            format!("{:.1} %", 100.0 * counts.hits as f64 / lookups as f64)
        };
        // A registry does not tell.
        let puts = [
            ("puts without the lock", counts.puts_without_lock),
            ("puts with the lock", counts.races_lost + counts.last_puts),
            ("  races lost to a lookup", counts.races_lost),
        ];
        let puts = puts.into_iter().filter(|_| self.with == With::Kref);
        let live = [
            ("peak live entries", self.peak),
            ("live entries at the end", self.live),
        ];
        for (name, value) in lines.into_iter().chain(puts).chain(live) {
            writeln!(f, "{name:28}{:>14}", HumanCount(value).to_string())?;
        }
        if let Some(not_kept) = &self.not_kept {
            writeln!(f, "{:28}{:>14}", "hits, nothing kept", share(not_kept))?;
            writeln!(f, "{:28}{:>14}", "hits, with what is kept", share(counts))?;
        }
        let [listing, resolving] =
            [self.listing, self.resolving].map(|time| format!("{:.2} s", time.as_secs_f64()));
        writeln!(f, "{:28}{listing:>14}", "time to list the tree")?;
        writeln!(f, "{:28}{resolving:>14}", "time to resolve")
    }
}
