//! The patterns that people write by hand, and what is wrong with them: each model must fail. That
//! the models can fail, and for the stated reason, is what makes the others worth something.

use kref::Kref;
use kref::RefCount;
use kref::atomic::{Atomic, AtomicInt, Backend};
use kref::lock::Lock;
use loom::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::backend::{Rmw, tally};
use crate::check;
use crate::object::{Index, Mutex, RwLock, World, threads};

type Shared<L> = World<Kref<Rmw>, L>;

fn world<L: Index>(refs: u32) -> loom::sync::Arc<Shared<L>> {
    World::new(Kref::from(RefCount::new_in(refs)))
}

/// Right: the partner of the wrong puts below.
fn find<L: Index>(w: &Shared<L>) {
    let held = w.lock.lock_shared();
    if w.is_listed(&held) {
        w.count.get();
        drop(held);
        w.touch();
        put_lock(w);
    }
}

/// Right: the partner of the wrong finds below.
fn put_lock<L: Index>(w: &Shared<L>) {
    w.touch();
    if let Some(held) = w.count.put_lock(&w.lock) {
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

#[test]
#[should_panic(expected = "ausality violation")]
fn decrement_to_zero_outside_the_lock() {
    fn put_then_lock(w: &Shared<Mutex>) {
        if w.count.put() {
            let held = w.lock.lock();
            w.unlist(&held);
            drop(held);
            w.free();
        }
    }
    check(|| {
        let w = world(1);
        threads(&w, [put_then_lock as fn(&_), find]);
    });
}

#[test]
#[should_panic(expected = "ausality violation")]
fn unlist_after_unlocking() {
    fn put(w: &Shared<Mutex>) {
        if let Some(held) = w.count.put_lock(&w.lock) {
            drop(held);
            let held = w.lock.lock();
            w.unlist(&held);
            drop(held);
            w.free();
        }
    }
    check(|| {
        let w = world(1);
        threads(&w, [put as fn(&_), find]);
    });
}

#[test]
#[should_panic(expected = "ausality violation")]
fn upgrade_without_the_lock() {
    fn find_then_get(w: &Shared<RwLock>) {
        let listed = w.is_listed(&w.lock.lock_shared());
        if listed {
            w.count.get();
            put_lock(w);
        }
    }
    check(|| {
        let w = world(1);
        threads(&w, [put_lock as fn(&_), find_then_get]);
    });
}

/// `if strong_count == 1 { last }` in a destructor: both see two.
#[test]
#[should_panic(expected = "leaked")]
fn decide_by_reading_the_count() {
    fn put(w: &Shared<Mutex>) {
        let last = w.count.count() == 1;
        if !w.count.put() {
            return;
        }
        if last {
            w.free();
        }
    }
    check(|| {
        let w = world(2);
        threads(&w, [put as fn(&_), put]);
        w.assert_freed();
    });
}

#[test]
#[should_panic(expected = "ausality violation")]
fn touch_after_the_put() {
    fn put(w: &Shared<Mutex>) {
        if w.count.put() {
            w.free();
        } else {
            w.touch();
        }
    }
    check(|| {
        let w = world(2);
        threads(&w, [put as fn(&_), put]);
    });
}

/// Touching the count alone is as bad, whatever it reads.
#[test]
#[should_panic(expected = "ausality violation")]
fn read_the_count_after_the_put() {
    fn put(w: &Shared<Mutex>) {
        if w.count.put() {
            w.free();
        } else {
            let _ = w.count.count();
        }
    }
    check(|| {
        let w = world(2);
        threads(&w, [put as fn(&_), put]);
    });
}

/// A put that takes its decrement back to take the lock: two writes, and in between somebody else
/// may have freed the object.
#[test]
#[should_panic(expected = "ausality violation")]
fn decrement_and_take_it_back() {
    fn put(w: &Shared<Mutex>) {
        if w.count.put() {
            // "Revive" it, to put it again under the lock.
            w.count.as_ref().set(1);
            put_lock(w);
        }
    }
    check(|| {
        let w = world(1);
        threads(&w, [put as fn(&_), find]);
    });
}

/// Increment unless zero, as two steps.
#[test]
#[should_panic(expected = "two last references")]
fn load_then_add() {
    fn visit(refs: &<Rmw as Backend>::U32) {
        if refs.load(Acquire) != 0 {
            refs.fetch_add(1, Acquire);
            put(refs);
        }
    }
    fn put(refs: &<Rmw as Backend>::U32) {
        use std::sync::atomic::Ordering::AcqRel;
        if refs.fetch_sub(1, AcqRel) == 1 {
            LAST.with(|last| {
                assert!(!last.replace(true), "two last references");
            });
        }
    }
    std::thread_local! {
        static LAST: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    check(|| {
        LAST.with(|last| last.set(false));
        let refs = loom::sync::Arc::new(<Rmw as Backend>::U32::new(1));
        threads(&refs, [put as fn(&_), visit]);
    });
}

/// The decrement of a put, Relaxed.
#[test]
#[should_panic(expected = "ausality violation")]
fn relaxed_decrement() {
    struct Relaxedly(<Rmw as Backend>::U32, UnsafeCell<u32>);
    // SAFETY: loom reports the race, which is the point.
    unsafe impl Sync for Relaxedly {}
    // SAFETY: as above.
    unsafe impl Send for Relaxedly {}
    fn put(c: &Relaxedly) {
        c.1.with(|_| ());
        if c.0.fetch_sub(1, Relaxed) == 1 {
            let _ = c.0.load(Acquire);
            c.1.with_mut(|_| ());
        }
    }
    check(|| {
        let c = loom::sync::Arc::new(Relaxedly(<Rmw as Backend>::U32::new(2), UnsafeCell::new(0)));
        threads(&c, [put as fn(&_), put]);
    });
}

/// A put under the lock by load and store loses one of two decrements.
#[test]
#[should_panic(expected = "a put writes exactly once")]
fn the_theorem_can_fail() {
    check(|| {
        let count = loom::sync::Arc::new(Kref::<Rmw>::from(RefCount::new_in(2)));
        let (_, tally) = tally(|| {
            let _ = count.put();
            count.get();
        });
        assert_eq!(tally.writes, 1, "a put writes exactly once");
    });
}
