//! What a count does when it is misused, and how the misuse is reported.
//!
//! The hook is one for the whole process and the tests run side by side, so there is one hook, which
//! notes each report for the thread that caused it.

mod collecting;
mod default_hook;
mod freezing;
mod hook;
mod lkdtm;
mod saturation;

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use kref::lock::Lock;
use kref::report::{self, Kind, Report};
use kref::{Kref, RefCount};

const MAX: u32 = RefCount::MAX;

/// A use of a count that it reports.
type Misuse<'a> = &'a dyn Fn(&RefCount);

thread_local! {
    static REPORTS: RefCell<Vec<Report>> = const { RefCell::new(Vec::new()) };
    static HOOK_PANICS: Cell<bool> = const { Cell::new(false) };
}

fn note(report: &Report) {
    REPORTS.with_borrow_mut(|reports| reports.push(*report));
    if HOOK_PANICS.get() {
        panic!("of the hook's own");
    }
}

/// Runs `f` and returns the reports that it caused in this thread.
fn reports(f: impl FnOnce()) -> Vec<Report> {
    report::set_hook(note);
    REPORTS.take();
    f();
    REPORTS.take()
}

/// Runs `f`, which causes one report, and returns what that says.
fn only_report(f: impl FnOnce()) -> (Kind, u32) {
    let reports = reports(f);
    assert_eq!(reports.len(), 1, "{reports:?}");
    (reports[0].kind, reports[0].value)
}

/// A lock that works without the crate's feature `std`.
struct Table(Mutex<()>);

impl Table {
    const fn new() -> Self {
        Self(Mutex::new(()))
    }

    fn is_free(&self) -> bool {
        !matches!(self.0.try_lock(), Err(TryLockError::WouldBlock))
    }
}

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for Table {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lock during whose taking somebody drops a reference that is not theirs.
struct Thief<'a>(&'a Kref, Table);
// SAFETY: the guard is the table's.
unsafe impl Lock for Thief<'_> {
    type Guard<'a>
        = <Table as Lock>::Guard<'a>
    where
        Self: 'a;

    fn lock(&self) -> Self::Guard<'_> {
        assert!(self.0.put());
        self.1.lock()
    }
}
