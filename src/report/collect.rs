//! The reports of one thread, for tests that run side by side in a process.

use std::cell::RefCell;
use std::vec::Vec;

use super::Report;

std::thread_local! {
    /// What the calls of [`collect`] that this thread is in have noted, the innermost last.
    static COLLECTED: RefCell<Vec<Vec<Report>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, and returns the misuses that the calling thread commits in it. The report hook is not told of them.
///
/// It is for tests: the hook belongs to the whole process, and the tests of one binary run side by side in one
/// process. Misuses that other threads commit while `f` runs, including threads that `f` starts, go to the hook as
/// usual. Of two calls, one within the other, the inner one collects. If `f` panics, its reports are lost and the
/// panic goes on.
///
/// # Examples
///
/// ```
/// use kref::{RefCount, report::{self, Kind}};
///
/// let (last, reports) = report::collect(|| RefCount::new(0).dec_and_test());
/// assert!(!last);
/// assert_eq!(reports[0].kind, Kind::Underflow);
/// assert_eq!(reports.len(), 1);
/// ```
pub fn collect<R>(f: impl FnOnce() -> R) -> (R, Vec<Report>) {
    /// Ends the collection also if `f` panics.
    struct Collection;

    impl Collection {
        fn end() -> Vec<Report> {
            COLLECTED
                .with_borrow_mut(Vec::pop)
                .expect("`collect` has begun it")
        }
    }

    impl Drop for Collection {
        fn drop(&mut self) {
            Self::end();
        }
    }

    COLLECTED.with_borrow_mut(|collected| collected.push(Vec::new()));
    let collection = Collection;
    let result = f();
    core::mem::forget(collection);
    (result, Collection::end())
}

/// Notes a report if the thread is in [`collect`]; returns whether it is.
pub(super) fn note(report: &Report) -> bool {
    // A thread whose locals are gone is in no collection.
    let noted = COLLECTED.try_with(|collected| {
        let mut collected = collected.borrow_mut();
        let innermost = collected.last_mut();
        innermost.map(|reports| reports.push(*report)).is_some()
    });
    noted.unwrap_or(false)
}
