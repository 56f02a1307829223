//! Every put of [`Kref`]: one write, destroyed once, under the lock where there is one, after every
//! use; and what a lookup may do concurrently.

use kref::atomic::Backend;
use kref::{Kref, RefCount};

use crate::object::{Index, World, one_write, threads};
use crate::{check, check_bounded, over_backends, over_locks};

type Shared<B, L> = World<Kref<B>, L>;

fn world<B: Backend, L: Index>(refs: u32) -> loom::sync::Arc<Shared<B, L>> {
    World::new(Kref::from(RefCount::new_in(refs)))
}

/// Uses the object and puts it, with no index.
fn put<B: Backend, L: Index>(w: &Shared<B, L>) {
    w.touch();
    if one_write(|| w.count.put()) {
        w.free();
    }
}

/// Uses the object and puts it with the index's lock.
fn put_lock<B: Backend, L: Index>(w: &Shared<B, L>) {
    w.touch();
    if let Some(held) = one_write(|| w.count.put_lock(&w.lock)) {
        assert!(w.is_listed(&held));
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

/// Looks the object up under the lock, takes a reference, and puts that with the lock.
fn find<B: Backend, L: Index>(w: &Shared<B, L>) {
    let held = w.lock.lock_shared();
    if w.is_listed(&held) {
        w.touch();
        one_write(|| w.count.get());
        drop(held);
        put_lock(w);
    }
}

/// Puts the object without the lock, and takes the lock afterwards to unlist it.
fn put_then_unlist<B: Backend, L: Index>(w: &Shared<B, L>) {
    w.touch();
    if one_write(|| w.count.put()) {
        let held = w.lock.lock();
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

/// Looks up an object that may be dying.
fn find_unless_zero<B: Backend, L: Index>(w: &Shared<B, L>) {
    let held = w.lock.lock_shared();
    if w.is_listed(&held) && w.count.get_unless_zero() {
        drop(held);
        put_then_unlist(w);
    }
}

type Mutex = crate::object::Mutex;

fn two_puts<B: Backend>() {
    let w = world::<B, Mutex>(2);
    threads(&w, [put as fn(&_), put]);
    w.assert_freed();
}

fn three_puts<B: Backend>() {
    let w = world::<B, Mutex>(3);
    threads(&w, [put as fn(&_), put, put]);
    w.assert_freed();
}

/// A reference is taken from another while a third is dropped.
fn get_beside_put<B: Backend>() {
    fn get_and_put_both<B: Backend>(w: &Shared<B, Mutex>) {
        one_write(|| w.count.get());
        put(w);
        put(w);
    }
    let w = world::<B, Mutex>(2);
    threads(&w, [put as fn(&_), get_and_put_both]);
    w.assert_freed();
}

over_backends! {
    two_puts: check;
    three_puts: |f| check_bounded(3, f);
    get_beside_put: check;
}

fn two_put_locks<B: Backend, L: Index>() {
    let w = world::<B, L>(2);
    threads(&w, [put_lock as fn(&_), put_lock]);
    w.assert_freed();
}

fn put_lock_and_find<B: Backend, L: Index>() {
    let w = world::<B, L>(1);
    threads(&w, [put_lock as fn(&_), find]);
    w.assert_freed();
}

fn three_put_locks<B: Backend, L: Index>() {
    let w = world::<B, L>(3);
    threads(&w, [put_lock as fn(&_), put_lock, put_lock]);
    w.assert_freed();
}

fn two_put_locks_and_find<B: Backend, L: Index>() {
    let w = world::<B, L>(2);
    threads(&w, [put_lock as fn(&_), put_lock, find]);
    w.assert_freed();
}

fn put_lock_and_two_finds<B: Backend, L: Index>() {
    let w = world::<B, L>(1);
    threads(&w, [put_lock as fn(&_), find, find]);
    w.assert_freed();
}

fn put_and_find_unless_zero<B: Backend, L: Index>() {
    let w = world::<B, L>(1);
    threads(&w, [put_then_unlist as fn(&_), find_unless_zero]);
    w.assert_freed();
}

fn two_puts_and_find_unless_zero<B: Backend, L: Index>() {
    let w = world::<B, L>(2);
    threads(
        &w,
        [put_then_unlist as fn(&_), put_then_unlist, find_unless_zero],
    );
    w.assert_freed();
}

/// While the count is above one a put does not touch the lock: the thread holds the lock, so it
/// would wait for itself, which loom reports as a deadlock.
fn put_lock_above_one_takes_no_lock<B: Backend, L: Index>() {
    fn put_holding_the_lock<B: Backend, L: Index>(w: &Shared<B, L>) {
        let held = w.lock.lock();
        w.touch();
        assert!(one_write(|| w.count.put_lock(&w.lock)).is_none());
        drop(held);
    }
    let w = world::<B, L>(2);
    threads(&w, [put_holding_the_lock as fn(&_)]);
    threads(&w, [put_lock as fn(&_)]);
    w.assert_freed();
}

over_locks! {
    put_lock_above_one_takes_no_lock: check;
    two_put_locks: check;
    put_lock_and_find: check;
    three_put_locks: |f| check_bounded(2, f);
    two_put_locks_and_find: |f| check_bounded(2, f);
    put_lock_and_two_finds: |f| check_bounded(2, f);
    put_and_find_unless_zero: check;
    two_puts_and_find_unless_zero: |f| check_bounded(2, f);
}
