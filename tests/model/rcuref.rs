//! [`RcuRef`]: one write for each put, and one more for the last, of which there is exactly one.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::RcuRef;
use kref::atomic::Backend;
use loom::cell::UnsafeCell;

use crate::backend::tally;
use crate::object::{one_write, threads};
use crate::{check, check_bounded, over_backends};

/// An object in memory that stays, as under RCU: the model's own.
struct Object<B: Backend> {
    refs: RcuRef<B>,
    payload: UnsafeCell<u32>,
    ends: AtomicU32,
}

// SAFETY: loom reports it if the payload's accesses race.
unsafe impl<B: Backend> Sync for Object<B> {}
// SAFETY: as above.
unsafe impl<B: Backend> Send for Object<B> {}

fn object<B: Backend>(refs: u32) -> loom::sync::Arc<Object<B>> {
    loom::sync::Arc::new(Object {
        refs: RcuRef::new_in(refs),
        payload: UnsafeCell::new(42),
        ends: AtomicU32::new(0),
    })
}

impl<B: Backend> Object<B> {
    fn read(&self) -> u32 {
        // SAFETY: loom reports it if this races with a write.
        self.payload.with(|value| unsafe { *value })
    }

    fn write(&self, new: u32) {
        // SAFETY: loom reports it if this races with anything.
        self.payload.with_mut(|value| unsafe { *value = new });
    }

    fn assert_dead(&self) {
        assert_eq!(self.ends.load(Relaxed), 1, "no last put");
        assert_eq!(self.refs.count_hint(), 0);
        assert!(!self.refs.get());
    }
}

fn put<B: Backend>(o: &Object<B>) {
    assert_eq!(o.read(), 42);
    let (last, tally) = tally(|| o.refs.put());
    assert_eq!(tally.writes, 1 + u32::from(last));
    if last {
        o.write(0);
        assert_eq!(o.ends.fetch_add(1, Relaxed), 0, "two last puts");
    }
}

fn get_and_put<B: Backend>(o: &Object<B>) {
    if one_write(|| o.refs.get()) {
        put(o);
    }
}

fn two_puts<B: Backend>() {
    let o = object::<B>(2);
    threads(&o, [put as fn(&_), put]);
    o.assert_dead();
}

/// The get comes before the decrement, between it and the mark, or finds the object dead.
fn put_beside_get<B: Backend>() {
    let o = object::<B>(1);
    threads(&o, [put as fn(&_), get_and_put]);
    o.assert_dead();
}

fn put_beside_two_gets<B: Backend>() {
    let o = object::<B>(1);
    threads(&o, [put as fn(&_), get_and_put, get_and_put]);
    o.assert_dead();
}

fn two_puts_beside_get<B: Backend>() {
    let o = object::<B>(2);
    threads(&o, [put as fn(&_), put, get_and_put]);
    o.assert_dead();
}

/// Memory that is used again: a thread that gets a reference sees what was filled in, without a
/// lock.
fn set_release_publishes<B: Backend>() {
    fn fill<B: Backend>(o: &Object<B>) {
        o.write(7);
        o.refs.set_release(1);
    }
    fn look<B: Backend>(o: &Object<B>) {
        if o.refs.get() {
            assert_eq!(o.read(), 7);
        }
    }
    let o = object::<B>(0);
    threads(&o, [fill as fn(&_), look]);
}

/// The same when the count saturates: a thread that holds an object that leaks may read it all the same. (A get
/// that finds the place dead writes, too, and loom knows no order of that and `set_release`: the count may read
/// as dead.)
fn set_release_publishes_when_saturated<B: Backend>() {
    fn fill<B: Backend>(o: &Object<B>) {
        o.write(7);
        o.refs.set_release(RcuRef::MAX);
    }
    fn look<B: Backend>(o: &Object<B>) {
        if o.refs.get() {
            assert_eq!(o.read(), 7);
        }
    }
    let o = object::<B>(0);
    threads(&o, [fill as fn(&_), look, look]);
}

/// Two threads pass the limit and come back: no thread is ever told that it had the last reference.
fn saturated_is_never_last<B: Backend>() {
    fn get_and_put<B: Backend>(o: &Object<B>) {
        assert!(o.refs.get());
        assert!(!o.refs.put());
    }
    let o = object::<B>(RcuRef::MAX);
    threads(&o, [get_and_put as fn(&_), get_and_put]);
    assert!(o.refs.is_saturated());
}

/// One put too many, concurrently with another: at most one is told that it was the last, and no get succeeds
/// afterwards.
fn underflow_stays_dead<B: Backend>() {
    fn put_once<B: Backend>(o: &Object<B>) {
        if o.refs.put() {
            assert_eq!(o.ends.fetch_add(1, Relaxed), 0, "two last puts");
        }
    }
    let o = object::<B>(1);
    threads(&o, [put_once as fn(&_), put_once]);
    assert!(!o.refs.get());
    assert!(!o.refs.put());
}

/// The object dies and is made anew during a put of its former life: each life ends once.
fn recycled_beside_a_put<B: Backend>() {
    fn put_and_renew<B: Backend>(o: &Object<B>) {
        if o.refs.put() {
            o.write(o.read() + 1);
            if o.ends.fetch_add(1, Relaxed) == 0 {
                o.refs.set_release(1);
                put_and_renew(o);
            }
        }
    }
    let o = object::<B>(2);
    threads(&o, [put_and_renew as fn(&_), put_and_renew]);
    assert_eq!(o.ends.load(Relaxed), 2);
    assert_eq!(o.read(), 44);
    assert!(!o.refs.get());
}

over_backends! {
    two_puts: check;
    put_beside_get: check;
    put_beside_two_gets: |f| check_bounded(2, f);
    two_puts_beside_get: |f| check_bounded(2, f);
    set_release_publishes: check;
    set_release_publishes_when_saturated: |f| check_bounded(2, f);
    saturated_is_never_last: |f| check_bounded(3, f);
    underflow_stays_dead: check;
    recycled_beside_a_put: check;
}
