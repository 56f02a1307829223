//! What people write by hand, and what is wrong with it: each is found, and its seed finds it again.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::{Arc, Weak};

use kref::atomic::{Atomic, AtomicInt, Backend};
use kref::lock::Lock;

use crate::backend::{Life, Mutex, RwLock, Shuttle, must, turn};
use crate::kref::{Count, six_users};
use crate::llist::{Item, Queue, flagged, taking};
use crate::quarantine::QUARANTINE;
use crate::{finds, pick, threads};

type Word = <Shuttle as Backend>::U32;

/// How it shows first that an object is freed too early, or never.
const NOT_FREED_IN_TIME: [&str; 5] = [
    "used after its end",
    "ended twice",
    "not alone",
    "it is listed still",
    "nothing is listed in the end",
];

/// A put that is wrong. What belongs to it is right.
trait ByHand: 'static {
    fn put_lock<'lock, L: Lock>(refs: &Word, lock: &'lock L) -> Option<L::Guard<'lock>>;
}

struct Wrong<P>(Word, PhantomData<P>);

impl<P: ByHand> Count for Wrong<P> {
    fn new() -> Self {
        Self(Word::new(1), PhantomData)
    }
    fn get(&self) {
        self.0.fetch_add(1, Relaxed);
    }
    fn get_locked(&self) {
        self.0.fetch_add(1, Relaxed);
    }
    fn put_lock<'lock, L: Lock>(&self, lock: &'lock L) -> Option<L::Guard<'lock>> {
        P::put_lock(&self.0, lock)
    }
}

struct DecrementsOutsideTheLock;

impl ByHand for DecrementsOutsideTheLock {
    fn put_lock<'lock, L: Lock>(refs: &Word, lock: &'lock L) -> Option<L::Guard<'lock>> {
        (refs.fetch_sub(1, AcqRel) == 1).then(|| lock.lock())
    }
}

#[test]
fn decrement_to_zero_outside_the_lock() {
    finds(
        &NOT_FREED_IN_TIME,
        six_users::<Wrong<DecrementsOutsideTheLock>, RwLock>,
    );
}

struct HandsNothingBack;

impl ByHand for HandsNothingBack {
    /// The put of `HandBack`; but the lookup that found the object has not counted for the pending
    /// owner.
    fn put_lock<'lock, L: Lock>(refs: &Word, lock: &'lock L) -> Option<L::Guard<'lock>> {
        if refs.fetch_sub(1, Release) > 1 {
            return None;
        }
        let guard = lock.lock();
        (refs.load(Acquire) == 0).then_some(guard)
    }
}

#[test]
fn put_that_is_not_handed_back() {
    finds(
        &NOT_FREED_IN_TIME,
        six_users::<Wrong<HandsNothingBack>, Mutex>,
    );
}

struct AsksTheCount;

impl ByHand for AsksTheCount {
    /// `if strong_count() == 1`, in a destructor: two see two.
    fn put_lock<'lock, L: Lock>(refs: &Word, lock: &'lock L) -> Option<L::Guard<'lock>> {
        let guard = (refs.load(Acquire) == 1).then(|| lock.lock());
        refs.fetch_sub(1, AcqRel);
        guard
    }
}

#[test]
fn decide_by_reading_the_count() {
    finds(&NOT_FREED_IN_TIME, six_users::<Wrong<AsksTheCount>, Mutex>);
}

struct LoadsAndStores;

impl ByHand for LoadsAndStores {
    /// A decrement that loses others.
    fn put_lock<'lock, L: Lock>(refs: &Word, lock: &'lock L) -> Option<L::Guard<'lock>> {
        let guard = lock.lock();
        let left = refs.load(Acquire) - 1;
        refs.store(left, Release);
        (left == 0).then_some(guard)
    }
}

#[test]
fn decrement_by_load_and_store() {
    finds(
        &NOT_FREED_IN_TIME,
        six_users::<Wrong<LoadsAndStores>, RwLock>,
    );
}

/// A map of weak references whose values take themselves out: also what came in their place.
#[test]
fn weak_registry() {
    #[derive(Default)]
    struct Map(shuttle::sync::Mutex<Weak<Value>>, Cell<(usize, u32)>);
    // SAFETY: the coroutines of a scenario are on one thread.
    unsafe impl Sync for Map {}
    // SAFETY: as above.
    unsafe impl Send for Map {}
    struct Value(Life, Weak<Map>);

    impl Drop for Value {
        fn drop(&mut self) {
            turn();
            if let Some(map) = self.1.upgrade().filter(|_| !std::thread::panicking()) {
                *map.0.lock().unwrap() = Weak::new();
            }
        }
    }
    fn find(map: &Arc<Map>) -> Arc<Value> {
        let mut listed = map.0.lock().unwrap();
        if let Some(value) = listed.upgrade() {
            return value;
        }
        let value = Arc::new(Value(Life::begin(), Arc::downgrade(map)));
        *listed = Arc::downgrade(&value);
        value
    }
    fn user(map: &Arc<Map>) {
        for _ in 0..2 {
            let value = find(map);
            let address = Arc::as_ptr(&value).addr();
            let (other, others) = map.1.get();
            must(others == 0 || other == address, "one object for a key");
            map.1.set((address, others + 1));
            turn();
            value.0.check();
            map.1.set((address, map.1.get().1 - 1));
        }
    }
    finds(&["one object for a key"], || {
        let map = Arc::new(Arc::new(Map::default()));
        threads(&map, [user as fn(&_); 4]);
    });
}

/// A stack whose pop reads the next node of one that somebody else has popped and freed.
#[test]
fn two_consumers() {
    struct Link(<Shuttle as Backend>::Usize);
    type Stack = <Shuttle as Backend>::Ptr<Link>;

    fn push(stack: &Stack) {
        let link = Box::into_raw(Box::new(Link(Atomic::new(0))));
        loop {
            let head = stack.load(Relaxed);
            // SAFETY: it is not pushed yet.
            unsafe { &*link }.0.store(head.expose_provenance(), Relaxed);
            if stack.compare_exchange(head, link, Release, Relaxed).is_ok() {
                return;
            }
        }
    }
    fn pop(stack: &Stack) {
        loop {
            let head = stack.load(Acquire);
            // SAFETY: none; what is freed says that it is dead.
            let Some(link) = (unsafe { head.as_ref() }) else {
                return;
            };
            let next = std::ptr::with_exposed_provenance_mut(link.0.load(Relaxed));
            if stack.compare_exchange(head, next, Acquire, Relaxed).is_ok() {
                // SAFETY: it was made from a box, and popped by this thread.
                drop(unsafe { Box::from_raw(head) });
                return;
            }
        }
    }
    finds(&["used after its end"], || {
        let stack = Arc::new(Stack::new(std::ptr::null_mut()));
        threads(&stack, [push as fn(&_), pop, push, pop, push, pop]);
        (0..3).for_each(|_| pop(&stack));
    });
}

/// A taker that believes a chain to end where a producer has not linked it yet.
#[test]
fn taker_that_does_not_wait() {
    type Swap = kref::llist::intrusive::SwapList<Box<Item>, Shuttle>;
    struct Hasty(Swap);

    impl Queue for Hasty {
        fn new() -> Self {
            Self(Swap::new_in())
        }
        fn push(&self, item: Item) -> bool {
            self.0.push(Box::new(item))
        }
        fn push_two(&self, items: [Item; 2]) -> bool {
            self.0.push_two(items)
        }
        fn take(&self) -> Vec<(u32, u32)> {
            let mut chain = std::mem::ManuallyDrop::new(self.0.take_all());
            let next = || chain.try_next().ok().flatten();
            std::iter::from_fn(next).map(|item| item.read()).collect()
        }
        fn pop(&self) -> Option<Vec<(u32, u32)>> {
            None
        }
    }
    finds(&["each is taken once"], taking::<Hasty>);
}

#[test]
fn consumer_that_looks_before_it_says_that_it_sleeps() {
    finds(&["deadlock"], flagged::<false>);
}

#[test]
fn leak() {
    fn drop_or_not(_: &()) {
        let life = Life::begin();
        turn();
        if pick(100) == 0 {
            std::mem::forget(life);
        }
    }
    finds(&["leaked"], || {
        threads(&Arc::new(()), [drop_or_not as fn(&_); 2])
    });
}

/// Called by hand, so that the compiler knows nothing of the memory's end.
#[test]
fn write_after_free() {
    finds(&["written after it was freed"], || {
        // SAFETY: the layout has a size.
        let memory = unsafe { QUARANTINE.alloc(Layout::new::<u64>()) };
        // SAFETY: allocated with this layout.
        unsafe { QUARANTINE.dealloc(memory, Layout::new::<u64>()) };
        // SAFETY: the quarantine has it, and so it is there.
        unsafe { memory.write(0) };
    });
}

#[test]
fn free_twice() {
    finds(&["freed twice"], || {
        // SAFETY: the layout has a size.
        let memory = unsafe { QUARANTINE.alloc(Layout::new::<u64>()) };
        for _ in 0..2 {
            // SAFETY: the quarantine knows better.
            unsafe { QUARANTINE.dealloc(memory, Layout::new::<u64>()) };
        }
    });
}
