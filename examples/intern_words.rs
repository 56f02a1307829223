//! Counts the words of text files, each stored once, from many threads: what `Interner<str>` is for.
//!
//! In every round each thread takes texts, interns their words, and counts them in a map of its own,
//! whose keys are as large as a pointer and are hashed and compared by address. Then the counts are
//! added up, and all is dropped. The interner forgets a word with its last reference. So after every
//! round it has to be empty, and the memory that it keeps for the next must not grow.
//!
//! Run it with `cargo run --release --example intern_words -- [PATH]...`; `--help` tells the options.
//! The exit code is 0; 1 if a word is left or memory grows; 2 if there is nothing to read, or for a
//! wrong option.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{BinaryBytes, HumanCount, ProgressBar, ProgressStyle};
use kref::atomic::AtomicExt;
use kref::{Interned, Interner};

/// Counts the words of text files from many threads at once, and checks that nothing of them is left.
#[derive(Parser)]
struct Options {
    /// Files, and directories below which all .md and .rs files are read
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// How many threads count words
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: u16,

    /// How often all texts are read through, at least twice
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..))]
    rounds: u32,

    /// How many of the most frequent words are printed
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

/// How much the memory may grow from the first round to the last: what the standard library and the
/// lock set up when threads first meet; with the feature `track` also the tables of the tracker, which keep their size.
const SLACK: usize = if cfg!(feature = "track") {
    1 << 20
} else {
    64 << 10
};

/// The system's allocator, which tells how much is allocated.
struct Counting {
    now: AtomicUsize,
    peak: AtomicUsize,
}

#[global_allocator]
static MEMORY: Counting = Counting {
    now: AtomicUsize::new(0),
    peak: AtomicUsize::new(0),
};

// SAFETY: every call is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Relaxed: numbers to be read when the threads have been joined.
        let now = self.now.add_return(layout.size(), Relaxed);
        // Err means that the peak was higher, and nothing was written.
        let _ = self.peak.raise_to(now, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // Relaxed: as in `alloc`.
        self.now.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) };
    }
}

impl Counting {
    fn now(&self) -> usize {
        // Relaxed: as in `alloc`.
        self.now.load(Relaxed)
    }

    /// The peak since the last call.
    fn take_peak(&self) -> usize {
        // Relaxed: as in `alloc`.
        self.peak.swap(self.now(), Relaxed)
    }
}

/// How often each word occurs.
type Counts = HashMap<Interned<str>, u64>;

fn main() -> ExitCode {
    let options = Options::parse();
    let (texts, skipped) = read(&options.paths);
    if texts.is_empty() {
        // A closed stderr changes nothing about the exit code. Nor does a closed stdout, below.
        let _ = writeln!(io::stderr(), "intern_words: there is no text");
        return ExitCode::from(2);
    }
    let before = MEMORY.now();
    let words = Interner::new();
    let mut rounds = Vec::new();
    let mut most_frequent = Vec::new();
    for _ in 0..options.rounds {
        match round(&words, &texts, &options) {
            Ok((round, top)) => {
                rounds.push(round);
                most_frequent = top;
            }
            Err(error) => {
                let _ = writeln!(io::stderr(), "intern_words: cannot start a thread: {error}");
                return ExitCode::from(2);
            }
        }
    }
    drop(words);
    let summary = Summary {
        files: texts.len(),
        skipped,
        bytes: texts.iter().map(String::len).sum(),
        most_frequent,
        rounds,
        before,
        after: MEMORY.now(),
    };
    let _ = write!(io::stdout(), "{summary}");
    match summary.problem() {
        None => ExitCode::SUCCESS,
        Some(problem) => {
            let _ = writeln!(io::stderr(), "intern_words: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the files, and returns their texts and how many paths were skipped, which it reports.
fn read(paths: &[PathBuf]) -> (Vec<String>, usize) {
    let mut texts = Vec::new();
    let mut skipped = 0;
    let mut to_do = paths.to_vec();
    while let Some(path) = to_do.pop() {
        let result = if path.is_dir() {
            list(&path).map(|listed| to_do.extend(listed))
        } else {
            fs::read(&path).map(|bytes| texts.push(String::from_utf8_lossy(&bytes).into_owned()))
        };
        if let Err(error) = result {
            skipped += 1;
            // Quoted, as the name of a file may contain what controls a terminal.
            let _ = writeln!(io::stderr(), "intern_words: skipped {path:?}: {error}");
        }
    }
    (texts, skipped)
}

/// Lists the directories and the text files in a directory; symbolic links are left out.
fn list(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let (path, file_type) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        let is_text = path.extension().is_some_and(|e| e == "md" || e == "rs");
        if file_type.is_dir() || file_type.is_file() && is_text {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// What one round came to.
#[derive(Default)]
struct Round {
    words: u64,
    distinct: usize,
    /// The bytes of the distinct words themselves.
    letters: usize,
    /// Words in the interner when all was dropped.
    left: usize,
    peak: usize,
    /// Bytes that were allocated when all was dropped.
    kept: usize,
    time: Duration,
}

/// Counts the words of all texts, and forgets them. Also returns the most frequent ones.
fn round(
    words: &Interner<str>,
    texts: &[String],
    options: &Options,
) -> io::Result<(Round, Vec<(String, u64)>)> {
    let started = Instant::now();
    MEMORY.take_peak();
    // Draws on stderr if that is a terminal, and nowhere else.
    let progress = ProgressBar::new(texts.len() as u64);
    progress.set_style(
        ProgressStyle::with_template("{wide_bar} {human_pos} of {human_len} texts, {eta} left")
            .expect("the template is a constant"),
    );
    let next = AtomicUsize::new(0);
    let count = || {
        let mut counts = Counts::new();
        // Relaxed: each text goes to one thread, and all were there before the threads.
        while let Some(text) = texts.get(next.fetch_inc(Relaxed)) {
            for word in text.split(|c: char| !c.is_alphanumeric()) {
                if !word.is_empty() {
                    *counts.entry(words.intern_ref(word)).or_default() += 1;
                }
            }
            progress.inc(1);
        }
        counts
    };
    let counts = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.threads)
            .map(|_| thread::Builder::new().spawn_scoped(scope, count))
            .collect::<io::Result<_>>()?;
        let mut total = Counts::new();
        for thread in threads {
            let counts = thread.join();
            for (word, n) in counts.unwrap_or_else(|panic| panic::resume_unwind(panic)) {
                *total.entry(word).or_default() += n;
            }
        }
        io::Result::Ok(total)
    })?;
    progress.finish_and_clear();
    // One word, one object: the threads found each other's.
    assert_eq!(counts.len(), words.len());

    let most_frequent = most_frequent(&counts, options.top);
    let mut round = Round {
        words: counts.values().sum(),
        distinct: counts.len(),
        letters: counts.keys().map(|word| word.len()).sum(),
        ..Round::default()
    };
    drop((counts, progress));
    round.left = words.len();
    round.peak = MEMORY.take_peak();
    round.kept = MEMORY.now();
    round.time = started.elapsed();
    Ok((round, most_frequent))
}

fn most_frequent(counts: &Counts, top: usize) -> Vec<(String, u64)> {
    let mut by_count: Vec<_> = counts.iter().collect();
    by_count.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
    let top = by_count.into_iter().take(top);
    top.map(|(word, n)| (word.to_string(), *n)).collect()
}

/// The closing figures.
struct Summary {
    files: usize,
    skipped: usize,
    bytes: usize,
    most_frequent: Vec<(String, u64)>,
    rounds: Vec<Round>,
    /// Bytes that were allocated for the texts, before the rounds and after the interner was dropped.
    before: usize,
    after: usize,
}

impl Summary {
    fn problem(&self) -> Option<String> {
        let [first, .., last] = &self.rounds[..] else {
            unreachable!("there are at least two rounds");
        };
        if last.left > 0 {
            return Some(format!("{} words are left", last.left));
        }
        let grown = last.kept.saturating_sub(first.kept);
        let leaked = self.after.saturating_sub(self.before);
        if grown > SLACK || leaked > SLACK {
            return Some(format!(
                "{grown} bytes more from round to round, {leaked} leaked"
            ));
        }
        None
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.rounds.last().expect("there are at least two rounds");
        let bytes = |n: usize| BinaryBytes(n as u64).to_string();
        let lines = [
            ("texts", HumanCount(self.files as u64).to_string()),
            ("  skipped", HumanCount(self.skipped as u64).to_string()),
            ("  size", bytes(self.bytes)),
            ("words", HumanCount(last.words).to_string()),
            (
                "distinct words",
                HumanCount(last.distinct as u64).to_string(),
            ),
            ("  size", bytes(last.letters)),
        ];
        for (name, value) in lines {
            writeln!(f, "{name:28}{value:>14}")?;
        }
        writeln!(f, "memory besides the texts")?;
        let more = |n: usize| bytes(n.saturating_sub(self.before));
        for (number, round) in (1..).zip(&self.rounds) {
            let (left, time) = (round.left, round.time.as_secs_f64());
            let (peak, kept) = (more(round.peak), more(round.kept));
            writeln!(
                f,
                "  round {number:<4} peak {peak:>11}, kept {kept:>11}, {left} words left, {time:.2} s"
            )?;
        }
        writeln!(f, "  without the interner      {:>14}", more(self.after))?;
        writeln!(f, "most frequent")?;
        for (word, n) in &self.most_frequent {
            writeln!(f, "  {word:26}{:>14}", HumanCount(*n).to_string())?;
        }
        Ok(())
    }
}
