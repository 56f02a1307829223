//! Many threads at once: everything that goes in comes out once, with what was written to it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier};
use std::thread;

use kref::LList;
use kref::llist::intrusive::{Linked, List, Node, SwapList};

const PRODUCERS: u64 = 3;
const EACH: u64 = if cfg!(miri) { 40 } else { 30_000 };

struct Item {
    value: u64,
    /// A function of `value`, written when it is pushed.
    check: u64,
    node: Node<Item>,
}

// SAFETY: always the same field.
unsafe impl Linked for Item {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

fn checksum(value: u64) -> u64 {
    value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

impl Item {
    fn boxed(value: u64) -> Box<Self> {
        Box::new(Self {
            value,
            check: checksum(value),
            node: Node::new(),
        })
    }

    fn read(&self) -> u64 {
        assert_eq!(self.check, checksum(self.value));
        self.value
    }
}

/// What the takers have seen: how many, and two sums that do not depend on the order.
#[derive(Default)]
struct Seen {
    count: AtomicU64,
    sum: AtomicU64,
    checks: AtomicU64,
}

impl Seen {
    fn add(&self, value: u64) {
        self.count.fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
        self.checks.fetch_add(checksum(value), Relaxed);
    }

    fn assert_all(&self) {
        let all = 0..PRODUCERS * EACH;
        assert_eq!(self.count.load(Relaxed), all.end);
        assert_eq!(self.sum.load(Relaxed), all.clone().sum());
        let checks = all.map(checksum).fold(0, u64::wrapping_add);
        assert_eq!(self.checks.load(Relaxed), checks);
    }
}

/// Runs producers, each with its own values, concurrently with takers that go on until they have
/// seen all values.
fn run(produce: impl Fn(u64) + Sync, takers: &[&(dyn Fn(&Seen) + Sync)]) {
    let seen = Seen::default();
    let start = Barrier::new(PRODUCERS as usize + takers.len());
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let (produce, start) = (&produce, &start);
            scope.spawn(move || {
                start.wait();
                (0..EACH).for_each(|i| produce(i * PRODUCERS + producer));
            });
        }
        for take in takers {
            let (seen, start) = (&seen, &start);
            scope.spawn(move || {
                start.wait();
                while seen.count.load(Relaxed) < PRODUCERS * EACH {
                    take(seen);
                    thread::yield_now();
                }
            });
        }
    });
    seen.assert_all();
}

#[test]
fn values() {
    let list = LList::new();
    let push = |value: u64| {
        if value % 5 == 0 {
            list.push_all([(value, checksum(value))]);
        } else {
            list.push((value, checksum(value)));
        }
    };
    let read = |seen: &Seen, (value, check): (u64, u64)| {
        assert_eq!(check, checksum(value));
        seen.add(value);
    };
    let take_all = |seen: &Seen| list.take_all().for_each(|pair| read(seen, pair));
    let pop = |seen: &Seen| {
        // Some are given back.
        if let Some(mut consumer) = list.consumer() {
            (0..10).for_each_while(|| consumer.pop().map(|pair| read(seen, pair)));
        }
    };
    run(push, &[&take_all, &pop, &pop]);
}

/// Calls `f` until it has nothing more, or the iterator ends.
trait ForEachWhile: Iterator + Sized {
    fn for_each_while(self, mut f: impl FnMut() -> Option<()>) {
        self.map_while(|_| f()).for_each(drop);
    }
}

impl<I: Iterator> ForEachWhile for I {}

#[test]
fn boxed_objects() {
    let list = List::<Box<Item>>::new();
    let take_all = |seen: &Seen| list.take_all().for_each(|item| seen.add(item.read()));
    let reversed = |seen: &Seen| {
        let chain = list.take_all().reverse();
        chain.for_each(|item| seen.add(item.read()));
    };
    let pop = |seen: &Seen| {
        if let Some(mut consumer) = list.consumer() {
            (0..10).for_each_while(|| consumer.pop().map(|item| seen.add(item.read())));
        }
    };
    let push = |value| {
        list.push(Item::boxed(value));
    };
    run(push, &[&take_all, &reversed, &pop]);
}

#[test]
fn boxed_objects_on_a_swap_list() {
    let list = SwapList::<Box<Item>>::new();
    let take_all = |seen: &Seen| list.take_all().for_each(|item| seen.add(item.read()));
    let settled = |seen: &Seen| {
        let chain = list.take_all().settle().reverse();
        chain.for_each(|item| seen.add(item.read()));
    };
    let try_next = |seen: &Seen| {
        let mut chain = list.take_all();
        while let Ok(Some(item)) = chain.try_next() {
            seen.add(item.read());
        }
        // What could not be reached yet is waited for.
        chain.for_each(|item| seen.add(item.read()));
    };
    let push = |value| {
        list.push(Item::boxed(value));
    };
    run(push, &[&take_all, &settled, &try_next]);
}

/// A few objects, which all threads push on two lists and take off them all the time: an object is
/// on one list at a time, and each push that was not refused is taken once.
#[test]
fn shared_objects() {
    let objects: Vec<Arc<Item>> = (0..4).map(|value| Arc::from(Item::boxed(value))).collect();
    let (list, other) = (List::<Arc<Item>>::new(), SwapList::<Arc<Item>>::new());
    let (pushed, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let running = AtomicBool::new(true);
    let take = || {
        let read = |item: Arc<Item>| {
            item.read();
            taken.fetch_add(1, Relaxed);
        };
        list.take_all().for_each(read);
        other.take_all().for_each(read);
    };
    thread::scope(|scope| {
        let pushers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for i in 0..EACH {
                        let object = Arc::clone(&objects[i as usize % objects.len()]);
                        let done = if i % 3 == 0 {
                            other.try_push(object)
                        } else {
                            list.try_push(object)
                        };
                        pushed.fetch_add(u64::from(done.is_ok()), Relaxed);
                    }
                })
            })
            .collect();
        let taker = scope.spawn(|| {
            while running.load(Relaxed) {
                take();
                thread::yield_now();
            }
        });
        for pusher in pushers {
            pusher.join().unwrap();
        }
        running.store(false, Relaxed);
        taker.join().unwrap();
    });
    take();
    assert_eq!(pushed.load(Relaxed), taken.load(Relaxed));
    assert!(pushed.load(Relaxed) > 0);
    assert!(objects.iter().all(|object| Arc::strong_count(object) == 1));
}

/// A consumer that sleeps when the list is empty is woken by the thread that pushes on the empty
/// list.
#[test]
fn sleeping_consumer() {
    let list = LList::new();
    let seen = Seen::default();
    let consumer = thread::current();
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let (list, consumer) = (&list, &consumer);
            scope.spawn(move || {
                for i in 0..EACH {
                    if list.push(i * PRODUCERS + producer) {
                        consumer.unpark();
                    }
                }
            });
        }
        while seen.count.load(Relaxed) < PRODUCERS * EACH {
            let chain = list.take_all();
            if chain.is_empty() {
                thread::park();
            }
            chain.for_each(|value| seen.add(value));
        }
    });
    seen.assert_all();
}
