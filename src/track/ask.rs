//! The questions, and what they can be asked of.

#![forbid(unsafe_code)]

use alloc::string::String;
#[cfg(feature = "registry")]
use alloc::vec::Vec;

use super::check::objects;
use super::list::Which;
use super::report::{ObjectReport, Report, at};
use super::store;

pub(crate) mod sealed {
    use super::{ObjectReport, Report};

    /// An object, as a pointer knows it.
    pub trait Object {
        fn object_report(&self) -> ObjectReport;
    }

    /// A map of objects.
    pub trait Objects {
        fn objects_report(&self) -> Report;
    }
}

/// Names what [`report_of`] can be asked about: the counted pointers, and [`Holders`](super::Holders).
///
/// Keys and interned values have to be [`Debug`](core::fmt::Debug), as the report shows them.
pub trait Tracked: sealed::Object {}

impl<T: ?Sized + sealed::Object> Tracked for T {}

/// Names what `report_all` can be asked about: registries and interners whose keys and values are
/// [`Debug`](core::fmt::Debug).
pub trait Table: sealed::Objects {}

impl<T: ?Sized + sealed::Objects> Table for T {}

/// Returns who holds the object that `pointer` points to, `pointer` itself included.
///
/// Copies the records under the lock of the object's shard, and sorts them after that.
///
/// # Examples
///
/// ```
/// use kref::{Ref, track};
///
/// let five = Ref::new(5);
/// let copies: Vec<_> = (0..9).map(|_| five.clone()).collect();
///
/// let report = track::report_of(&five);
/// assert_eq!(report.count(), 10);
/// assert_eq!(report.groups()[0].count(), 9);
/// assert_eq!(report.groups()[0].newest().location().file(), file!());
/// # drop(copies);
/// ```
#[doc(alias = "ref_tracker_dir_print")]
#[doc(alias = "ref_tracker_dir_snprint")]
#[must_use]
pub fn report_of<P: Tracked + ?Sized>(pointer: &P) -> ObjectReport {
    pointer.object_report()
}

/// Says who holds the objects that a registry or an interner lists.
///
/// It goes through the registry as its `iter` does, holding no lock between two objects, and leaves out the references that it takes for that.
/// An object that was removed and is still held is not listed any more: [`report_process`] has it.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "registry")] {
/// use kref::{Registry, track};
///
/// let registry = Registry::<u32, &str>::new();
/// let one = registry.get_or_insert_with(1, |_| "one");
/// let two = registry.get_or_insert_with(2, |_| "two");
/// let again = registry.get(&2);
///
/// let report = track::report_all(&registry);
/// assert_eq!(report.count(), 3);
/// assert_eq!(report.objects()[0].subject(), "key 2");
/// # drop((one, two, again));
/// # }
/// ```
#[must_use]
pub fn report_all<R: Table + ?Sized>(table: &R) -> Report {
    table.objects_report()
}

/// Says who holds what in the whole process, whatever it is: also objects that were removed from their registry.
///
/// It knows types and addresses, but no keys. It goes from shard to shard, so that it is no snapshot of one moment.
///
/// # Examples
///
/// ```
/// use kref::{Ref, track};
///
/// let text: Ref<str> = Ref::from("text");
/// println!("{:#}", track::report_process()); // 1 object held by 1: ...
/// # assert!(track::report_process().count() >= 1);
/// # drop(text);
/// ```
#[must_use]
pub fn report_process() -> Report {
    objects(|_| true)
}

/// The report of one object, without one of its holders.
pub(crate) fn object(address: usize, subject: String, except: Option<Which>) -> ObjectReport {
    let found = store::ask(address, |list| {
        let excepted = usize::from(except == Some(Which::Untracked));
        let untracked = list.untracked().saturating_sub(excepted);
        (list.records(except).cloned().collect(), untracked)
    });
    let (records, untracked) = found.unwrap_or_default();
    ObjectReport::new(subject, records, untracked)
}

/// The reports of all objects of an iterator, without the holders that it made.
#[cfg(feature = "registry")]
pub(crate) fn all<H>(
    handles: impl Iterator<Item = H>,
    report: impl Fn(&H) -> ObjectReport,
) -> Report {
    let reports = handles.map(|handle| report(&handle));
    let reports: Vec<_> = reports.filter(|report| report.count() > 0).collect();
    Report::new(reports)
}

/// The report of the object at an address, of whatever type it is.
pub(crate) fn at_address(address: usize) -> ObjectReport {
    let type_name = store::ask(address, |list| list.type_name).unwrap_or("?");
    object(address, at("object", type_name, address), None)
}

/// Whether a holder of the object has this tag.
pub(crate) fn is_held_by(address: *const (), tag: &str) -> bool {
    store::ask(address.addr(), |list| {
        list.records(None)
            .any(|record| record.origin.tag == Some(tag))
    })
    .unwrap_or(false)
}
