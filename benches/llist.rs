//! What a push and a take cost, beside the queues that people use instead.
//!
//! Every workload runs all its variants in one process, one after the other, round after round, and
//! prints the ratio of each to ours: the median over the rounds, and the quartiles. Absolute times
//! drift with the machine; the ratio of two neighbours in time does not. The threads are pinned.
//!
//! `cargo bench --bench llist` prints the ratios and then has criterion measure each variant, with
//! its report. `-- --ratios` stops after the ratios.

use std::hint::black_box;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{LazyLock, Mutex as StdMutex};
use std::thread;
use std::time::{Duration, Instant};

use concurrent_queue::ConcurrentQueue;
use cordyceps::{Stack, TransferStack};
use core_affinity::CoreId;
use criterion::Criterion;
use crossbeam_queue::SegQueue;
use kref::LList;
use kref::llist::intrusive::{Linked, List, Node, Pointer, SwapList, UniquePointer};
use parking_lot::Mutex;

/// How many values are pushed before they are taken, on one thread.
const BATCH: u64 = 64;
/// How many values each producer pushes in a round of two threads.
const MANY: u64 = 20_000;

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
    type In: Send;
    fn items(n: u64) -> Vec<Self::In>;
    /// Takes the item by reference, so that it may be pushed again in the next round.
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

// The peers' own sum is over what comes out, too.
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

/// One variant of a workload: runs it so many times, and says how long that took.
type Run = Box<dyn Fn(u64) -> Duration>;

struct Workload {
    name: &'static str,
    /// The first is ours.
    variants: Vec<(&'static str, Run)>,
    /// How often it is run in a row for one time.
    repeats: u64,
}

fn pin(core: usize) {
    // Asked for once: a pinned thread, and its children, are told of their own core only.
    static CORES: LazyLock<Vec<CoreId>> =
        LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());
    if !CORES.is_empty() {
        core_affinity::set_for_current(CORES[core % CORES.len()]);
    }
}

/// Lets two threads go at the same moment: they spin, as waking one takes longer than some rounds.
#[derive(Default)]
struct Gate(AtomicU32);

impl Gate {
    fn wait(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
        while self.0.load(Ordering::Acquire) < 2 {
            std::hint::spin_loop();
        }
    }
}

/// Push 64, take all, on one thread.
fn alone<C: Channel + 'static>(channel: C) -> Run {
    let items = C::items(BATCH);
    Box::new(move |iterations| {
        let start = Instant::now();
        for _ in 0..iterations {
            for item in &items {
                channel.push(black_box(item));
            }
            black_box(channel.drain());
        }
        start.elapsed()
    })
}

/// One thread pushes, and the other takes until it has all.
fn one_to_one<C: Channel + 'static>(channel: C) -> Run {
    let items = std::sync::Mutex::new(C::items(MANY));
    Box::new(move |iterations| {
        let items = &mut *items.lock().unwrap();
        let mut elapsed = Duration::ZERO;
        for _ in 0..iterations {
            let gate = Gate::default();
            let (channel, gate) = (&channel, &gate);
            let items = &mut *items;
            elapsed += thread::scope(|scope| {
                scope.spawn(move || {
                    pin(1);
                    gate.wait();
                    for item in items {
                        channel.push(item);
                    }
                });
                gate.wait();
                let start = Instant::now();
                let mut seen = 0;
                while seen < MANY {
                    let (n, sum) = channel.drain();
                    black_box(sum);
                    if n == 0 {
                        // A consumer that never lets go of the line serves nobody.
                        (0..64).for_each(|_| std::hint::spin_loop());
                    }
                    seen += n;
                }
                start.elapsed()
            });
        }
        elapsed
    })
}

/// Both threads push, and what they pushed is taken at the end.
fn two_producers<C: Channel + 'static>(channel: C) -> Run {
    let items = std::sync::Mutex::new((C::items(MANY), C::items(MANY)));
    Box::new(move |iterations| {
        let (mine, theirs) = &mut *items.lock().unwrap();
        let mut elapsed = Duration::ZERO;
        for _ in 0..iterations {
            let gate = Gate::default();
            let (channel, gate) = (&channel, &gate);
            let (mine, theirs) = (&mut *mine, &mut *theirs);
            elapsed += thread::scope(|scope| {
                let other = scope.spawn(move || {
                    pin(1);
                    gate.wait();
                    for item in theirs {
                        channel.push(item);
                    }
                });
                gate.wait();
                let start = Instant::now();
                for item in mine {
                    channel.push(item);
                }
                other.join().unwrap();
                assert_eq!(channel.drain().0, 2 * MANY);
                start.elapsed()
            });
        }
        elapsed
    })
}

fn mpsc() -> Mpsc {
    let (sender, receiver) = mpsc::channel();
    Mpsc(sender, StdMutex::new(receiver))
}

fn workloads() -> Vec<Workload> {
    let cordyceps = || Cordyceps(TransferStack::new());
    let locked_pointers = || LockedPointers(Mutex::new(Vec::new()));
    let locked_values = || LockedValues(Mutex::new(Vec::new()));
    let claimed = || ClaimedList(List::new());
    let boxes = || BoxPerNode(List::new());
    vec![
        Workload {
            name: "push 64, take all, intrusive",
            variants: vec![
                ("List", alone(List::<Lent>::new())),
                ("SwapList", alone(SwapList::<Lent>::new())),
                ("List, claimed", alone(claimed())),
                ("cordyceps", alone(cordyceps())),
                ("Mutex<Vec>", alone(locked_pointers())),
            ],
            repeats: 2_000,
        },
        Workload {
            name: "push 64, take all, owning",
            variants: vec![
                ("LList", alone(LList::<u64>::new())),
                ("one Box per node", alone(boxes())),
                ("SegQueue", alone(SegQueue::<u64>::new())),
                ("mpsc", alone(mpsc())),
                (
                    "concurrent-queue",
                    alone(ConcurrentQueue::<u64>::unbounded()),
                ),
                ("Mutex<Vec>", alone(locked_values())),
            ],
            repeats: 2_000,
        },
        Workload {
            name: "one producer, one consumer",
            variants: vec![
                ("List", one_to_one(List::<Lent>::new())),
                ("SwapList", one_to_one(SwapList::<Lent>::new())),
                ("LList (owning)", one_to_one(LList::<u64>::new())),
                ("one Box per node", one_to_one(boxes())),
                ("cordyceps", one_to_one(cordyceps())),
                ("SegQueue", one_to_one(SegQueue::<u64>::new())),
                ("mpsc", one_to_one(mpsc())),
                (
                    "concurrent-queue",
                    one_to_one(ConcurrentQueue::<u64>::unbounded()),
                ),
                ("Mutex<Vec>", one_to_one(locked_pointers())),
            ],
            repeats: 5,
        },
        Workload {
            name: "two producers, drained at the end",
            variants: vec![
                ("List", two_producers(List::<Lent>::new())),
                ("SwapList", two_producers(SwapList::<Lent>::new())),
                ("LList (owning)", two_producers(LList::<u64>::new())),
                ("cordyceps", two_producers(cordyceps())),
                ("SegQueue", two_producers(SegQueue::<u64>::new())),
                ("Mutex<Vec>", two_producers(locked_pointers())),
            ],
            repeats: 5,
        },
    ]
}

/// The quartiles.
fn quartiles(mut ratios: Vec<f64>) -> [f64; 3] {
    ratios.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| ratios[(ratios.len() - 1) * quarter / 4])
}

/// Runs the variants in turn, and prints the time of ours over that of each.
fn ratios(workload: &Workload, rounds: usize) {
    let mut times = vec![Vec::new(); workload.variants.len()];
    for round in 0..=rounds {
        for (times, (_, run)) in times.iter_mut().zip(&workload.variants) {
            let time = run(workload.repeats).as_secs_f64();
            if round > 0 {
                times.push(time); // the first round warms up
            }
        }
    }
    let ours = workload.variants[0].0;
    println!("{}: {ours} takes", workload.name);
    for (times_of, (name, _)) in times.iter().zip(&workload.variants).skip(1) {
        let ratios = times[0].iter().zip(times_of).map(|(a, b)| a / b).collect();
        let [low, median, high] = quartiles(ratios);
        println!("  {median:.2}x of {name} ({low:.2} to {high:.2})");
    }
}

fn main() {
    pin(0);
    let workloads = workloads();
    let asked = |flag: &str| std::env::args().any(|arg| arg == flag);
    if !asked("--test") {
        let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
        for workload in &workloads {
            if filter
                .as_ref()
                .is_none_or(|part| workload.name.contains(part))
            {
                ratios(workload, 101);
            }
        }
    }
    if asked("--ratios") {
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for workload in &workloads {
        let mut group = criterion.benchmark_group(workload.name);
        for (name, run) in &workload.variants {
            group.bench_function(*name, |bencher| bencher.iter_custom(run));
        }
        group.finish();
    }
    criterion.final_summary();
}
