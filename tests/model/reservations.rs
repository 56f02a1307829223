//! Places in a registry: fulfilled, given up, and waited for by threads and by tasks; objects that are replaced;
//! iteration; key locks. A wake-up that is lost is a deadlock, which loom reports.

use std::future::Future;
use std::mem;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use kref::lock::LockBackend;
use kref::registry::Entry;
use kref::{Handle, KeyLock};
use loom::cell::UnsafeCell;
use loom::sync::Arc;

use crate::backend::{CasOnly, Rmw};
use crate::object::threads;
use crate::registry::{
    Map, Model, OneHash, Spread, Value, drop_first, drop_one, end, get, get_or_insert, touch,
};
use crate::signal::block_on;
use crate::{check, check_bounded, over_backends};

/// Polls a future once, and drops it.
fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn fulfil<B: LockBackend>(m: &Model<B>) {
    match m.map().entry(1) {
        Entry::Vacant(place) => touch(place.fulfil(Value::new(1)), 1),
        Entry::Occupied(handle) => touch(handle, 1),
        Entry::Busy(_) => {}
    }
}

fn give_up<B: LockBackend>(m: &Model<B>) {
    match m.map().entry(1) {
        Entry::Vacant(place) => drop(place),
        Entry::Occupied(handle) => touch(handle, 1),
        Entry::Busy(_) => {}
    }
}

fn wait<B: LockBackend>(m: &Model<B>) {
    match m.map().entry(1) {
        Entry::Vacant(place) => drop(place),
        Entry::Occupied(handle) => touch(handle, 1),
        Entry::Busy(pending) => {
            if let Some(handle) = pending.wait() {
                touch(handle, 1);
            }
        }
    }
}

/// Waits until it has an object, which it makes if the place is vacant.
fn insist<B: LockBackend>(m: &Model<B>) {
    let mut entry = m.map().entry(1);
    loop {
        entry = match entry {
            Entry::Vacant(place) => return touch(place.fulfil(Value::new(1)), 1),
            Entry::Occupied(handle) => return touch(handle, 1),
            Entry::Busy(pending) => pending.retry(),
        };
    }
}

fn insist_async<B: LockBackend>(m: &Model<B>) {
    let make = |key: &u32| std::future::ready(Value::new(*key));
    touch(block_on(m.map().get_or_insert_async(1, make)), 1);
}

fn wait_async<B: LockBackend>(m: &Model<B>) {
    match m.map().entry(1) {
        Entry::Vacant(place) => drop(place),
        Entry::Occupied(handle) => touch(handle, 1),
        Entry::Busy(pending) => {
            if let Some(handle) = block_on(pending) {
                touch(handle, 1);
            }
        }
    }
}

/// A task that is cancelled when it waits, or has got the object.
fn cancelled<B: LockBackend>(m: &Model<B>) {
    match m.map().entry(1) {
        Entry::Vacant(place) => drop(place),
        Entry::Occupied(handle) => touch(handle, 1),
        Entry::Busy(pending) => {
            if let Poll::Ready(Some(handle)) = poll_once(pending) {
                touch(handle, 1);
            }
        }
    }
}

/// The constructor of a task never ends, and the task is cancelled.
fn cancelled_maker<B: LockBackend>(m: &Model<B>) {
    let make = |_: &u32| std::future::pending();
    if let Poll::Ready(handle) = poll_once(m.map().get_or_insert_async(1, make)) {
        touch(handle, 1);
    }
}

fn run<B: LockBackend, const N: usize>(bodies: [fn(&Model<B>); N]) {
    let m = Model::<B>::new(0);
    threads(&m, bodies);
    end(m);
}

fn fulfilled_beside_a_wait<B: LockBackend>() {
    run::<B, 2>([fulfil, wait]);
}

fn given_up_beside_a_wait<B: LockBackend>() {
    run::<B, 2>([give_up, insist]);
}

fn fulfilled_beside_a_task<B: LockBackend>() {
    run::<B, 2>([fulfil, wait_async]);
}

fn given_up_beside_a_task<B: LockBackend>() {
    run::<B, 2>([give_up, insist_async]);
}

fn fulfilled_beside_a_lookup<B: LockBackend>() {
    run::<B, 2>([fulfil, get]);
}

/// A reservation's place is in memory that a lookup of an object with the same tag stands on.
fn a_place_in_recycled_memory<B: LockBackend>() {
    fn refill<B: LockBackend>(m: &Model<B>) {
        drop_one(m.take(0));
        fulfil(m);
    }
    let m = Model::<B>::new(1);
    threads(&m, [refill as fn(&_), get]);
    end(m);
}

fn cancelled_beside_the_end<B: LockBackend>() {
    run::<B, 2>([fulfil, cancelled]);
    run::<B, 2>([give_up, cancelled]);
}

/// One of two waiters is cancelled; the other goes on all the same.
fn one_of_two_is_cancelled<B: LockBackend>() {
    run::<B, 3>([give_up, cancelled, insist_async]);
}

/// A thread and a task wait for the same.
fn a_thread_and_a_task<B: LockBackend>() {
    run::<B, 3>([give_up, insist, insist_async]);
}

fn a_maker_is_cancelled<B: LockBackend>() {
    run::<B, 2>([cancelled_maker, insist_async]);
    run::<B, 2>([cancelled_maker, get_or_insert]);
}

/// The object in the place of which another comes is dying.
fn replace_beside_the_last_put<B: LockBackend>() {
    fn replace<B: LockBackend>(m: &Model<B>) {
        let (new, old) = m.map().replace(1, Value::new(1));
        if let Some(old) = old {
            assert!(!Handle::is_listed(&old) && !Handle::ptr_eq(&new, &old));
            touch(old, 1);
        }
        assert!(
            Handle::is_listed(&new),
            "the end of the old one does not touch it"
        );
        touch(new, 1);
    }
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), replace]);
    end(m);
}

/// There is no moment at which a lookup finds none.
fn replace_beside_a_lookup<B: LockBackend>() {
    fn replace<B: LockBackend>(m: &Model<B>) {
        let (new, old) = m.map().replace(1, Value::new(1));
        drop_one(m.take(0));
        drop_one(old.expect("it has a handle"));
        *m.held[1].lock().unwrap() = Some(new);
    }
    fn find<B: LockBackend>(m: &Model<B>) {
        touch(m.map().get(&1).expect("one of the two"), 1);
    }
    let m = Model::<B>::new(1);
    threads(&m, [replace as fn(&_), find]);
    drop_one(m.take(1));
    end(m);
}

/// Of two that replace, one takes out what the other has put in.
fn replaced_by_two<B: LockBackend>() {
    fn replace<B: LockBackend, const N: usize>(m: &Model<B>) {
        let (new, old) = m.map().replace(1, Value::new(1));
        drop_one(old.expect("there was one"));
        *m.held[N].lock().unwrap() = Some(new);
    }
    let m = Model::<B>::new(1);
    let first = m.take(0);
    threads(&m, [replace::<B, 0> as fn(&_), replace::<B, 1>]);
    let (a, b) = (m.take(0), m.take(1));
    assert!(!Handle::is_listed(&first));
    assert!(Handle::is_listed(&a) != Handle::is_listed(&b));
    drop((first, a, b));
    end(m);
}

/// What has a handle is seen once, while the buckets double and others come and go.
fn iteration_beside_growth<B: LockBackend>() {
    fn grow<B: LockBackend>(spread: &Spread<B>) {
        spread.insert(7); // as many as there are buckets
        spread.insert(16); // moves all
    }
    fn iterate<B: LockBackend>(spread: &Spread<B>) {
        let mut seen = [0; 17];
        for object in &spread.map {
            seen[*Handle::key(&object) as usize] += 1;
            touch(object.clone(), *Handle::key(&object));
        }
        for key in [8, 1, 2, 3, 4, 5, 6] {
            assert_eq!(seen[key], 1, "key {key}");
        }
        assert!(seen[7] <= 1 && seen[16] <= 1);
    }
    let spread = Spread::<B>::new([8, 1, 2, 3, 4, 5, 6]);
    threads(&spread, [grow as fn(&_), iterate]);
    drop(spread);
}

fn iteration_beside_the_last_put<B: LockBackend>() {
    fn iterate<B: LockBackend>(m: &Model<B>) {
        m.map().iter().for_each(|object| touch(object, 1));
    }
    let m = Model::<B>::new(1);
    threads(&m, [drop_first as fn(&_), iterate]);
    end(m);
}

/// Data, and the locks of its keys, of which all have one key.
struct Locked<B: LockBackend> {
    locks: KeyLock<u32, OneHash, B>,
    data: UnsafeCell<u32>,
}

// SAFETY: loom reports races of the cell.
unsafe impl<B: LockBackend> Sync for Locked<B> {}

impl<B: LockBackend> Locked<B> {
    fn change(&self) {
        // SAFETY: loom reports it if this races.
        self.data.with_mut(|data| unsafe { *data += 1 });
    }
}

fn locks<B: LockBackend>(bodies: &[fn(&Locked<B>)], changes: std::ops::RangeInclusive<u32>) {
    let locked = Arc::new(Locked::<B> {
        locks: KeyLock::new_in(1, OneHash),
        data: UnsafeCell::new(0),
    });
    threads(&locked, bodies.iter().copied());
    assert!(locked.locks.is_empty());
    // SAFETY: the threads have ended.
    let made = locked.data.with(|data| unsafe { *data });
    assert!(changes.contains(&made), "{made}");
}

fn lock<B: LockBackend>(l: &Locked<B>) {
    let _guard = l.locks.lock(1);
    l.change();
}

fn lock_async<B: LockBackend>(l: &Locked<B>) {
    let _guard = block_on(l.locks.lock_async(1));
    l.change();
}

fn try_lock<B: LockBackend>(l: &Locked<B>) {
    if let Some(_guard) = l.locks.try_lock(1) {
        l.change();
    }
}

fn lock_cancelled<B: LockBackend>(l: &Locked<B>) {
    if let Poll::Ready(_guard) = poll_once(l.locks.lock_async(1)) {
        l.change();
    }
}

fn a_key_is_locked_by_one<B: LockBackend>() {
    locks::<B>(&[lock, lock], 2..=2);
    locks::<B>(&[lock, try_lock], 1..=2);
}

fn a_key_is_locked_by_a_task<B: LockBackend>() {
    locks::<B>(&[lock, lock_async], 2..=2);
}

/// The turn of one that was cancelled goes to the next.
fn a_cancelled_turn_is_handed_on<B: LockBackend>() {
    locks::<B>(&[lock, lock_cancelled], 1..=2);
    locks::<B>(&[lock, lock_cancelled, lock_async], 2..=3);
}

over_backends! {
    fulfilled_beside_a_wait: |f| check_bounded(3, f);
    given_up_beside_a_wait: |f| check_bounded(2, f);
    fulfilled_beside_a_task: |f| check_bounded(3, f);
    given_up_beside_a_task: |f| check_bounded(2, f);
    fulfilled_beside_a_lookup: |f| check_bounded(3, f);
    a_place_in_recycled_memory: |f| check_bounded(2, f);
    cancelled_beside_the_end: |f| check_bounded(2, f);
    one_of_two_is_cancelled: |f| check_bounded(1, f);
    a_thread_and_a_task: |f| check_bounded(1, f);
    a_maker_is_cancelled: |f| check_bounded(2, f);
    replace_beside_the_last_put: |f| check_bounded(3, f);
    replace_beside_a_lookup: |f| check_bounded(3, f);
    replaced_by_two: |f| check_bounded(2, f);
    iteration_beside_growth: |f| check_bounded(2, f);
    iteration_beside_the_last_put: |f| check_bounded(3, f);
    a_key_is_locked_by_one: |f| check_bounded(2, f);
    a_key_is_locked_by_a_task: |f| check_bounded(2, f);
    a_cancelled_turn_is_handed_on: |f| check_bounded(1, f);
}

/// A reservation that is forgotten: the registry's end leaves no atomic, and so no node, behind.
#[test]
fn forgotten() {
    fn one<B: LockBackend>() {
        let map = Map::<B>::new_in(1, OneHash);
        let kept = map.try_insert(2, Value::new(2)).ok().unwrap();
        let Entry::Vacant(place) = map.entry(1) else {
            unreachable!("nobody else has it")
        };
        mem::forget(place);
        assert!(matches!(map.entry(1), Entry::Busy(_)));
        drop(map);
        touch(kept, 2);
    }
    check(one::<CasOnly>);
    check(one::<Rmw>);
}
