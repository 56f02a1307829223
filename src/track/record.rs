//! What is remembered of one reference.

use core::panic::Location;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;
use std::backtrace::Backtrace;
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::Kind;

/// Where a reference was taken.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(super) location: &'static Location<'static>,
    pub(super) tag: Option<&'static str>,
}

impl Origin {
    /// The caller's place.
    #[inline]
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self {
            location: Location::caller(),
            tag: None,
        }
    }

    /// The caller's place, with a name for what takes the reference.
    #[inline]
    #[track_caller]
    pub(crate) fn tagged(tag: &'static str) -> Self {
        Self {
            location: Location::caller(),
            tag: Some(tag),
        }
    }
}

/// One reference that is held.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) origin: Origin,
    pub(super) kind: Kind,
    /// `None` if the thread was about to end.
    pub(super) thread: Option<Thread>,
    pub(super) taken: Moment,
    pub(super) backtrace: Option<Arc<Backtrace>>,
}

/// What [the documentation](super) says of the memory for a holder.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Record>() == 56);

impl Record {
    /// Allocates only the backtrace, if one is asked for. No lock is held here.
    #[inline]
    pub(super) fn new(origin: Origin, kind: Kind) -> Self {
        Self {
            origin,
            kind,
            thread: this_thread(),
            taken: Moment::now(),
            backtrace: backtrace(),
        }
    }
}

/// Nanoseconds since the first of them was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    #[inline]
    pub(super) fn now() -> Self {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        let since = FIRST.get_or_init(Instant::now).elapsed();
        // Wraps after 584 years.
        Self(since.as_nanos() as u64)
    }

    pub(super) fn until(self, later: Self) -> Duration {
        Duration::from_nanos(later.0.saturating_sub(self.0))
    }
}

/// The thread that runs, unless its locals are gone.
#[inline]
fn this_thread() -> Option<Thread> {
    std::thread_local! {
        static THIS: Thread = thread::current();
    }
    THIS.try_with(Clone::clone).ok()
}

static BACKTRACES: AtomicBool = AtomicBool::new(false);

/// Asks for a backtrace with each reference that is taken from now on, in all threads, or for none.
///
/// A backtrace costs some microseconds to take, a few kilobytes to keep, and much more to print. It is captured whether
/// or not `RUST_BACKTRACE` is set. References that exist keep what they have.
///
/// # Memory ordering
///
/// Relaxed: another thread may see the change a little later.
///
/// # Examples
///
/// ```
/// use kref::{Ref, track};
///
/// track::capture_backtraces(true);
/// let five = Ref::new(5);
/// track::capture_backtraces(false);
/// assert!(track::report_of(&five).holders()[0].backtrace().is_some());
/// ```
pub fn capture_backtraces(capture: bool) {
    // Relaxed: it guards nothing.
    BACKTRACES.store(capture, Relaxed);
}

#[inline]
fn backtrace() -> Option<Arc<Backtrace>> {
    #[cold]
    fn capture() -> Arc<Backtrace> {
        Arc::new(Backtrace::force_capture())
    }
    // Relaxed: as above.
    BACKTRACES.load(Relaxed).then(capture)
}
