//! Checks that nothing is left: for tests.

#![forbid(unsafe_code)]

use alloc::vec::Vec;
use core::ops::Deref;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::thread::{self, ThreadId};

use super::list::List;
use super::record::Record;
use super::report::{ObjectReport, Report, at};
use super::{Table, report_all, store};

/// Counts the checks that have begun: an object remembers how many there were when it was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Epoch(u64);

static EPOCH: AtomicU64 = AtomicU64::new(0);

impl Epoch {
    #[inline]
    pub(super) fn now() -> Self {
        // Relaxed: a thread sees the checks that it began itself, and those that happened before.
        Self(EPOCH.load(Relaxed))
    }

    fn begin() -> Self {
        // Relaxed: as above.
        Self(EPOCH.fetch_add(1, Relaxed) + 1)
    }
}

/// Begins a check that objects made from now on are gone when the returned guard is dropped.
///
/// For a test: the guard is its first variable, so that it is dropped last. If something is left then, the guard panics with
/// the [`Report`] of who holds it.
///
/// # Scope
///
/// The check is about the objects that *this thread* made since the check began: tests run side by side in one process, and
/// another test's objects are not this one's. A thread makes an object when it takes its first reference. The object is looked
/// for in all of the process, whichever threads hold it, and also if it was removed from its registry.
/// [`of_all_threads`](AllDropped::of_all_threads) checks what all threads made: for a test that runs alone, or a
/// program before it ends. [`report_all`] asks for one registry.
///
/// An object that is held by [`Holders`](super::Holders) alone is not seen: they [report](crate::report::Kind::HeldAtEnd) by themselves. Neither
/// is an object whose references were not recorded for want of memory.
///
/// # Panics
///
/// The guard's drop panics if objects are left. If the thread is panicking already, the report goes to stderr.
///
/// # Examples
///
/// ```should_panic
/// use kref::{Ref, track};
///
/// let _check = track::assert_all_dropped();
/// std::mem::forget(Ref::new(5));
/// ```
#[must_use = "the check is made when the guard is dropped"]
pub fn assert_all_dropped() -> AllDropped {
    AllDropped {
        since: Epoch::begin(),
        maker: Some(thread::current().id()),
    }
}

/// Checks, when it is dropped, that the objects made since it was made are gone. [`assert_all_dropped`] makes it.
#[derive(Clone)]
#[must_use = "the check is made when the guard is dropped"]
pub struct AllDropped {
    since: Epoch,
    /// `None` for all threads.
    maker: Option<ThreadId>,
}

impl AllDropped {
    /// Checks the objects that all threads make, and not only this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, track};
    ///
    /// let _check = track::assert_all_dropped().of_all_threads();
    /// std::thread::spawn(|| drop(Ref::new(5))).join().unwrap();
    /// ```
    pub fn of_all_threads(mut self) -> Self {
        self.maker = None;
        self
    }

    /// Returns what is left at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::{Ref, track};
    ///
    /// let check = track::assert_all_dropped();
    /// let five = Ref::new(5);
    /// assert_eq!(check.left().count(), 1);
    /// drop(five);
    /// assert!(check.left().is_empty());
    /// ```
    #[must_use]
    pub fn left(&self) -> Report {
        let is_meant = |list: &List| {
            list.born >= self.since && (self.maker.is_none() || list.maker == self.maker)
        };
        objects(is_meant)
    }
}

impl Drop for AllDropped {
    fn drop(&mut self) {
        let left = self.left();
        if left.is_empty() {
            return;
        }
        if thread::panicking() {
            std::eprintln!("kref: not all was dropped: {left:#}");
        } else {
            panic!("not all was dropped: {left:#}");
        }
    }
}

/// The report of those objects of the process that are meant.
pub(super) fn objects(is_meant: impl Fn(&List) -> bool) -> Report {
    let mut found: Vec<(usize, &'static str, Vec<Record>, usize)> = Vec::new();
    store::ask_all(|address, list| {
        if is_meant(list) {
            let records = list.records(None).cloned().collect();
            found.push((address, list.type_name, records, list.untracked()));
        }
    });
    let report = |(address, type_name, records, untracked)| {
        ObjectReport::new(at("object", type_name, address), records, untracked)
    };
    Report::new(found.into_iter().map(report).collect())
}

/// Reports who still holds objects of a registry or an interner, when it is dropped.
///
/// It dereferences to the registry. The handles that are left go on: a registry may be dropped before them.
///
/// # Examples
///
/// ```
/// use kref::{Registry, track::ReportLeft};
///
/// let registry = ReportLeft::new(Registry::<u32, &str>::new(), |left| eprintln!("left: {left}"));
/// let one = registry.get_or_insert_with(1, |_| "one");
/// drop(registry); // left: 1 object held by 1: 1 holder of key 1: 1 from ..., oldest 0 ms
/// # drop(one);
/// ```
pub struct ReportLeft<R: Table> {
    table: R,
    hook: fn(&Report),
}

impl<R: Table> ReportLeft<R> {
    /// Wraps a registry or an interner. `hook` is called when it is dropped and somebody holds an object of it.
    pub const fn new(table: R, hook: fn(&Report)) -> Self {
        Self { table, hook }
    }
}

impl<R: Table> Deref for ReportLeft<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.table
    }
}

impl<R: Table> Drop for ReportLeft<R> {
    fn drop(&mut self) {
        let left = report_all(&self.table);
        if !left.is_empty() {
            (self.hook)(&left);
        }
    }
}

impl<R: Table + core::fmt::Debug> core::fmt::Debug for ReportLeft<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.table.fmt(f)
    }
}
