//! [`ShardedCount`] and [`ShardedRef`]: two shards, and everything that may come at the same time as a kill.
//!
//! The object is "freed" in place, which ends the lives of its shards and of its common word: a use of one of them afterwards is a
//! causality violation.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::sharded::ShardBackend;
use kref::{Ref, ShardedCount, ShardedRef};
use loom::cell::UnsafeCell;
use loom::sync::Arc;

use crate::backend::{set_thread_shard, tally};
use crate::object::{Mutex, World, threads};
use crate::{check, check_bounded, over_backends};

type Shared<B> = World<ShardedCount<B>, Mutex>;

/// Two shards, and so many references in addition to the creator's, taken at the first shard.
fn world<B: ShardBackend>(refs: u32) -> Arc<Shared<B>> {
    let count = ShardedCount::with_shards_in(2);
    (0..refs).for_each(|_| count.get_at(0));
    World::new(count)
}

/// Frees the object if this was the end.
fn at_end<B: ShardBackend>(w: &Shared<B>, is_end: bool) {
    if is_end {
        w.free();
    }
}

fn kill<B: ShardBackend>(w: &Shared<B>) {
    w.touch();
    at_end(w, w.count.kill());
}

fn put_at<B: ShardBackend, const SHARD: usize>(w: &Shared<B>) {
    w.touch();
    at_end(w, w.count.put_at(SHARD));
}

/// A holder of a reference takes another one here, and drops one here and one there.
fn get_and_put<B: ShardBackend>(w: &Shared<B>) {
    w.count.get_at(0);
    put_at::<B, 1>(w);
    put_at::<B, 0>(w);
}

fn kill_beside_puts<B: ShardBackend>() {
    let w = world::<B>(2);
    threads(&w, [kill as fn(&_), put_at::<B, 0>, put_at::<B, 1>]);
    w.assert_freed();
}

fn kill_beside_put<B: ShardBackend>() {
    let w = world::<B>(1);
    threads(&w, [kill as fn(&_), put_at::<B, 1>]);
    w.assert_freed();
}

fn kill_beside_get_and_put<B: ShardBackend>() {
    let w = world::<B>(1);
    threads(&w, [kill as fn(&_), get_and_put]);
    w.assert_freed();
}

/// A get at one shard is handed to a thread that puts it at the other.
fn kill_beside_a_hand_over<B: ShardBackend>() {
    let w = world::<B>(1);
    let killer = {
        let w = w.clone();
        loom::thread::spawn(move || kill(&w))
    };
    w.count.get_at(0);
    let user = {
        let w = w.clone();
        loom::thread::spawn(move || put_at::<B, 1>(&w))
    };
    put_at::<B, 1>(&w);
    killer.join().unwrap();
    user.join().unwrap();
    w.assert_freed();
}

/// Both hold a reference, as neither knows whether it uses up the creator's.
fn two_kills<B: ShardBackend>() {
    fn kill_and_put<B: ShardBackend>(w: &Shared<B>) {
        kill(w);
        put_at::<B, 0>(w);
    }
    let w = world::<B>(2);
    threads(&w, [kill_and_put as fn(&_), kill_and_put]);
    w.assert_freed();
}

/// When it returns, no get succeeds any more, whichever thread has killed.
fn confirmed<B: ShardBackend>() {
    fn confirm<B: ShardBackend>(w: &Shared<B>) {
        w.touch();
        let is_end = w.count.kill_and_confirm();
        assert!(!w.count.try_get_live_at(0), "open after it was confirmed");
        assert!(!w.count.try_get_live_at(1), "open after it was confirmed");
        assert!(!is_end, "there is this thread's own reference");
        put_at::<B, 1>(w);
    }
    let w = world::<B>(2);
    threads(&w, [confirm as fn(&_), confirm]);
    w.assert_freed();
}

/// The memory of the count stays; what it counts ends.
struct Slot<B: ShardBackend> {
    count: ShardedCount<B>,
    value: UnsafeCell<u32>,
    ends: AtomicU32,
}

// SAFETY: loom reports races of the cell.
unsafe impl<B: ShardBackend> Sync for Slot<B> {}
// SAFETY: as above.
unsafe impl<B: ShardBackend> Send for Slot<B> {}

impl<B: ShardBackend> Slot<B> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            count: ShardedCount::with_shards_in(2),
            value: UnsafeCell::new(1),
            ends: AtomicU32::new(0),
        })
    }
    fn read(&self) -> u32 {
        // SAFETY: loom reports it if this races with a write.
        self.value.with(|value| unsafe { *value })
    }
    fn end(&self) {
        self.ends.fetch_add(1, Relaxed);
        // SAFETY: loom reports it if this races with anything.
        self.value.with_mut(|value| unsafe { *value += 1 });
    }
    fn put(&self, shard: usize) {
        if self.count.put_at(shard) {
            self.end();
        }
    }
}

/// The end is seen once, also by try-gets.
fn try_get_finds_the_end<B: ShardBackend>() {
    let s = Slot::<B>::new();
    let look = |s: &Slot<B>| {
        if s.count.try_get_at(1) {
            assert_eq!(s.read(), 1);
            s.put(0);
        }
    };
    threads(
        &s,
        [
            (|s| {
                if s.count.kill() {
                    s.end();
                }
            }) as fn(&Slot<B>),
            look,
            look,
        ],
    );
    assert_eq!(s.ends.load(Relaxed), 1, "the end was seen once");
    assert!(!s.count.try_get_at(0));
}

/// A thread that gets a reference to the new object sees it as it was made.
fn reinit_publishes<B: ShardBackend>() {
    let s = Slot::<B>::new();
    threads(
        &s,
        [
            (|s| {
                if s.count.kill() {
                    s.end();
                    assert!(s.count.reinit());
                }
            }) as fn(&Slot<B>),
            |s| {
                if s.count.try_get_live_at(1) {
                    let value = s.read();
                    assert!(value == 1 || value == 2);
                    s.put(1);
                } else if s.count.try_get_at(0) {
                    let _ = s.read();
                    s.put(0);
                }
            },
        ],
    );
}

/// A count is killed, resurrected and killed again, concurrently with a get and two puts.
fn resurrect_beside_get_and_put<B: ShardBackend>() {
    fn kill_twice<B: ShardBackend>(w: &Shared<B>) {
        kill(w); // there is another reference of this thread's
        assert!(w.count.resurrect());
        assert!(!w.count.kill());
        put_at::<B, 0>(w);
    }
    let w = world::<B>(2);
    threads(&w, [kill_twice as fn(&_), get_and_put]);
    w.assert_freed();
}

/// One thread kills while another resurrects: in the end somebody kills for good.
fn kill_beside_resurrect<B: ShardBackend>() {
    let w = world::<B>(2);
    assert!(!w.count.kill());
    threads(
        &w,
        [
            (|w: &Shared<B>| {
                let _ = w.count.resurrect();
                put_at::<B, 0>(w);
            }) as fn(&_),
            |w| {
                let _ = w.count.kill();
                put_at::<B, 1>(w);
            },
        ],
    );
    // Live, if the kill came first.
    if w.count.is_dying() {
        w.assert_freed();
    } else {
        assert!(w.count.kill());
        w.free();
    }
}

/// What is not the end is one write in a shard that is open, and two in one that is closed.
fn writes<B: ShardBackend>() {
    let w = world::<B>(1);
    let writes = |f: &dyn Fn()| tally(f).1.writes;
    assert_eq!(writes(&|| w.count.get_at(1)), 1);
    assert_eq!(writes(&|| assert!(!w.count.put_at(0))), 1);
    assert_eq!(writes(&|| assert!(w.count.try_get_live_at(0))), 1);
    assert_eq!(writes(&|| assert!(!w.count.put_at(0))), 1);
    assert!(!w.count.kill());
    assert_eq!(writes(&|| w.count.get_at(1)), 2);
    assert_eq!(writes(&|| assert!(!w.count.put_at(0))), 2);
    assert_eq!(writes(&|| assert!(!w.count.try_get_live_at(0))), 1);
    assert_eq!(writes(&|| assert!(w.count.put_at(0))), 2);
    w.free();
}

/// A value that knows whether it is alive.
struct Value(UnsafeCell<u32>);

// SAFETY: loom reports races of the cell.
unsafe impl Sync for Value {}

impl Value {
    fn touch(&self) {
        // SAFETY: loom reports it if this races with the drop.
        self.0.with(|value| assert_eq!(unsafe { *value }, 42));
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: loom reports it if this races with a use.
        self.0.with_mut(|value| unsafe { *value = 0 });
    }
}

fn owner<B: ShardBackend>() -> ShardedRef<Value, B> {
    ShardedRef::from_ref_in(Ref::new_in(Value(UnsafeCell::new(42))), 2)
}

fn on_thread<B: ShardBackend>(
    handle: ShardedRef<Value, B>,
    f: impl FnOnce(ShardedRef<Value, B>) + 'static,
) -> loom::thread::JoinHandle<()> {
    loom::thread::spawn(move || {
        set_thread_shard(1);
        handle.touch();
        f(handle);
    })
}

/// The owner is dropped concurrently with a clone and two drops: loom reports it if anything is left, or used
/// afterwards.
fn owner_dropped_beside_a_clone<B: ShardBackend>() {
    let owner = owner::<B>();
    let thread = on_thread(owner.clone(), |handle| {
        let other = handle.clone();
        drop(handle);
        other.touch();
    });
    owner.touch();
    drop(owner);
    thread.join().unwrap();
}

/// Of all handles that end with it, one gets the `Ref`.
fn one_gets_the_inside<B: ShardBackend>() {
    let owner = owner::<B>();
    let count = Arc::new(AtomicU32::new(0));
    let thread = {
        let count = count.clone();
        on_thread(owner.clone(), move |handle| {
            if let Some(inside) = ShardedRef::into_inner(handle) {
                inside.touch();
                count.fetch_add(1, Relaxed);
            }
        })
    };
    if ShardedRef::into_inner(owner).is_some() {
        count.fetch_add(1, Relaxed);
    }
    thread.join().unwrap();
    assert_eq!(count.load(Relaxed), 1);
}

/// A count that is killed and resurrected by a user while its owner is dropped still ends.
fn owner_dropped_beside_resurrect<B: ShardBackend>() {
    let owner = owner::<B>();
    let thread = on_thread(owner.clone(), |handle| {
        ShardedRef::kill(&handle);
        ShardedRef::resurrect(&handle);
        handle.touch();
    });
    drop(owner);
    thread.join().unwrap();
}

over_backends! {
    kill_beside_put: check;
    kill_beside_puts: |f| check_bounded(2, f);
    kill_beside_get_and_put: check;
    kill_beside_a_hand_over: |f| check_bounded(2, f);
    two_kills: |f| check_bounded(3, f);
    confirmed: |f| check_bounded(3, f);
    try_get_finds_the_end: |f| check_bounded(2, f);
    reinit_publishes: |f| check_bounded(2, f);
    resurrect_beside_get_and_put: |f| check_bounded(2, f);
    kill_beside_resurrect: |f| check_bounded(3, f);
    writes: check;
    owner_dropped_beside_a_clone: |f| check_bounded(3, f);
    one_gets_the_inside: |f| check_bounded(3, f);
    owner_dropped_beside_resurrect: |f| check_bounded(2, f);
}
