//! [`HandBack`]: one write for each put, and one more exactly when a reference was handed back.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::HandBack;
use kref::atomic::Backend;

use crate::backend::tally;
use crate::object::{Index, World, one_write, threads};
use crate::{check, check_bounded, over_locks};

struct Model<B: Backend, L> {
    object: loom::sync::Arc<World<HandBack<B>, L>>,
    /// Increments that a lookup made for a pending put.
    handed_back: AtomicU32,
    /// Decrements that a put made after its first.
    taken_back: AtomicU32,
}

fn model<B: Backend, L: Index>(refs: u32) -> loom::sync::Arc<Model<B, L>> {
    loom::sync::Arc::new(Model {
        object: World::new(HandBack::new_in(refs)),
        handed_back: AtomicU32::new(0),
        taken_back: AtomicU32::new(0),
    })
}

fn put<B: Backend, L: Index>(m: &Model<B, L>) {
    let w = &m.object;
    w.touch();
    let (last, tally) = tally(|| w.count.put_lock(&w.lock));
    assert!(matches!(tally.writes, 1 | 2), "{tally:?}");
    m.taken_back.fetch_add(tally.writes - 1, Relaxed);
    if let Some(held) = last {
        assert!(w.is_listed(&held));
        w.unlist(&held);
        drop(held);
        w.free();
    }
}

/// Finds the object under the lock.
fn find<B: Backend, L: Index>(m: &Model<B, L>) {
    let w = &m.object;
    let held = w.lock.lock_shared();
    if w.is_listed(&held) {
        let ((), tally) = tally(|| w.count.get_locked());
        assert!(matches!(tally.writes, 1 | 2), "{tally:?}");
        m.handed_back.fetch_add(tally.writes - 1, Relaxed);
        drop(held);
        put(m);
    }
}

/// Takes a reference without the lock, as long as there is another. (The memory stays a count: here
/// by a reference that this thread does not count.)
fn get_beside<B: Backend, L: Index>(m: &Model<B, L>) {
    let w = &m.object;
    w.touch();
    one_write(|| w.count.get());
    put(m);
    put(m);
}

fn end<B: Backend, L: Index>(m: &Model<B, L>) {
    m.object.assert_freed();
    assert_eq!(
        m.handed_back.load(Relaxed),
        m.taken_back.load(Relaxed),
        "every reference that is handed back is taken back once"
    );
}

fn two_puts<B: Backend, L: Index>() {
    let m = model::<B, L>(2);
    threads(&m, [put as fn(&_), put]);
    end(&m);
    assert_eq!(m.handed_back.load(Relaxed), 0);
}

fn put_and_find<B: Backend, L: Index>() {
    let m = model::<B, L>(1);
    threads(&m, [put as fn(&_), find]);
    end(&m);
}

fn get_beside_put<B: Backend, L: Index>() {
    let m = model::<B, L>(2);
    threads(&m, [put as fn(&_), get_beside]);
    end(&m);
}

fn two_puts_and_find<B: Backend, L: Index>() {
    let m = model::<B, L>(2);
    threads(&m, [put as fn(&_), put, find]);
    end(&m);
}

fn put_and_two_finds<B: Backend, L: Index>() {
    let m = model::<B, L>(1);
    threads(&m, [put as fn(&_), find, find]);
    end(&m);
}

over_locks! {
    two_puts: check;
    put_and_find: check;
    get_beside_put: check;
    two_puts_and_find: |f| check_bounded(2, f);
    put_and_two_finds: |f| check_bounded(2, f);
}
