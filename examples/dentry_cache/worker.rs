//! What each thread does: it resolves all the paths through the cache, in an order of its own, and
//! holds on to the last handles.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;

use crate::Options;
use crate::cache::Cached;
use crate::counts::{self, Counts, count};
use crate::keep::Kept;
use crate::problems::Problems;

/// How many paths are resolved between two steps of the progress bar.
const STEP: usize = 256;

/// What the threads share.
pub(crate) struct Work<'a, D> {
    pub(crate) root: &'a D,
    pub(crate) paths: &'a [PathBuf],
    pub(crate) options: &'a Options,
    pub(crate) kept: &'a Kept<D>,
    pub(crate) problems: &'a Problems,
    pub(crate) progress: &'a ProgressBar,
}

impl<D: Cached> Work<'_, D> {
    /// Does the work of the thread with this number, and returns what it has counted.
    pub(crate) fn run(&self, number: u16) -> Counts {
        let mut random = SplitMix64::new(self.options.seed, number);
        let mut order: Vec<&Path> = self.paths.iter().map(PathBuf::as_path).collect();
        let mut held = VecDeque::new();
        for _ in 0..self.options.rounds {
            random.shuffle(&mut order);
            for paths in order.chunks(STEP) {
                for path in paths {
                    if let Some(dentry) = self.resolve(path) {
                        held.push_back((*path, dentry));
                    }
                    if held.len() > self.options.hold {
                        held.pop_front()
                            .into_iter()
                            .for_each(|held| self.release(held));
                    }
                }
                self.progress.inc(paths.len() as u64);
            }
        }
        held.into_iter().for_each(|held| self.release(held));
        counts::take()
    }

    /// Puts a handle, after a last look at it: it is still the entry that the path led to. Perhaps it is kept.
    fn release(&self, (path, dentry): (&Path, D)) {
        assert_eq!(Some(dentry.name()), path.file_name());
        self.kept.keep(dentry);
    }

    /// Resolves a path from the root; one that cannot be resolved is reported.
    fn resolve(&self, path: &Path) -> Option<D> {
        let mut dentry = self.root.clone();
        for name in path {
            // The handle of the parent is put as soon as there is one of the child.
            dentry = match child(&dentry, name) {
                Ok(child) => child,
                Err(error) => {
                    self.problems.report(&dentry.path().join(name), &error);
                    return None;
                }
            };
        }
        count(|counts| counts.resolved += 1);
        Some(dentry)
    }
}

/// Goes from a directory to one of its entries: through the cache, or else through the file system,
/// without a lock, and into the cache.
fn child<D: Cached>(parent: &D, name: &OsStr) -> io::Result<D> {
    if !parent.metadata().is_dir() {
        // A symbolic link, too: it is not followed.
        return Err(io::ErrorKind::NotADirectory.into());
    }
    if let Some(child) = parent.lookup(name) {
        count(|counts| counts.hits += 1);
        return Ok(child);
    }
    count(|counts| counts.misses += 1);
    match fs::symlink_metadata(parent.path().join(name)) {
        Ok(metadata) => Ok(parent.insert(name, metadata)),
        Err(error) => {
            count(|counts| counts.failed += 1);
            Err(error)
        }
    }
}

/// The random numbers of one thread: Steele, Lea and Flood's SplitMix64.
struct SplitMix64(u64);

impl SplitMix64 {
    fn new(seed: u64, thread: u16) -> Self {
        let mut seeds = Self(seed);
        let thread = u64::from(thread).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self(seeds.next() ^ thread)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Shuffles, by Fisher and Yates. That the remainder is not quite uniform does not matter here.
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.next() % (last as u64 + 1);
            items.swap(last, other as usize);
        }
    }
}
