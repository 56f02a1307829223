//! The feature `track`: who holds what.

mod allocator;
mod checks;
mod holders;
mod pointers;
mod random;
mod shown;
mod threads;

use kref::track::{self, Tracked};

/// How many holders there are.
fn holders<P: Tracked + ?Sized>(pointer: &P) -> usize {
    track::report_of(pointer).count()
}
