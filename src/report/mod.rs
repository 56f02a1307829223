//! The report hook: a function that is called when a reference count is misused.
//!
//! A count that is misused saturates, and the object leaks (see [`RefCount`](crate::RefCount)).
//! That keeps memory safe, but the program should learn of it. The hook is called once for each
//! misuse, with the kind of misuse and the caller's location. Operations on a count that is already
//! saturated are not reported again, except those that no count allows: adding or dropping zero
//! references, or setting the count beyond [`RefCount::MAX`](crate::RefCount::MAX).
//!
//! With the feature `std` the default hook writes one line to stderr for each [`Kind`], once in the
//! life of the process; without it nothing is written. It never panics, and allocates nothing unless the feature `track` makes it name the
//! holders of the object.
//!
//! There is one hook for the whole process, as with the panic hook. A library leaves it alone. A program chains hooks
//! by [`take_hook`]. A test uses [`collect`](collect()), which sees only the reports of its own thread and disturbs no
//! other test.
//!
//! # Examples
//!
//! ```
//! use kref::{RefCount, report};
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
//! static UNDERFLOWS: AtomicU32 = AtomicU32::new(0);
//!
//! report::set_hook(|report| {
//!     if report.kind == report::Kind::Underflow {
//!         UNDERFLOWS.fetch_add(1, Relaxed);
//!     }
//! });
//!
//! let count = RefCount::new(1);
//! assert!(count.dec_and_test());
//! assert!(!count.dec_and_test()); // one put too many
//! assert_eq!(UNDERFLOWS.load(Relaxed), 1);
//! assert!(count.is_saturated());
//! ```

#[cfg(feature = "std")]
mod collect;

use core::fmt;
use core::panic::Location;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

#[cfg(feature = "std")]
pub use self::collect::collect;

/// Names a misuse of a reference count.
///
/// # Examples
///
/// ```
/// use kref::report::Kind;
///
/// assert_eq!(Kind::Underflow.to_string(), "underflow, one put too many; the object leaks");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// More references were added than [`RefCount::MAX`](crate::RefCount::MAX). The count is
    /// saturated. Counterpart: `REFCOUNT_ADD_OVF` and `REFCOUNT_ADD_NOT_ZERO_OVF`.
    Overflow,
    /// A reference was added to an object that had none. The count is saturated.
    /// Counterpart: `REFCOUNT_ADD_UAF`.
    IncFromZero,
    /// More references were dropped than there were. The count is saturated.
    /// Counterpart: `REFCOUNT_SUB_UAF`.
    Underflow,
    /// [`RefCount::dec`](crate::RefCount::dec), which cannot tell its caller, dropped the last
    /// reference. The count is saturated. Counterpart: `REFCOUNT_DEC_LEAK`.
    DecToZero,
    /// Zero references were to be added or dropped. The count is unchanged.
    ZeroAmount,
    /// The count changed while it was frozen. The count is saturated.
    ChangedWhileFrozen,
    /// A token of [`track::Holders`](crate::track::Holders) was put a second time. With the feature `track` only. No
    /// count is touched. Counterpart: "reference already released" of `ref_tracker`.
    DoublePut,
    /// A token was put that this [`track::Holders`](crate::track::Holders) has not given out. With the feature `track`
    /// only. No count is touched.
    PutWithoutGet,
    /// A [`track::Holders`](crate::track::Holders) was destroyed while tokens of it had not been put. With the feature
    /// `track` only. No count is touched. Counterpart: "leaked reference" of `ref_tracker`.
    HeldAtEnd,
}

impl Kind {
    fn describe(self) -> &'static str {
        match self {
            Self::Overflow => "overflow; the object leaks",
            Self::IncFromZero => "increment from zero, a use after free; the object leaks",
            Self::Underflow => "underflow, one put too many; the object leaks",
            Self::DecToZero => "decrement to zero by a caller that cannot free; the object leaks",
            Self::ZeroAmount => "zero references added or dropped; nothing was done",
            Self::ChangedWhileFrozen => "changed while frozen; the object leaks",
            Self::DoublePut => "a token put twice",
            Self::PutWithoutGet => "a token put that was not given out here",
            Self::HeldAtEnd => "destroyed while tokens have not been put",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// Describes one misuse of a reference count.
///
/// # Examples
///
/// ```
/// use kref::{RefCount, report};
///
/// report::set_hook(|report| {
///     assert_eq!(report.value, 0);
///     assert!(report.location.file().ends_with(".rs"));
///     assert!(report.to_string().contains("use after free"));
/// });
/// RefCount::new(0).inc();
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What happened.
    pub kind: Kind,
    /// The caller of the operation that was refused or saturated; for
    /// [`Kind::ChangedWhileFrozen`] the caller that froze the count.
    pub location: &'static Location<'static>,
    /// The value that the operation found in the count; for a count that was *set* beyond
    /// [`RefCount::MAX`](crate::RefCount::MAX), that value; for [`Kind::HeldAtEnd`] how many tokens are left.
    pub value: u32,
    /// Where the token of a [`track::Holders`](crate::track::Holders) was taken and put before, as far as that is known.
    #[cfg(feature = "track")]
    pub places: Places,
    /// The address of the object, or zero.
    #[cfg(feature = "track")]
    object: usize,
}

/// Names the places that belong to the misuse of a token.
#[cfg(feature = "track")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Places {
    /// Where the token was taken.
    pub taken: Option<&'static Location<'static>>,
    /// Where the token was put for the first time.
    pub put: Option<&'static Location<'static>>,
}

#[cfg(feature = "track")]
impl Report {
    /// Says who holds the object whose count was misused, if it is an object of one of the owning pointers.
    ///
    /// Call it in the report hook: later the object may be gone. It is `None` for a bare count, of which it is not known what
    /// it counts.
    #[must_use]
    pub fn holders(&self) -> Option<crate::track::ObjectReport> {
        (self.object != 0).then(|| crate::track::at_address(self.object))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            location,
            value,
            ..
        } = self;
        if !matches!(
            kind,
            Kind::DoublePut | Kind::PutWithoutGet | Kind::HeldAtEnd
        ) {
            return write!(f, "reference count {value:#x} at {location}: {kind}");
        }
        write!(f, "reference tracking at {location}: {kind}")?;
        #[cfg(feature = "track")]
        {
            if let Some(taken) = self.places.taken {
                write!(f, "; taken at {taken}")?;
            }
            if let Some(put) = self.places.put {
                write!(f, "; first put at {put}")?;
            }
        }
        Ok(())
    }
}

/// The hook as a pointer; null for the default.
static HOOK: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Installs the function that is told of every misuse, in place of the one before.
///
/// It runs in the thread that misused the count, after the count was put right, under whatever
/// locks the caller holds; and under the lock of a map's shard, where a lookup there adds a reference too many. So the
/// function should neither block, nor use the count, nor a map. If it panics,
/// the panic goes on into the operation's caller and the count stays as it is.
///
/// # Memory ordering
///
/// Relaxed: installing a hook publishes only the hook.
///
/// # Examples
///
/// ```
/// use kref::report::{self, Kind, Report};
///
/// fn stop_in_tests(report: &Report) {
///     assert_eq!(report.kind, Kind::Overflow, "{report}");
/// }
///
/// report::set_hook(stop_in_tests);
/// ```
pub fn set_hook(hook: fn(&Report)) {
    // Relaxed: the pointer is to code, which is there from the start.
    HOOK.store(hook as *mut (), Relaxed);
}

/// Returns the report hook that is installed, and reinstalls the default hook.
///
/// As [`std::panic::take_hook`]. To add to what another part of the program has installed, take its hook, install your
/// own, and call the other one from there. If none was installed, the result is the default hook, and may be called and
/// installed like every other. Two threads that do this at the same time may lose one of their hooks.
///
/// # Memory ordering
///
/// Relaxed: a hook publishes only itself.
///
/// # Examples
///
/// ```
/// use kref::{RefCount, report::{self, Report}};
/// use std::sync::OnceLock;
///
/// static BEFORE: OnceLock<fn(&Report)> = OnceLock::new();
///
/// BEFORE.set(report::take_hook()).unwrap();
/// report::set_hook(|report| {
///     // ... count it, say, and then do what the program did before:
///     if let Some(before) = BEFORE.get() {
///         before(report);
///     }
/// });
/// RefCount::new(0).inc();
/// ```
#[must_use = "the hook that was installed is lost; `reset_hook` does the same and returns nothing"]
pub fn take_hook() -> fn(&Report) {
    // Relaxed: as in `set_hook`.
    hook_from(HOOK.swap(ptr::null_mut(), Relaxed))
}

/// Makes a function of what `HOOK` holds.
fn hook_from(pointer: *mut ()) -> fn(&Report) {
    if pointer.is_null() {
        return default_hook;
    }
    // SAFETY: a pointer that is not null was made from a function of this type in `set_hook`.
    unsafe { core::mem::transmute::<*mut (), fn(&Report)>(pointer) }
}

/// Reinstalls the default hook.
///
/// # Memory ordering
///
/// Relaxed, as [`set_hook`].
///
/// # Examples
///
/// ```
/// use kref::report;
///
/// report::set_hook(|report| panic!("{report}"));
/// report::reset_hook(); // one line on stderr for each kind, as before
/// ```
pub fn reset_hook() {
    // Relaxed: as in `set_hook`.
    HOOK.store(ptr::null_mut(), Relaxed);
}

#[cold]
#[track_caller]
pub(crate) fn report(kind: Kind, value: u32) {
    report_at(kind, value, Location::caller());
}

#[cold]
pub(crate) fn report_at(kind: Kind, value: u32, location: &'static Location<'static>) {
    tell(&Report {
        kind,
        location,
        value,
        #[cfg(feature = "track")]
        places: Places::default(),
        #[cfg(feature = "track")]
        object: crate::track::object_in_operation(),
    });
}

/// Reports the misuse of a token.
#[cfg(feature = "track")]
#[cold]
pub(crate) fn report_places(
    kind: Kind,
    location: &'static Location<'static>,
    places: Places,
    value: u32,
) {
    tell(&Report {
        kind,
        location,
        value,
        places,
        object: 0,
    });
}

fn tell(report: &Report) {
    #[cfg(feature = "std")]
    if collect::note(report) {
        return;
    }
    // Relaxed: as in `set_hook`.
    hook_from(HOOK.load(Relaxed))(report);
}

#[cfg(feature = "std")]
fn default_hook(report: &Report) {
    use std::io::Write;
    use std::sync::atomic::AtomicU32;

    use crate::atomic::AtomicExt;

    static WRITTEN: AtomicU32 = AtomicU32::new(0);

    let bit = 1 << report.kind as u32;
    // Relaxed: the bit decides who writes and guards nothing else.
    if WRITTEN.set_bits(bit, Relaxed) & bit == 0 {
        // A closed stderr is no reason to panic, as `eprintln!` would.
        let _ = writeln!(std::io::stderr(), "kref: {report}");
        #[cfg(feature = "track")]
        if let Some(holders) = report.holders() {
            let _ = writeln!(std::io::stderr(), "kref: {holders}");
        }
    }
}

#[cfg(not(feature = "std"))]
fn default_hook(_: &Report) {}
