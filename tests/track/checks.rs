//! `assert_all_dropped`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

use kref::{Ref, Registry, track};

fn message(check: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(check)).expect_err("it fails");
    panic.downcast_ref::<String>().expect("a text").clone()
}

#[test]
fn nothing_left_passes() {
    let _check = track::assert_all_dropped();
    let a = Ref::new(5);
    drop(a.clone());
    let map = Registry::<u32, u32>::new();
    let _one = map.insert(1, 1);
}

#[test]
fn what_is_left_is_named() {
    let mut kept = None;
    let message = message(|| {
        let _check = track::assert_all_dropped();
        kept = Some(Ref::clone_for(&Ref::new(5), "kept"));
    });
    assert!(
        message.starts_with("not all was dropped: 1 object held by 1\n1 holder of "),
        "{message}"
    );
    assert!(message.contains("for \"kept\""), "{message}");
}

#[test]
fn what_was_made_before_does_not_count() {
    let before = Ref::new(5);
    let _kept;
    {
        let _check = track::assert_all_dropped();
        _kept = before.clone();
    }
}

#[test]
fn checks_may_be_nested() {
    let outer = track::assert_all_dropped();
    let one = Ref::new(1);
    let inner = track::assert_all_dropped();
    let two = Ref::new(2);
    assert_eq!((outer.left().count(), inner.left().count()), (2, 1));
    drop(one);
    assert_eq!((outer.left().count(), inner.left().count()), (1, 1));
    drop(two);
}

#[test]
fn what_another_thread_holds_is_found() {
    let (send, receive) = mpsc::channel::<Ref<i32>>();
    let (end, ended) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        let _held = receive.recv();
        let _ = ended.recv();
    });
    let text = message(|| {
        let _check = track::assert_all_dropped();
        send.send(Ref::new(5)).unwrap();
    });
    assert!(text.contains(file!()), "{text}");
    end.send(()).unwrap();
    other.join().unwrap();
}

#[test]
fn what_another_thread_makes_counts_if_it_is_asked_for() {
    let mine = track::assert_all_dropped();
    let all = track::assert_all_dropped().of_all_threads();
    let kept = thread::spawn(|| Ref::clone_for(&Ref::new(5), "theirs"))
        .join()
        .unwrap();
    assert!(mine.left().is_empty());
    let left = all.left();
    let theirs = |object: &track::ObjectReport| object.holders()[0].tag() == Some("theirs");
    assert!(left.objects().iter().any(theirs), "{left:#}");
    drop(kept);
    std::mem::forget(all); // of the other tests it may find something
}

#[test]
fn a_panic_is_not_made_two() {
    let kept = Ref::new(());
    let text = catch_unwind(AssertUnwindSafe(|| {
        let _check = track::assert_all_dropped();
        std::mem::forget(Ref::new(5));
        drop(kept);
        panic!("the first");
    }))
    .unwrap_err();
    assert_eq!(text.downcast_ref::<&str>(), Some(&"the first"));
}
