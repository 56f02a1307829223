//! A taker waits for a producer that was stopped between the two steps of its push.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};
use std::thread;

use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};
use kref::llist::intrusive::{Linked, Node, NotYet, SwapList};

/// Whether the producer has made the first step.
static STOPPED: AtomicBool = AtomicBool::new(false);
/// How often the taker has asked for the second one, which is not made before it has asked so often that it has
/// ceased to spin.
static ASKED: AtomicU32 = AtomicU32::new(0);
const ENOUGH: u32 = 100;

/// A word whose Release store, which is the second step, comes late.
struct Late(AtomicUsize);

// SAFETY: forwards to an atomic.
unsafe impl Atomic for Late {
    type Value = usize;

    fn new(value: usize) -> Self {
        Self(AtomicUsize::new(value))
    }
    fn load(&self, order: Ordering) -> usize {
        if order == Acquire {
            ASKED.fetch_add(1, Relaxed);
        }
        self.0.load(order)
    }
    fn store(&self, value: usize, order: Ordering) {
        if order == Release {
            STOPPED.store(true, Relaxed);
            while ASKED.load(Relaxed) < ENOUGH {
                thread::yield_now();
            }
        }
        self.0.store(value, order);
    }
    fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        self.0.compare_exchange(current, new, success, failure)
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut usize) -> R) -> R {
        f(self.0.get_mut())
    }
}

// SAFETY: as above.
unsafe impl AtomicBits for Late {}
// SAFETY: as above.
unsafe impl AtomicInt for Late {}

struct Slow;

// SAFETY: these are atomics.
unsafe impl Backend for Slow {
    type U32 = AtomicU32;
    type Usize = Late;
    type Ptr<T> = AtomicPtr<T>;
}

struct Item(u32, Node<Item, Slow>);

// SAFETY: always the same field.
unsafe impl Linked<Slow> for Item {
    fn node(&self) -> &Node<Self, Slow> {
        &self.1
    }
}

#[test]
fn a_taker_waits_for_a_producer() {
    let list: SwapList<Box<Item>, Slow> = SwapList::new_in();
    thread::scope(|scope| {
        scope.spawn(|| assert!(list.push(Box::new(Item(7, Node::new_in())))));
        while !STOPPED.load(Relaxed) {
            thread::yield_now();
        }
        let mut taken = list.take_all();
        assert!(!taken.is_empty());
        assert_eq!(taken.try_next().err(), Some(NotYet));
        assert_eq!(taken.next().unwrap().0, 7);
        assert!(ASKED.load(Relaxed) >= ENOUGH);
        assert!(taken.is_empty() && taken.next().is_none());
    });
    assert_eq!(
        NotYet.to_string(),
        "a producer has not yet finished its push"
    );
}
