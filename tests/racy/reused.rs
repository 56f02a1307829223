//! A compare-exchange of a list that succeeds on an address that was freed and used again in between.
//!
//! The backend stops a thread in front of its compare-exchange. Then the object, or the block, that the thread has
//! read of is freed, and another one is put on the list, most likely at the same address. Then the thread goes on, and its
//! compare-exchange succeeds if the address is the same. What it links must be used as what
//! is there now: natively that is a matter of the address alone, and under Miri of the provenance too.
//!
//! Whether an address is used again is the allocator's to say, so each test makes several attempts. `scripts/miri.sh` has Miri
//! use them again (`-Zmiri-address-reuse-rate=1.0`).

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Acquire, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};
use std::thread;

use kref::LList;
use kref::atomic::{Atomic, AtomicBits, AtomicInt, Backend};
use kref::llist::intrusive::{Linked, List, Node};

thread_local! {
    /// What the thread is to be stopped by, in front of its next compare-exchange of a word.
    static STOP: RefCell<Option<Arc<Stop>>> = const { RefCell::new(None) };
}

/// Where a thread stops, and waits until it may go on.
#[derive(Default)]
struct Stop {
    stopped: AtomicBool,
    go: AtomicBool,
}

fn wait(flag: &AtomicBool) {
    while !flag.load(Acquire) {
        thread::yield_now();
    }
}

/// Runs `stopped` in a thread that stops in front of its first compare-exchange, `meanwhile` there, and then the
/// rest.
fn stop_and(stopped: impl FnOnce() + Send, meanwhile: impl FnOnce()) {
    let stop = Arc::new(Stop::default());
    thread::scope(|scope| {
        let its = Arc::clone(&stop);
        scope.spawn(move || {
            STOP.set(Some(its));
            stopped();
        });
        wait(&stop.stopped);
        meanwhile();
        stop.go.store(true, Release);
    });
}

/// How often to try.
const ATTEMPTS: usize = if cfg!(miri) { 4 } else { 100 };

/// A word in front of whose compare-exchange a thread may stop.
struct Word(AtomicUsize);

// SAFETY: forwards to an atomic.
unsafe impl Atomic for Word {
    type Value = usize;

    fn new(value: usize) -> Self {
        Self(AtomicUsize::new(value))
    }
    fn load(&self, order: Ordering) -> usize {
        self.0.load(order)
    }
    fn store(&self, value: usize, order: Ordering) {
        self.0.store(value, order);
    }
    fn compare_exchange(
        &self,
        current: usize,
        new: usize,
        success: Ordering,
        failure: Ordering,
    ) -> Result<usize, usize> {
        if let Some(stop) = STOP.take() {
            stop.stopped.store(true, Release);
            wait(&stop.go);
        }
        self.0.compare_exchange(current, new, success, failure)
    }
    fn with_mut<R>(&mut self, f: impl FnOnce(&mut usize) -> R) -> R {
        f(self.0.get_mut())
    }
}

// SAFETY: as above.
unsafe impl AtomicBits for Word {}
// SAFETY: as above.
unsafe impl AtomicInt for Word {}

struct Stopping;

// SAFETY: these are atomics.
unsafe impl Backend for Stopping {
    type U32 = AtomicU32;
    type Usize = Word;
    type Ptr<T> = AtomicPtr<T>;
}

struct Item(u32, Node<Item, Stopping>);

// SAFETY: always the same field.
unsafe impl Linked<Stopping> for Item {
    fn node(&self) -> &Node<Self, Stopping> {
        &self.1
    }
}

fn item(number: u32) -> Box<Item> {
    Box::new(Item(number, Node::new_in()))
}

/// A push has read of an object that is freed, and another is the newest when it writes.
#[test]
fn the_newest_of_a_list() {
    for _ in 0..ATTEMPTS {
        let list = List::<Box<Item>, Stopping>::new_in();
        list.push(item(1));
        stop_and(
            || assert!(!list.push(item(3))),
            || {
                drop(list.take_all());
                list.push(item(2));
            },
        );
        let chain = list.take_all();
        assert!(chain.iter().map(|item| item.0).eq([3, 2]));
        assert!(chain.reverse().map(|item| item.0).eq([2, 3]));
    }
}

/// How many values of eight bytes fit in a block: see `tests/llist/memory.rs`.
const SLOTS: u64 = {
    let fit = (1024 - 64) / (2 * size_of::<usize>() + 8);
    if fit < 64 { fit as u64 } else { 63 }
};

/// A push has read of a block that is freed, and another block is in use when it takes a slot; the slot after that
/// is taken from the word that it has written.
#[test]
fn the_block_in_use() {
    for _ in 0..ATTEMPTS {
        let list = LList::<u64, Stopping>::new_in();
        list.push(0);
        stop_and(
            || assert!(!list.push(100)),
            || {
                // The other slots of the block: it is freed, and the next push takes the first slot of another.
                (1..SLOTS).for_each(|number| assert!(!list.push(number)));
                drop(list.take_all());
                list.push(200);
            },
        );
        list.push(300);
        assert!(list.take_all().eq([300, 100, 200]));
    }
}
