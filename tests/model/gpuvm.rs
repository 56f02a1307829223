//! The put of `examples/gpuvm.rs`: the last one unlocks, and then puts its object on a list, whose drainer may free the lock.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed as StdRelaxed};

use kref::lock::Lock;
use kref::{Kref, LList, RefCount};
use loom::cell::UnsafeCell;
use loom::sync::{Arc, Mutex, MutexGuard};

use crate::backend::Rmw;
use crate::object::threads;
use crate::{check, check_bounded};

/// The lock in the buffer, which ends with it. Unlocking touches the lock when other threads may have it already, as that
/// of many locks does.
struct Inside {
    lock: Mutex<()>,
    life: UnsafeCell<bool>,
}

struct Guard<'a> {
    guard: Option<MutexGuard<'a, ()>>,
    inside: &'a Inside,
}

impl Inside {
    fn touch(&self) {
        // SAFETY: loom reports it if this races with the end.
        self.life.with(|life| assert!(unsafe { *life }));
    }
}

// SAFETY: loom's mutex excludes and publishes.
unsafe impl Lock for Inside {
    type Guard<'a> = Guard<'a>;
    fn lock(&self) -> Guard<'_> {
        self.touch();
        Guard {
            guard: Some(self.lock.lock().unwrap()),
            inside: self,
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        drop(self.guard.take());
        if !std::thread::panicking() {
            self.inside.touch();
        }
    }
}

/// A buffer, and one use of it.
struct World {
    gem: Kref<Rmw>,
    lock: Inside,
    vm_bo: Kref<Rmw>,
    listed: UnsafeCell<bool>,
    deferred: LList<(), Rmw>,
    freed: [AtomicU32; 2],
}

// SAFETY: loom reports races of the cells.
unsafe impl Sync for World {}

impl World {
    /// The vm_bo has one reference, and the buffer the vm_bo's and `others`.
    fn new(others: u32) -> Arc<Self> {
        Arc::new(Self {
            gem: Kref::from(RefCount::new_in(1 + others)),
            lock: Inside {
                lock: Mutex::new(()),
                life: UnsafeCell::new(true),
            },
            vm_bo: Kref::from(RefCount::new_in(1)),
            listed: UnsafeCell::new(true),
            deferred: LList::new_in(),
            freed: [const { AtomicU32::new(0) }; 2],
        })
    }

    fn gem_put(&self) {
        if self.gem.put() {
            // SAFETY: loom reports it if this races with a use.
            self.lock.life.with_mut(|life| unsafe { *life = false });
            assert_eq!(self.freed[0].fetch_add(1, StdRelaxed), 0, "freed twice");
        }
    }

    /// Finds the vm_bo under the lock.
    fn obtain(&self) -> bool {
        let held = self.lock.lock();
        // SAFETY: loom reports it if this races.
        let is_listed = self.listed.with(|listed| unsafe { *listed });
        if is_listed {
            self.vm_bo.get();
        }
        drop(held);
        is_listed
    }

    fn put_deferred<const UNLOCKS_FIRST: bool>(&self) {
        let Some(held) = self.vm_bo.put_lock(&self.lock) else {
            return;
        };
        // SAFETY: loom reports it if this races.
        self.listed.with_mut(|listed| unsafe { *listed = false });
        if UNLOCKS_FIRST {
            drop(held);
            self.deferred.push(());
        } else {
            self.deferred.push(());
            drop(held);
        }
    }

    fn clean_up(&self) {
        for () in self.deferred.take_all() {
            assert_eq!(self.freed[1].fetch_add(1, StdRelaxed), 0, "freed twice");
            self.gem_put();
        }
    }

    fn end(&self) {
        self.clean_up();
        let freed = self.freed.each_ref().map(|freed| freed.load(StdRelaxed));
        assert_eq!(freed, [1, 1], "leaked");
    }
}

/// A put that is the only one keeps the buffer by the vm_bo's reference, up to the push.
fn only_put<const UNLOCKS_FIRST: bool>() {
    let w = World::new(0);
    let put = World::put_deferred::<UNLOCKS_FIRST>;
    threads(&w, [put as fn(&_), World::clean_up]);
    w.end();
}

/// A put and a lookup, which puts too. Each has a reference to the buffer; the first gives its own up before or after
/// its put.
fn put_and_find<const KEEPS: bool>() {
    fn put<const KEEPS: bool>(w: &World) {
        if !KEEPS {
            w.gem_put();
        }
        w.put_deferred::<true>();
        if KEEPS {
            w.gem_put();
        }
    }
    fn find(w: &World) {
        let is_found = w.obtain();
        if is_found {
            w.put_deferred::<true>();
        }
        w.clean_up();
        w.gem_put();
    }
    let w = World::new(2);
    threads(&w, [put::<KEEPS> as fn(&_), find]);
    w.end();
}

#[test]
fn unlock_then_push() {
    check(only_put::<true>);
}

#[test]
#[should_panic(expected = "ausality violation")]
fn push_then_unlock() {
    check(only_put::<false>);
}

#[test]
fn with_a_reference_to_the_buffer() {
    check_bounded(3, put_and_find::<true>);
}

#[test]
#[should_panic(expected = "ausality violation")]
fn without_a_reference_to_the_buffer() {
    check_bounded(3, put_and_find::<false>);
}
