//! Explicit tokens.

use kref::Kref;
use kref::report::{Kind, Report, collect};
use kref::track::{self, HolderId, Holders};

fn line(report: &Report) -> u32 {
    report.location.line()
}

#[test]
fn gets_and_puts() {
    static HOLDERS: Holders = Holders::new("device 7");
    let a = HOLDERS.get("a");
    let b = HOLDERS.get("b");
    assert_ne!(a, b);
    let text = track::report_of(&HOLDERS).to_string();
    assert!(text.starts_with("2 holders of device 7: 1 from "), "{text}");
    let (good, told) = collect(|| HOLDERS.put(a) && HOLDERS.put(b));
    assert!(good && told.is_empty(), "{told:?}");
    assert_eq!(track::report_of(&HOLDERS).count(), 0);
}

#[test]
fn a_second_put_names_the_first() {
    let holders = Holders::new("device");
    let get = line!() + 1;
    let token = holders.get("a");
    let first = line!() + 1;
    assert!(holders.put(token));
    let second = line!() + 1;
    let (good, told) = collect(|| holders.put(token));
    assert!(!good);
    assert_eq!((told.len(), told[0].kind), (1, Kind::DoublePut));
    assert_eq!(line(&told[0]), second);
    assert_eq!(told[0].places.taken.unwrap().line(), get);
    assert_eq!(told[0].places.put.unwrap().line(), first);
    let text = told[0].to_string();
    let places = format!(
        "; taken at {0}:{get}:25; first put at {0}:{first}:21",
        file!()
    );
    assert!(text.ends_with(&places), "{text}");
}

#[test]
fn the_quarantine_is_bounded() {
    let holders = Holders::new("device");
    let first = holders.get("first");
    assert!(holders.put(first));
    for n in 0..16 {
        let (_, told) = collect(|| holders.put(first));
        assert_eq!(told[0].kind, Kind::DoublePut);
        assert!(told[0].places.put.is_some(), "after {n}");
        let next = holders.get("next");
        assert!(holders.put(next));
    }
    // Too long ago, but it is known that it was one.
    let (_, told) = collect(|| holders.put(first));
    assert_eq!((told[0].kind, told[0].places.put), (Kind::DoublePut, None));
}

#[test]
fn a_put_without_a_get() {
    let holders = Holders::new("device");
    let other = Holders::new("other");
    let theirs = other.get("a");
    for token in [HolderId::NONE, theirs] {
        let (good, told) = collect(|| holders.put(token));
        assert!(!good);
        assert_eq!(told[0].kind, Kind::PutWithoutGet);
    }
    let mine = holders.get("a");
    let (_, told) = collect(|| holders.put(theirs));
    assert_eq!(told[0].kind, Kind::PutWithoutGet);
    assert!(holders.put(mine) && other.put(theirs));
}

#[test]
fn what_is_left_at_the_end() {
    let ((), told) = collect(|| {
        let holders = Holders::new("device");
        let _first = holders.get("first");
        let _second = holders.get("second");
    });
    assert_eq!(
        (told.len(), told[0].kind, told[0].value),
        (1, Kind::HeldAtEnd, 2)
    );
    assert_eq!(told[0].places.taken, Some(told[0].location));
}

/// The count decides, not the tokens.
#[test]
fn the_count_is_not_touched() {
    let (kref, holders) = (Kref::new(), Holders::new("device"));
    let token = holders.get("a");
    let (_, told) = collect(|| holders.put(token) && holders.put(token));
    assert_eq!((told.len(), kref.count()), (1, 1));
    assert!(kref.put());
}
