//! What a push and a take cost, compared with the queues that people use instead.
//!
//! - "64": one thread pushes 64 values and takes them;
//! - "1:1": one thread pushes, the other takes;
//! - "2": two threads push, and one takes everything at the end.
//!
//! Times are for one push, in each producer, and its share of the taking.

mod common;

use std::hint::black_box;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, mpsc};

use common::{PLACES, Row, Turn};
use concurrent_queue::ConcurrentQueue;
use cordyceps::{Stack, TransferStack};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use kref::LList;
use kref::llist::intrusive::{Linked, List, Node, Pointer, SwapList, UniquePointer};
use parking_lot::Mutex;

/// How many values are pushed before they are taken, on one thread.
const BATCH: u64 = 64;
/// How many values each producer pushes before the threads meet again.
const MANY: u64 = 4_000;

/// An object with a node for each of the intrusive lists.
struct Item {
    node: Node<Item>,
    links: cordyceps::stack::Links<Item>,
    value: u64,
}

impl Item {
    fn new(value: u64) -> Self {
        Self {
            node: Node::new(),
            links: cordyceps::stack::Links::new(),
            value,
        }
    }
}

// SAFETY: always the same field.
unsafe impl Linked for Item {
    fn node(&self) -> &Node<Self> {
        &self.node
    }
}

/// A pointer to an item that outlives all lists, and that is pushed by nobody else: neither list
/// pays for a handle.
struct Lent(NonNull<Item>);

// SAFETY: items are shared as references would be.
unsafe impl Send for Lent {}
// SAFETY: as above.
unsafe impl Sync for Lent {}

impl Deref for Lent {
    type Target = Item;
    fn deref(&self) -> &Item {
        // SAFETY: items outlive the lists.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: a pointer that stays as it is.
unsafe impl Pointer for Lent {
    fn into_raw(self) -> NonNull<Item> {
        self.0
    }
    unsafe fn from_raw(object: NonNull<Item>) -> Self {
        Self(object)
    }
}

// SAFETY: each workload pushes an item once before it takes it.
unsafe impl UniquePointer for Lent {}

// SAFETY: as the trait's own example does.
unsafe impl cordyceps::Linked<cordyceps::stack::Links<Item>> for Item {
    type Handle = Lent;
    fn into_ptr(handle: Lent) -> NonNull<Item> {
        handle.0
    }
    unsafe fn from_ptr(item: NonNull<Item>) -> Lent {
        Lent(item)
    }
    unsafe fn links(item: NonNull<Item>) -> NonNull<cordyceps::stack::Links<Item>> {
        let offset = std::mem::offset_of!(Item, links);
        // SAFETY: the field is inside the item.
        unsafe { item.byte_add(offset) }.cast()
    }
}

/// A list, stack or queue: what the workloads need of it.
trait Channel: Sync {
    /// What goes in, made before the time is taken.
    type In: Sync;
    fn items(n: u64) -> Vec<Self::In>;
    /// Takes the item by reference, so that it may be pushed again when it was taken.
    fn push(&self, item: &Self::In);
    /// Takes what there is; returns how many there were, and the sum.
    fn drain(&self) -> (u64, u64);
}

fn sum(values: impl Iterator<Item = u64>) -> (u64, u64) {
    values.fold((0, 0), |(n, sum), value| (n + 1, sum + value))
}

fn leak(n: u64) -> &'static [Item] {
    (0..n).map(Item::new).collect::<Vec<_>>().leak()
}

macro_rules! intrusive {
    ($type:ty, |$list:ident, $item:ident| $push:expr, |$from:ident| $drain:expr) => {
        impl Channel for $type {
            type In = Lent;
            fn items(n: u64) -> Vec<Lent> {
                leak(n)
                    .iter()
                    .map(|item| Lent(NonNull::from(item)))
                    .collect()
            }
            #[inline]
            fn push(&self, item: &Lent) {
                let ($list, $item) = (self, Lent(item.0));
                $push;
            }
            #[inline]
            fn drain(&self) -> (u64, u64) {
                let $from = self;
                sum($drain.map(|item| item.value))
            }
        }
    };
}

macro_rules! owning {
    ($type:ty, |$list:ident, $item:ident| $push:expr, |$from:ident| $drain:expr) => {
        impl Channel for $type {
            type In = u64;
            fn items(n: u64) -> Vec<u64> {
                (0..n).collect()
            }
            #[inline]
            fn push(&self, item: &u64) {
                let ($list, $item) = (self, *item);
                $push;
            }
            #[inline]
            fn drain(&self) -> (u64, u64) {
                let $from = self;
                sum($drain)
            }
        }
    };
}

struct ClaimedList(List<&'static Item>);
struct Cordyceps(TransferStack<Item>);
struct LockedPointers(Mutex<Vec<Lent>>);
struct LockedValues(Mutex<Vec<u64>>);
struct BoxPerNode(List<Box<Item>>);
struct Mpsc(mpsc::Sender<u64>, StdMutex<mpsc::Receiver<u64>>);

intrusive!(List<Lent>, |l, item| l.push(item), |l| l.take_all());
intrusive!(SwapList<Lent>, |l, item| l.push(item), |l| l.take_all());
intrusive!(Cordyceps, |l, item| l.0.push(item), |l| {
    let stack: Stack<Item> = l.0.take_all();
    stack
});
intrusive!(LockedPointers, |l, item| l.0.lock().push(item), |l| {
    std::mem::take(&mut *l.0.lock()).into_iter()
});
impl Channel for ClaimedList {
    type In = &'static Item;
    fn items(n: u64) -> Vec<&'static Item> {
        (0..n)
            .map(|i| &*Box::leak(Box::new(Item::new(i))))
            .collect()
    }
    #[inline]
    fn push(&self, item: &&'static Item) {
        let _ = self.0.try_push(item);
    }
    #[inline]
    fn drain(&self) -> (u64, u64) {
        sum(self.0.take_all().map(|item| item.value))
    }
}
owning!(LList<u64>, |l, value| l.push(value), |l| l.take_all());
owning!(
    BoxPerNode,
    |l, value| l.0.push(Box::new(Item::new(value))),
    |l| l.0.take_all().map(|item| item.value)
);
owning!(SegQueue<u64>, |q, value| q.push(value), |q| {
    std::iter::from_fn(|| q.pop())
});
owning!(
    ConcurrentQueue<u64>,
    |q, value| q.push(value).unwrap(),
    |q| std::iter::from_fn(|| q.pop().ok())
);
owning!(Mpsc, |q, value| q.0.send(value).unwrap(), |q| {
    let receiver = q.1.lock().unwrap();
    std::iter::from_fn(move || receiver.try_recv().ok())
});
owning!(LockedValues, |l, value| l.0.lock().push(value), |l| {
    std::mem::take(&mut *l.0.lock()).into_iter()
});

/// The lower bound: one atomic instruction for each push. It keeps only the number.
#[derive(Default)]
struct OneWord(AtomicU64);

impl Channel for OneWord {
    type In = u64;
    fn items(n: u64) -> Vec<u64> {
        (0..n).collect()
    }
    #[inline]
    fn push(&self, item: &u64) {
        black_box(item);
        self.0.fetch_add(1, Ordering::Release);
    }
    #[inline]
    fn drain(&self) -> (u64, u64) {
        (self.0.swap(0, Ordering::Acquire), 0)
    }
}

/// Channels for all places.
fn places<C>(make: impl Fn() -> C) -> Vec<CachePadded<C>> {
    (0..PLACES).map(|_| CachePadded::new(make())).collect()
}

/// Lets two threads go on when both have come. They spin: to wake one takes longer than what is timed.
#[derive(Default)]
struct Meeting(CachePadded<AtomicU32>);

impl Meeting {
    fn meet(&self) {
        let complete = (self.0.fetch_add(1, Ordering::AcqRel) / 2 + 1) * 2;
        while self.0.load(Ordering::Acquire) < complete {
            std::hint::spin_loop();
        }
    }
}

/// Push 64, take all.
fn alone<C: Channel + 'static>(make: impl Fn() -> C) -> impl Fn(Turn) + Sync {
    let (channels, items) = (places(make), C::items(BATCH));
    move |turn| {
        let channel = &*channels[turn.place];
        for _ in 0..turn.iterations {
            for item in &items {
                channel.push(black_box(item));
            }
            black_box(channel.drain());
        }
    }
}

/// One thread pushes, and the other takes until it has all.
fn one_to_one<C: Channel + 'static>(make: impl Fn() -> C) -> impl Fn(Turn) + Sync {
    let (channels, items, meeting) = (places(make), C::items(MANY), Meeting::default());
    move |turn| {
        let channel = &*channels[turn.place];
        for _ in 0..turn.iterations {
            meeting.meet();
            if turn.thread == 0 {
                items.iter().for_each(|item| channel.push(item));
                continue;
            }
            let mut taken = 0;
            while taken < MANY {
                let (n, sum) = channel.drain();
                black_box(sum);
                taken += n;
                if n == 0 {
                    // A consumer that keeps the cache line all the time delays every producer.
                    (0..64).for_each(|_| std::hint::spin_loop());
                }
            }
        }
    }
}

/// Both threads push, and then one takes it all.
fn two_producers<C: Channel + 'static>(make: impl Fn() -> C) -> impl Fn(Turn) + Sync {
    let (channels, meeting) = (places(make), Meeting::default());
    let items = [C::items(MANY), C::items(MANY)];
    move |turn| {
        let channel = &*channels[turn.place];
        for _ in 0..turn.iterations {
            meeting.meet();
            items[turn.thread]
                .iter()
                .for_each(|item| channel.push(item));
            meeting.meet();
            if turn.thread == 0 {
                assert_eq!(channel.drain().0, 2 * MANY);
            }
        }
    }
}

fn mpsc() -> Mpsc {
    let (sender, receiver) = mpsc::channel();
    Mpsc(sender, StdMutex::new(receiver))
}

fn cordyceps() -> Cordyceps {
    Cordyceps(TransferStack::new())
}

fn locked_pointers() -> LockedPointers {
    LockedPointers(Mutex::default())
}

fn main() {
    let alone_intrusive = [
        Row::new("64: one RMW for each", 1, alone(OneWord::default)),
        Row::new("64: cordyceps", 1, alone(cordyceps)),
        Row::new("64: Mutex<Vec>", 1, alone(locked_pointers)),
        Row::new("64: List", 1, alone(List::<Lent>::new))
            .against("64: cordyceps")
            .against("64: Mutex<Vec>")
            .floor("64: one RMW for each"),
        Row::new("64: List, claimed", 1, alone(|| ClaimedList(List::new())))
            .against("64: cordyceps")
            .against("64: Mutex<Vec>"),
        Row::new("64: SwapList", 1, alone(SwapList::<Lent>::new))
            .against("64: cordyceps")
            .against("64: Mutex<Vec>")
            .floor("64: one RMW for each"),
    ];
    let alone_owning = [
        Row::new("64, owning: SegQueue", 1, alone(SegQueue::new)),
        Row::new("64, owning: mpsc", 1, alone(mpsc)),
        Row::new(
            "64, owning: concurrent-queue",
            1,
            alone(ConcurrentQueue::unbounded),
        ),
        Row::new(
            "64, owning: one Box per node",
            1,
            alone(|| BoxPerNode(List::new())),
        ),
        Row::new(
            "64, owning: Mutex<Vec>",
            1,
            alone(|| LockedValues(Mutex::default())),
        ),
        Row::new("64, owning: LList", 1, alone(LList::new))
            .against("64, owning: SegQueue")
            .against("64, owning: mpsc")
            .against("64, owning: concurrent-queue")
            .against("64, owning: Mutex<Vec>")
            .floor("64: one RMW for each"),
    ];
    let one_to_one = [
        Row::new("1:1: one RMW for each", 2, one_to_one(OneWord::default)),
        Row::new("1:1: SegQueue", 2, one_to_one(SegQueue::new)),
        Row::new("1:1: mpsc", 2, one_to_one(mpsc)),
        Row::new(
            "1:1: concurrent-queue",
            2,
            one_to_one(ConcurrentQueue::unbounded),
        ),
        Row::new("1:1: Mutex<Vec>", 2, one_to_one(locked_pointers)),
        Row::new("1:1: cordyceps", 2, one_to_one(cordyceps)),
        Row::new("1:1: List", 2, one_to_one(List::<Lent>::new))
            .against("1:1: SegQueue")
            .against("1:1: mpsc")
            .against("1:1: concurrent-queue")
            .against("1:1: Mutex<Vec>")
            .against("1:1: cordyceps")
            .floor("1:1: one RMW for each"),
        Row::new("1:1: SwapList", 2, one_to_one(SwapList::<Lent>::new))
            .against("1:1: SegQueue")
            .against("1:1: mpsc")
            .against("1:1: concurrent-queue")
            .against("1:1: Mutex<Vec>")
            .against("1:1: cordyceps")
            .floor("1:1: one RMW for each"),
        Row::new("1:1: LList", 2, one_to_one(LList::new))
            .against("1:1: SegQueue")
            .against("1:1: mpsc")
            .against("1:1: concurrent-queue")
            .against("1:1: Mutex<Vec>"),
        Row::new(
            "1:1: one Box per node",
            2,
            one_to_one(|| BoxPerNode(List::new())),
        ),
    ];
    let two_producers = [
        Row::new("2: one RMW for each", 2, two_producers(OneWord::default)),
        Row::new("2: SegQueue", 2, two_producers(SegQueue::new)),
        Row::new("2: Mutex<Vec>", 2, two_producers(locked_pointers)),
        Row::new("2: cordyceps", 2, two_producers(cordyceps)),
        Row::new("2: List", 2, two_producers(List::<Lent>::new))
            .against("2: SegQueue")
            .against("2: Mutex<Vec>")
            .against("2: cordyceps")
            .floor("2: one RMW for each"),
        Row::new("2: SwapList", 2, two_producers(SwapList::<Lent>::new))
            .against("2: SegQueue")
            .against("2: Mutex<Vec>")
            .against("2: cordyceps")
            .floor("2: one RMW for each"),
        Row::new("2: LList", 2, two_producers(LList::new))
            .against("2: SegQueue")
            .against("2: Mutex<Vec>"),
    ];
    let of_batch = alone_intrusive.into_iter().chain(alone_owning);
    let of_many = one_to_one.into_iter().chain(two_producers);
    let rows = of_batch
        .map(|row| row.operations(BATCH))
        .chain(of_many.map(|row| row.operations(MANY)));
    common::run("llist", rows.collect());
}
