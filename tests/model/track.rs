//! Records of holders end before their references: when a destructor runs, in whichever thread, its object has none.

use std::mem::ManuallyDrop;

use kref::Ref;
use kref::atomic::Backend;
use kref::track::{self, AllDropped};
use kref::weak::WeakRef;
use loom::thread;

use crate::{check, over_backends};

/// Checks in its destructor that nobody is said to hold it.
struct Witness(AllDropped);

impl Witness {
    fn new() -> Self {
        // Loom's threads are one thread of the system, whose objects these are.
        Self(track::assert_all_dropped())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let left = self.0.left();
            assert!(left.is_empty(), "{left:#}");
        }
    }
}

/// Two threads take and drop references; the last drop is in one of them.
fn no_record_outlives_its_reference<B: Backend>() {
    let mine = Ref::<_, B>::new_in(Witness::new());
    let theirs = mine.clone();
    let other = thread::spawn(move || drop((Ref::clone_for(&theirs, "other"), theirs)));
    drop(mine);
    other.join().unwrap();
}

/// The same where one of the references was raw in between, and was cloned as such.
fn raw_references_beside_the_put<B: Backend>() {
    let mine = Ref::<_, B>::new_in(Witness::new());
    let raw = Ref::into_raw(mine.clone()).addr();
    let pointer = Ref::as_ptr(&mine);
    assert_eq!(pointer.addr(), raw);
    let theirs = mine.clone();
    let other = thread::spawn(move || drop(theirs));
    // SAFETY: the reference that was given away is not dropped here.
    let lent = ManuallyDrop::new(unsafe { Ref::<_, B>::from_raw_in(pointer) });
    drop(Ref::clone(&lent));
    drop(mine);
    // SAFETY: it was given away, and is taken back once.
    drop(unsafe { Ref::<_, B>::from_raw_in(pointer) });
    other.join().unwrap();
}

fn an_upgrade_beside_the_put<B: Backend>() {
    let mine = WeakRef::<_, B>::new_in(Witness::new());
    let weak = WeakRef::downgrade(&mine);
    let other = thread::spawn(move || drop(weak.upgrade()));
    drop(mine);
    other.join().unwrap();
}

over_backends! {
    no_record_outlives_its_reference: check;
    raw_references_beside_the_put: check;
    an_upgrade_beside_the_put: check;
}
