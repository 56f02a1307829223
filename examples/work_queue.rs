//! Finds duplicate files: workers hash, one consumer collects, and sleeps when there is nothing.
//!
//! ```text
//! cargo run --release --example work_queue -- ~/Downloads
//! cargo run --release --example work_queue -- --verify /usr/share
//! ```
//!
//! The workers share the walk of the directory under a mutex, and take a handful of files at a time.
//! What they found they push as a batch on an [`LList`]: one atomic operation per batch, and no
//! lock that a slow worker could hold while the others want to deliver. The push that finds the
//! list empty wakes the consumer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use clap::Parser;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use kref::LList;
use walkdir::WalkDir;

/// Finds duplicate files
#[derive(Parser)]
struct Options {
    /// Where to look
    directory: PathBuf,
    /// How many threads hash [default: one per processor]
    #[arg(short, long)]
    threads: Option<NonZero<usize>>,
    /// Does it all again on one thread, and compares
    #[arg(long)]
    verify: bool,
}

/// How many files a worker takes at a time.
const BATCH: usize = 16;

/// A file, and what is in it.
struct Hashed {
    path: PathBuf,
    contents: Result<(blake3::Hash, u64), String>,
}

fn hash(path: PathBuf) -> Hashed {
    let read = |path: &Path| -> io::Result<(blake3::Hash, u64)> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(path)?)?;
        Ok((hasher.finalize(), hasher.count()))
    };
    let contents = read(&path).map_err(|error| error.to_string());
    Hashed { path, contents }
}

/// The files below a directory. What cannot be read is an error, with its path.
fn walk(directory: &Path) -> impl Iterator<Item = Result<PathBuf, Hashed>> + use<> {
    WalkDir::new(directory)
        .into_iter()
        .filter_map(|entry| match entry {
            Ok(entry) => entry.file_type().is_file().then(|| Ok(entry.into_path())),
            Err(error) => Some(Err(Hashed {
                path: error.path().map(Path::to_owned).unwrap_or_default(),
                contents: Err(error.to_string()),
            })),
        })
}

/// Everything that was found, by contents.
#[derive(Default, PartialEq, Eq)]
struct Found {
    files: BTreeMap<[u8; 32], (u64, Vec<PathBuf>)>,
    unreadable: BTreeMap<PathBuf, String>,
}

impl Found {
    fn add(&mut self, hashed: Hashed) {
        match hashed.contents {
            Ok((hash, size)) => {
                let (_, paths) = self.files.entry(*hash.as_bytes()).or_insert((size, vec![]));
                paths.push(hashed.path);
            }
            Err(error) => {
                self.unreadable.insert(hashed.path, error);
            }
        }
    }

    /// Which of two equal files comes first does not depend on which thread was faster.
    fn sorted(mut self) -> Self {
        self.files.values_mut().for_each(|(_, paths)| paths.sort());
        self
    }

    fn print(&self) {
        for (path, error) in &self.unreadable {
            eprintln!("{}: {error}", path.display());
        }
        let copies = self.files.values().filter(|(_, paths)| paths.len() > 1);
        let (mut groups, mut waste) = (0, 0);
        for (size, paths) in copies {
            groups += 1;
            waste += size * (paths.len() as u64 - 1);
            println!("{}, {} times:", HumanBytes(*size), paths.len());
            paths
                .iter()
                .for_each(|path| println!("  {}", path.display()));
        }
        println!(
            "{groups} files with copies, which take {}",
            HumanBytes(waste)
        );
    }
}

/// One thread after the other.
fn find_alone(directory: &Path) -> Found {
    let mut found = Found::default();
    for file in walk(directory) {
        found.add(file.map_or_else(|error| error, hash));
    }
    found.sorted()
}

/// Counts a worker as running until it is dropped, also by a panic, and wakes the consumer then.
struct Running<'a> {
    workers: &'a AtomicUsize,
    consumer: &'a thread::Thread,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `find`, so that what the last worker has pushed is
        // found by the take that comes after it.
        self.workers.fetch_sub(1, Ordering::Release);
        self.consumer.unpark();
    }
}

/// Many threads hash, and the calling thread collects.
fn find(directory: &Path, threads: usize, progress: &ProgressBar) -> Found {
    let files = Mutex::new(walk(directory));
    let results: LList<Hashed> = LList::new();
    let workers = AtomicUsize::new(threads);
    let consumer = thread::current();

    let work = || {
        let _running = Running {
            workers: &workers,
            consumer: &consumer,
        };
        loop {
            let batch: Vec<_> = {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                files.by_ref().take(BATCH).collect()
            };
            if batch.is_empty() {
                return;
            }
            let hashed = batch
                .into_iter()
                .map(|file| file.map_or_else(|error| error, hash));
            if results.push_all(hashed) {
                consumer.unpark(); // it was empty: the consumer may be asleep
            }
        }
    };

    thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(work)));

        let mut found = Found::default();
        loop {
            // Acquire: pairs with the Release in `Running`. Asked before the list is looked at.
            let finished = workers.load(Ordering::Acquire) == 0;
            let chain = results.take_all();
            if chain.is_empty() {
                if finished {
                    return found.sorted();
                }
                thread::park(); // an `unpark` since the take makes this return at once
            }
            for hashed in chain {
                progress.inc(1);
                found.add(hashed);
            }
        }
    })
}

fn main() -> ExitCode {
    let options = Options::parse();
    let threads = options
        .threads
        .or_else(|| thread::available_parallelism().ok())
        .map_or(1, NonZero::get);

    let style = ProgressStyle::with_template("{spinner} {human_pos} files, {per_sec}, {elapsed}")
        .expect("the template is right");
    let progress = ProgressBar::new_spinner().with_style(style);
    progress.enable_steady_tick(Duration::from_millis(100));
    let found = find(&options.directory, threads, &progress);
    progress.finish_and_clear();
    found.print();

    if options.verify {
        if find_alone(&options.directory) != found {
            eprintln!("the same on one thread gives something else");
            return ExitCode::FAILURE;
        }
        println!("verified on one thread");
    }
    ExitCode::SUCCESS
}
