//! What a report says.

use std::thread;

use kref::report::{Kind, collect};
use kref::track::{self, ReportLeft};
use kref::{Handle, Interner, Ref, RefCount, Registry};

#[test]
fn one_line_and_many() {
    let map = Registry::<u32, &str>::new();
    let one = map.get_or_insert_with(42, |_| "one");
    let line = line!() - 1;
    let many: Vec<_> = (0..9)
        .map(|_| Handle::clone_for(&one, "uploader"))
        .collect();
    let report = track::report_of(&one);
    let file = file!();
    let second = line + 3;
    let head = format!(
        "10 holders of key 42: 9 from {file}:{second} for \"uploader\", 1 from {file}:{line}, oldest "
    );
    let text = report.to_string();
    assert!(text.starts_with(&head), "{text}");
    assert_eq!(text.lines().count(), 1);
    assert_eq!(format!("{report:#}").lines().count(), 3);

    let short = report.with_limit(1).to_string();
    assert!(short.contains(", 1 other places, oldest"), "{short}");
    drop(many);
    let text = track::report_of(&one).to_string();
    assert!(text.starts_with("1 holder of key 42: 1 from "), "{text}");
}

#[test]
fn the_oldest_comes_first() {
    let first = Ref::new(5);
    let tags = ["a", "b", "c"];
    let _held = tags.map(|tag| Ref::clone_for(&first, tag));
    let report = track::report_of(&first);
    let seen: Vec<_> = report.holders().iter().map(|holder| holder.tag()).collect();
    assert_eq!(seen, [None, Some("a"), Some("b"), Some("c")]);
    let ages: Vec<_> = report.holders().iter().map(|holder| holder.age()).collect();
    assert!(ages.is_sorted_by(|a, b| a >= b), "{ages:?}");
    // One line of code, three tags: they are different origins.
    assert_eq!(report.groups().len(), 4);
}

#[test]
fn a_group_has_its_oldest_and_its_newest() {
    let first = Ref::new(5);
    let name = |name: &str| thread::Builder::new().name(name.into());
    let held: Vec<_> = ["t1", "t2", "t3"]
        .into_iter()
        .map(|t| {
            let first = &first;
            thread::scope(|scope| {
                let taken = name(t).spawn_scoped(scope, || first.clone()).unwrap();
                taken.join().unwrap()
            })
        })
        .collect();
    let report = track::report_of(&first);
    let groups = report.groups();
    assert_eq!(groups.iter().map(|g| g.count()).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(groups[0].oldest().thread_name(), Some("t1"));
    assert_eq!(groups[0].newest().thread_name(), Some("t3"));
    assert_ne!(
        groups[0].oldest().thread_id(),
        groups[0].newest().thread_id()
    );
    assert_eq!(groups[1].oldest().thread_id(), Some(thread::current().id()));
    assert!(report.holders()[1].to_string().contains("thread \"t1\""));
    drop(held);
}

#[test]
fn a_registry_without_the_report_itself() {
    let map = Registry::<u32, &str>::new();
    assert!(track::report_all(&map).is_empty());
    let one = map.insert(1, "one");
    let two = [map.insert(2, "two"), map.get(&2).unwrap()];
    let report = track::report_all(&map);
    assert_eq!((report.objects().len(), report.count()), (2, 3));
    assert_eq!(report.objects()[0].subject(), "key 2");
    let text = report.to_string();
    assert!(
        text.starts_with("2 objects held by 3: 2 holders of key 2: "),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
    assert_eq!(format!("{report:#}").lines().count(), 6);
    drop((one, two));

    let names = Interner::<str>::new();
    let name = names.intern_ref("kref");
    let report = track::report_all(&names);
    assert_eq!(report.count(), 1);
    assert_eq!(report.objects()[0].subject(), "value \"kref\"");
    drop(name);
}

#[test]
fn what_left_its_registry_is_in_the_report_of_the_process() {
    let map = Registry::<u32, &str>::new();
    let one = map.insert(1, "one");
    let removed = map.unlist(&1);
    drop(removed);
    assert!(track::report_all(&map).is_empty());
    let process = track::report_process();
    let held_here = |object: &track::ObjectReport| {
        object.subject().contains("str")
            && object
                .holders()
                .iter()
                .any(|holder| holder.location().file() == file!())
    };
    assert!(process.objects().iter().any(held_here));
    assert_eq!(*one, "one");
}

#[test]
fn a_registry_says_what_is_left_when_it_is_dropped() {
    use std::sync::Mutex;
    static LEFT: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let hook = |left: &track::Report| LEFT.lock().unwrap().push(left.to_string());
    let map = ReportLeft::new(Registry::<u32, &str>::new(), hook);
    drop(map.insert(1, "one"));
    drop(map);
    assert!(LEFT.lock().unwrap().is_empty());
    let map = ReportLeft::new(Registry::<u32, &str>::new(), hook);
    let one = map.insert(1, "one");
    drop(map);
    let left = LEFT.lock().unwrap().pop().unwrap();
    assert!(
        left.starts_with("1 object held by 1: 1 holder of key 1: 1 from "),
        "{left}"
    );
    assert_eq!(*one, "one");
}

/// The report of a count that overflows says who holds the object.
#[test]
fn a_saturated_count_names_the_holders() {
    let value = Ref::new(());
    let _held = Ref::clone_for(&value, "holder");
    let place = Ref::as_ptr(&value).cast::<RefCount>().wrapping_sub(1);
    // SAFETY: the count ends where the value begins, and no other thread knows of it.
    let count = unsafe { &*place };
    count.set(RefCount::MAX);
    let (names, told) = collect(|| {
        let mut more = Vec::new();
        for _ in 0..3 {
            more.push(value.clone());
        }
        more.len()
    });
    assert_eq!(names, 3);
    assert_eq!(told[0].kind, Kind::Overflow);
    // They have been dropped since; the value has leaked, and so it is still held.
    let holders = told[0].holders().expect("it is a `Ref`");
    assert_eq!(holders.count(), 2);
    assert!(holders.to_string().contains("\"holder\""), "{holders}");

    // A bare count is not known.
    let ((), told) = collect(|| RefCount::new(0).inc());
    assert!(told[0].holders().is_none());
    count.set(2);
}

#[test]
fn backtraces_if_they_are_asked_for() {
    let first = Ref::new(5);
    track::capture_backtraces(true);
    let second = first.clone();
    track::capture_backtraces(false);
    let third = first.clone();
    let report = track::report_of(&first);
    // Other tests run at the same time, and only the second is sure to have one.
    assert!(report.holders()[1].backtrace().is_some());
    let text = format!("{report:#}");
    assert!(text.contains("backtraces_if_they_are_asked_for"), "{text}");
    drop((second, third));
}
