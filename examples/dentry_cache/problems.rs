//! Reports on stderr of what is skipped, which do not get mixed up with the progress bar.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use indicatif::MultiProgress;

/// How many problems are written out; the others are only counted.
const WRITTEN: u64 = 10;

/// Reports problems, from all threads.
pub(crate) struct Problems {
    seen: AtomicU64,
    terminal: MultiProgress,
}

impl Problems {
    pub(crate) fn new(terminal: MultiProgress) -> Self {
        Self {
            seen: AtomicU64::new(0),
            terminal,
        }
    }

    /// Reports that a path is skipped, and why.
    pub(crate) fn report(&self, path: &Path, error: &io::Error) {
        // Relaxed: only counts.
        let before = self.seen.fetch_add(1, Relaxed);
        if before < WRITTEN {
            // Quoted, as the name of a file may contain what controls a terminal.
            self.write(format_args!("skipped {path:?}: {error}"));
        } else if before == WRITTEN {
            self.write(format_args!("more is skipped, and only counted"));
        }
    }

    fn write(&self, line: fmt::Arguments<'_>) {
        // Hides the bar while the line is written. A closed stderr is no reason to stop.
        self.terminal.suspend(|| {
            let _ = writeln!(io::stderr(), "dentry_cache: {line}");
        });
    }

    /// Returns how many problems were reported.
    pub(crate) fn seen(&self) -> u64 {
        // Relaxed: read when the threads have been joined.
        self.seen.load(Relaxed)
    }
}
