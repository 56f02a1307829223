//! `ArcSwapAny<Ref<T>>`: what arc-swap documents of `ArcSwap`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use arc_swap::access::{Access, Map};
use arc_swap::cache::Cache;
use arc_swap::{ArcSwapAny, Guard, RefCnt};
use kref::{Ref, RefCount, WeakRef};

type RefSwap<T> = ArcSwapAny<Ref<T>>;

/// Counts how many of its kind there are.
#[derive(Debug)]
struct Counted<'a>(&'a AtomicUsize, usize);

impl<'a> Counted<'a> {
    fn new(live: &'a AtomicUsize, value: usize) -> Ref<Self> {
        live.fetch_add(1, Relaxed);
        Ref::new(Self(live, value))
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[test]
fn what_is_loaded_stays_as_it_was_when_another_is_stored() {
    let live = AtomicUsize::new(0);
    let shared = RefSwap::new(Counted::new(&live, 1));
    let guard = shared.load();
    let full = shared.load_full();
    shared.store(Counted::new(&live, 2));
    assert_eq!((guard.1, full.1, shared.load().1), (1, 1, 2));
    drop(full);
    assert_eq!(live.load(Relaxed), 2); // the guard has the first one still
    let kept = Guard::into_inner(guard);
    assert_eq!(Ref::count_hint(&kept), 1);
    drop(kept);
    assert_eq!(live.load(Relaxed), 1);
    assert_eq!(shared.into_inner().1, 2);
    assert_eq!(live.load(Relaxed), 0);
}

#[test]
fn a_swap_returns_what_was_there() {
    let shared = RefSwap::from(Ref::new(1));
    let old = shared.swap(Ref::new(2));
    assert_eq!((*old, Ref::count_hint(&old)), (1, 1));
    assert_eq!(**shared.load(), 2);
}

/// What is stored keeps the value alive, and a weak pointer to what was replaced finds nothing.
#[test]
fn a_value_with_weak_pointers() {
    let first = WeakRef::new(String::from("first"));
    let weak = WeakRef::downgrade(&first);
    let shared = ArcSwapAny::<WeakRef<String>>::new(first);
    assert_eq!(**shared.load(), "first");
    assert_eq!(*weak.upgrade().unwrap(), "first");
    let guard = shared.load();
    shared.store(WeakRef::new(String::from("second")));
    assert!(weak.upgrade().is_some(), "the guard has it");
    drop(guard);
    assert!(weak.upgrade().is_none());
    let (second, weak) = (shared.load_full(), WeakRef::downgrade(&shared.load_full()));
    drop(shared);
    assert_eq!(WeakRef::count_hint(&second), 1);
    drop(second);
    assert!(weak.is_dead());
}

#[test]
fn compare_and_swap_goes_by_the_pointer() {
    let (one, same) = (Ref::new(1), Ref::new(1));
    let shared = RefSwap::new(one.clone());
    let unchanged = shared.compare_and_swap(&same, Ref::new(2)); // equal, and another
    assert!(Ref::ptr_eq(&unchanged, &one));
    let replaced = shared.compare_and_swap(&one, Ref::new(3));
    assert!(Ref::ptr_eq(&replaced, &one));
    assert_eq!(**shared.load(), 3);
    drop((unchanged, replaced));
    assert_eq!(Ref::count_hint(&one), 1);
}

#[test]
fn a_pointer_may_be_absent() {
    let live = AtomicUsize::new(0);
    let shared = ArcSwapAny::<Option<Ref<Counted<'_>>>>::new(None);
    assert!(shared.load().is_none());
    shared.store(Some(Counted::new(&live, 5)));
    assert_eq!(shared.load().as_ref().unwrap().1, 5);
    assert_eq!(shared.swap(None).unwrap().1, 5);
    assert!(shared.load_full().is_none());
    assert_eq!(live.load(Relaxed), 0);
}

#[test]
fn a_cache_is_renewed_when_the_value_is() {
    let shared = RefSwap::new(Ref::new(1));
    let mut cache = Cache::new(&shared);
    assert_eq!(**cache.load(), 1);
    shared.store(Ref::new(2));
    assert_eq!(**cache.load(), 2);
}

#[test]
fn a_part_is_projected() {
    let shared = RefSwap::new(Ref::new((1, String::from("part"))));
    let map = Map::new(&shared, |value: &Ref<(i32, String)>| &value.1);
    let part = map.load();
    shared.store(Ref::new((2, String::from("other"))));
    assert_eq!(*part, "part");
    assert_eq!(*map.load(), "other");
}

/// Values without a size: their addresses are different all the same, as their counts are.
#[test]
fn values_without_a_size() {
    let shared = RefSwap::new(Ref::new(()));
    let guards = Vec::from_iter((0..4).map(|_| {
        let guard = shared.load();
        shared.store(Ref::new(()));
        guard
    }));
    for (i, a) in guards.iter().enumerate() {
        for b in &guards[i + 1..] {
            assert!(!Ref::ptr_eq(a, b));
        }
    }
    let text = RefSwap::new(Ref::new([0_u8; 0]));
    text.rcu(|_| []);
    assert_eq!(Ref::count_hint(&text.load_full()), 2);
}

#[test]
fn readers_and_writers() {
    const THREADS: usize = 4;
    const ROUNDS: usize = if cfg!(miri) { 40 } else { 5_000 };

    let live = AtomicUsize::new(0);
    let shared = RefSwap::new(Counted::new(&live, 0));
    thread::scope(|scope| {
        for i in 0..THREADS {
            let (shared, live) = (&shared, &live);
            scope.spawn(move || {
                let mut kept = Vec::new();
                for round in 0..ROUNDS {
                    match (round + i) % 4 {
                        0 => {
                            shared.rcu(|old| Counted::new(live, old.1 + 1));
                        }
                        1 => kept.push(shared.load()), // more than arc-swap has fast slots for
                        2 => drop(shared.load_full()),
                        _ => assert!(shared.load().1 <= THREADS * ROUNDS),
                    }
                    if kept.len() > 20 {
                        kept.clear();
                    }
                }
            });
        }
    });
    // Each `rcu` that was done has added one.
    assert_eq!(shared.load().1, THREADS * ROUNDS / 4);
    assert_eq!(live.load(Relaxed), 1);
    drop(shared);
    assert_eq!(live.load(Relaxed), 0);
}

/// arc-swap must not be unwound, whatever the hook does that a count's overflow is reported to.
#[test]
fn a_hook_that_panics_does_not_reach_arc_swap() {
    let value = Ref::new(5);
    let count = Ref::as_ptr(&value).cast::<RefCount>().wrapping_sub(1);
    // SAFETY: the count ends where the value begins, and no other thread knows of it.
    let count = unsafe { &*count };
    count.set(RefCount::MAX);
    kref::report::set_hook(|_| panic!("a hook that panics"));
    let inc = || <Ref<i32> as RefCnt>::inc(&value);
    let addresses = catch_unwind(AssertUnwindSafe(|| [inc(), inc(), inc()]));
    kref::report::set_hook(|_| {});
    assert_eq!(addresses.ok(), Some([Ref::as_ptr(&value).cast_mut(); 3]));
    assert!(count.is_saturated());
    count.set(1);
}
