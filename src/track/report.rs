//! What is said of holders.

#![forbid(unsafe_code)]

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Display, Formatter};
use core::panic::Location;
use core::time::Duration;
use std::backtrace::Backtrace;
use std::thread::ThreadId;

use super::Kind;
use super::record::{Moment, Record};

/// Describes one holder of an object, as it was when the report was made.
#[derive(Clone)]
pub struct Holder {
    record: Record,
    age: Duration,
}

impl Holder {
    /// Returns where the reference was taken; for a raw one, where it was given away or taken back.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.record.origin.location
    }

    /// Returns the tag that the reference was taken for.
    #[must_use]
    pub fn tag(&self) -> Option<&'static str> {
        self.record.origin.tag
    }

    /// Returns how the reference is held.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.record.kind
    }

    /// Returns the name of the thread that took the reference, if it has one.
    #[must_use]
    pub fn thread_name(&self) -> Option<&str> {
        self.record.thread.as_ref()?.name()
    }

    /// Returns the thread that took the reference; `None` if it was about to end.
    #[must_use]
    pub fn thread_id(&self) -> Option<ThreadId> {
        self.record.thread.as_ref().map(std::thread::Thread::id)
    }

    /// Returns for how long the reference had been held when the report was made.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Returns where the reference was taken, with all callers, if
    /// [`capture_backtraces`](super::capture_backtraces) had asked for it.
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.record.backtrace.as_deref()
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holder")
            .field("location", &self.location())
            .field("tag", &self.tag())
            .field("kind", &self.kind())
            .field("thread", &self.thread_name())
            .field("age", &self.age)
            .finish_non_exhaustive()
    }
}

impl Display for Holder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Place(self).fmt(f)?;
        write!(f, ", {}", Age(self.age))?;
        match (self.thread_name(), self.thread_id()) {
            (Some(name), _) => write!(f, ", thread {name:?}"),
            (None, Some(id)) => write!(f, ", {id:?}"),
            (None, None) => Ok(()),
        }
    }
}

/// A holder's place, tag and kind, on one line.
struct Place<'a>(&'a Holder);

impl Display for Place<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(holder) = self;
        let location = holder.location();
        write!(f, "{}:{}", location.file(), location.line())?;
        if let Some(tag) = holder.tag() {
            write!(f, " for {tag:?}")?;
        }
        f.write_str(match holder.kind() {
            Kind::Pointer | Kind::Explicit => "",
            Kind::Raw => " (raw)",
            Kind::TakenBack => " (taken back)",
        })
    }
}

/// A duration, as one number.
struct Age(Duration);

impl Display for Age {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0 => write!(f, "{} ms", self.0.as_millis()),
            1..120 => write!(f, "{seconds} s"),
            120..7200 => write!(f, "{} min", seconds / 60),
            7200..172_800 => write!(f, "{} h", seconds / 3600),
            _ => write!(f, "{} days", seconds / 86_400),
        }
    }
}

/// Names the holders of an object that were taken at one place, for one tag, in one way.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    count: usize,
    oldest: &'a Holder,
    newest: &'a Holder,
}

impl<'a> Group<'a> {
    /// Returns how many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the one that has been held for the longest time.
    #[must_use]
    pub fn oldest(&self) -> &'a Holder {
        self.oldest
    }

    /// Returns the one that was taken last.
    #[must_use]
    pub fn newest(&self) -> &'a Holder {
        self.newest
    }
}

/// Says who holds an object, or held it when the report was made.
///
/// `{}` is one line for a log, and names up to eight places:
///
/// ```text
/// 12 holders of key 42: 9 from src/a.rs:10, 3 from src/b.rs:77 for "uploader", oldest 14 min
/// ```
///
/// `{:#}` has a line for each place, with its oldest and newest holder, their threads, and the oldest's backtrace if
/// there is one. [`with_limit`](Self::with_limit) names fewer places, or more.
#[derive(Clone, Debug)]
pub struct ObjectReport {
    subject: String,
    /// The oldest first.
    holders: Vec<Holder>,
    untracked: usize,
    limit: usize,
}

/// How many places a report names if it is not told.
const LIMIT: usize = 8;

impl ObjectReport {
    /// Sorts the records, with no lock held.
    pub(super) fn new(subject: String, mut records: Vec<Record>, untracked: usize) -> Self {
        records.sort_by_key(|record| record.taken);
        // One moment for all, so that an older holder has a greater age.
        let now = Moment::now();
        let holder = |record: Record| Holder {
            age: record.taken.until(now),
            record,
        };
        Self {
            subject,
            holders: records.into_iter().map(holder).collect(),
            untracked,
            limit: LIMIT,
        }
    }

    /// Returns what the report is about: the key, or the type and the address.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns how many holders there are, with those that are not [tracked](Self::untracked).
    #[must_use]
    pub fn count(&self) -> usize {
        self.holders.len() + self.untracked
    }

    /// Returns how many holders there are of which nothing is known, because there was no memory for a record.
    #[must_use]
    pub fn untracked(&self) -> usize {
        self.untracked
    }

    /// Returns the holders, the oldest first. `holders().iter().rev()` begins with the newest.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        &self.holders
    }

    /// Groups the holders by place, tag and kind. The largest group comes first, and of equal ones the oldest.
    ///
    /// Takes time in proportion to the holders times the places.
    #[must_use]
    pub fn groups(&self) -> Vec<Group<'_>> {
        let key = |holder: &Holder| (holder.record.origin, holder.record.kind);
        let mut numbers = std::collections::HashMap::new();
        let mut groups: Vec<Group<'_>> = Vec::new();
        for holder in &self.holders {
            let number = *numbers.entry(key(holder)).or_insert(groups.len());
            match groups.get_mut(number) {
                Some(group) => {
                    group.count += 1;
                    group.newest = holder;
                }
                None => groups.push(Group {
                    count: 1,
                    oldest: holder,
                    newest: holder,
                }),
            }
        }
        // Stable, so that equal ones stay in the order of their age.
        groups.sort_by_key(|group| core::cmp::Reverse(group.count));
        groups
    }

    /// Returns the report with a limit on the places that are named when it is displayed.
    #[must_use]
    pub fn with_limit(mut self, places: usize) -> Self {
        self.limit = places;
        self
    }

    fn head(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let count = self.count();
        let s = if count == 1 { "" } else { "s" };
        write!(f, "{count} holder{s} of {}", self.subject)
    }

    fn rest(&self, groups: usize) -> Option<usize> {
        groups.checked_sub(self.limit).filter(|&rest| rest > 0)
    }
}

impl Display for ObjectReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let groups = self.groups();
        let rest = self.rest(groups.len());
        let shown = groups.iter().take(self.limit);
        self.head(f)?;
        if f.alternate() {
            for group in shown {
                write!(f, "\n  {} from {}", group.count, group.oldest)?;
                if group.count > 1 {
                    write!(f, "; newest {}", Age(group.newest.age))?;
                }
                if let Some(backtrace) = group.oldest.backtrace() {
                    write!(f, "\n{backtrace}")?;
                }
            }
            if let Some(rest) = rest {
                write!(f, "\n  {rest} other places")?;
            }
            if self.untracked > 0 {
                write!(f, "\n  {} untracked", self.untracked)?;
            }
            return Ok(());
        }
        let mut before = ": ";
        for group in shown {
            write!(f, "{before}{} from {}", group.count, Place(group.oldest))?;
            before = ", ";
        }
        if let Some(rest) = rest {
            write!(f, "{before}{rest} other places")?;
            before = ", ";
        }
        if self.untracked > 0 {
            write!(f, "{before}{} untracked", self.untracked)?;
        }
        match self.holders.first() {
            Some(oldest) => write!(f, ", oldest {}", Age(oldest.age)),
            None => Ok(()),
        }
    }
}

/// Says who holds the objects of a registry, an interner or the process: one [`ObjectReport`] for each, those with the
/// most holders first.
///
/// `{}` is one line, with the three objects that have the most holders; `{:#}` has one report after another.
#[derive(Clone, Debug, Default)]
pub struct Report {
    objects: Vec<ObjectReport>,
}

impl Report {
    pub(super) fn new(mut objects: Vec<ObjectReport>) -> Self {
        objects.sort_by_key(|object| core::cmp::Reverse(object.count()));
        Self { objects }
    }

    /// Returns the reports of the objects.
    #[must_use]
    pub fn objects(&self) -> &[ObjectReport] {
        &self.objects
    }

    /// Returns how many holders the objects have together.
    #[must_use]
    pub fn count(&self) -> usize {
        self.objects.iter().map(ObjectReport::count).sum()
    }

    /// Returns whether no object is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let objects = self.objects.len();
        let s = if objects == 1 { "" } else { "s" };
        write!(f, "{objects} object{s} held by {}", self.count())?;
        if f.alternate() {
            return self.objects.iter().try_for_each(|o| write!(f, "\n{o:#}"));
        }
        let mut before = ": ";
        for object in self.objects.iter().take(3) {
            write!(f, "{before}{}", object.clone().with_limit(3))?;
            before = "; ";
        }
        match objects {
            0..=3 => Ok(()),
            _ => write!(f, "; {} other objects", objects - 3),
        }
    }
}

/// The type and the address.
pub(crate) fn at(pointer: &str, type_name: &str, address: usize) -> String {
    let mut subject = pointer.to_owned();
    // Writing to a string does not fail.
    let _ = fmt::write(&mut subject, format_args!("<{type_name}> at {address:#x}"));
    subject
}
