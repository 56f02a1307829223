//! What a live object costs in memory, what becomes of the memory of a peak, and how long many
//! objects take to go.
//!
//! A block of the allocator is counted as glibc lays it out: with a word in front, in steps of 16 bytes, 32 at least.
//! Where memory does not all come from the allocator, and where it goes back to the system, that says nothing: there the
//! resident memory of the process is measured, each time in a process of its own.

#[path = "../../common/mod.rs"]
mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::record;
use kref::{Kref, Ref, Registry};
use kref_peers::Map;
use kref_peers::others::Intern;
use kref_peers::weak::{Dash, Sharded};
use kref_peers::workload::keys;
use serde_json::json;

struct Counting;

/// What is allocated.
static BYTES: AtomicUsize = AtomicUsize::new(0);
/// What was asked for last.
static ASKED: AtomicUsize = AtomicUsize::new(0);

fn block(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: forwards to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(block(layout), Relaxed);
        ASKED.store(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(block(layout), Relaxed);
        ASKED.store(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(block(layout), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    if let Ok(name) = std::env::var(CHILD) {
        let (_, measure) = RESIDENT
            .iter()
            .find(|(other, _)| *other == name)
            .expect("it is in the table");
        return measure();
    }
    if !common::is_asked_for("memory") {
        return;
    }
    for (name, _) in RESIDENT {
        in_a_process(name);
    }
    let value = [0u32; 16];
    let size = size_of_val(&value);
    let counts = |name, counted: usize| tell(name, "of counts for each object", counted as f64);
    counts("Kref", size_of::<Kref>());
    counts("Ref", asked_for(|| Ref::new(value)) - size);
    counts("triomphe", asked_for(|| triomphe::Arc::new(value)) - size);
    counts("Arc", asked_for(|| Arc::new(value)) - size);
    if record::is_on() || !common::is_timed() {
        return;
    }

    println!("\nbytes of a registry, in thousands");
    peak();

    println!("\ninsertion of objects by one thread, and their drop by 8\n");
    println!(
        "{:<30} {:>9} {:>12} {:>12} {:>12} {:>12}",
        "", "objects", "ns/insert", "longest, us", "ns/drop", "longest, us"
    );
    for count in [250_000, 500_000, 1_000_000, 2_000_000] {
        come_and_go::<Registry<u64, u64>>("Registry", count);
    }
    come_and_go::<Sharded>("64 x Mutex<HashMap<K, Weak>>", 1_000_000);
    come_and_go::<Dash>("DashMap<K, Weak>", 1_000_000);
    come_and_go::<Intern<1>>("ArcIntern", 1_000_000);
}

fn leak<M: Map>() -> &'static M {
    Box::leak(Box::new(M::new()))
}

/// How many bytes the last allocation of `make` was.
fn asked_for<T>(make: impl FnOnce() -> T) -> usize {
    drop(black_box(make()));
    ASKED.load(Relaxed)
}

fn tell(name: &str, what: &str, bytes: f64) {
    if record::is_on() {
        record::write(&json!({ "memory": {
            "bench": "memory",
            "name": name,
            "what": what,
            "bytes": bytes,
        }}));
    } else {
        println!("{name:<30} {bytes:>10.1} bytes {what}");
    }
}

/// What is measured in a process of its own, by name.
const RESIDENT: [(&str, fn()); 6] = [
    ("Registry", resident::<Registry<u64, u64>>),
    ("ArcIntern", resident::<Intern<0>>),
    ("64 x Mutex<HashMap<K, Weak>>", resident::<Sharded>),
    ("DashMap<K, Weak>", resident::<Dash>),
    ("Interner<str>", texts),
    ("Registry, one entry each", many_registries),
];

/// Names the measurement in the environment of a child.
const CHILD: &str = "KREF_MEMORY_OF";

/// Measures in a process of its own, whose lines are `what: bytes`.
fn in_a_process(name: &str) {
    let program = std::env::current_exe().expect("this program has a path");
    let output = std::process::Command::new(program)
        .env(CHILD, name)
        .output();
    let output = output.expect("this program can be run");
    assert!(
        output.status.success(),
        "{name}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in String::from_utf8(output.stdout)
        .expect("it prints text")
        .lines()
    {
        let (what, bytes) = line
            .split_once(": ")
            .expect("a line has a name and a number");
        tell(name, what, bytes.parse().expect("it is a number"));
    }
}

/// The resident memory of this process, without what the allocator keeps for later.
fn resident_now() -> f64 {
    // SAFETY: it may be called at any time.
    unsafe { libc::malloc_trim(0) };
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.expect("the second number") * rustix::param::page_size() as f64
}

/// Fills a map and empties it, with the objects of a peak, all of them or all but one in a thousand.
fn resident<M: Map>() {
    const MANY: usize = 1_000_000;
    let tell = |what, bytes: f64| println!("{what}: {bytes}");
    let all = keys(MANY);
    // The memory of the handles is there before.
    let mut handles: Vec<Option<M::Handle>> = (0..MANY).map(|_| None).collect();
    for handle in &mut handles {
        *black_box(handle) = None;
    }
    let fill = |map: &'static M, handles: &mut [Option<M::Handle>]| {
        for (handle, &key) in handles.iter_mut().zip(&all) {
            *handle = Some(map.get_or_insert(key, key));
        }
    };
    let map = leak::<M>();
    let before = resident_now();
    fill(map, &mut handles[..100_000]);
    tell("for each of 100,000", (resident_now() - before) / 100_000.0);
    handles.fill_with(|| None);
    fill(map, &mut handles);
    tell(
        "for each of 1,000,000",
        (resident_now() - before) / MANY as f64,
    );
    handles.fill_with(|| None);
    tell(
        "left for each of 1,000,000 that are gone",
        (resident_now() - before) / MANY as f64,
    );

    fill(map, &mut handles);
    let peak = resident_now() - before;
    for (n, handle) in handles.iter_mut().enumerate() {
        if !kref_peers::workload::random(n as u64).is_multiple_of(1000) {
            *handle = None;
        }
    }
    tell(
        "left in a thousand of a peak of which one in a thousand lives",
        (resident_now() - before) * 1000.0 / peak,
    );
}

/// Interns texts of up to two megabytes, one alive at a time.
fn texts() {
    static TEXTS: kref::Interner<str> = kref::Interner::new();
    let buffer = "x".repeat(2 << 20);
    drop(TEXTS.intern_ref("the first"));
    let before = resident_now();
    for n in 0..4_000 {
        let length = kref_peers::workload::random(n) as usize % buffer.len();
        drop(TEXTS.intern_ref(&buffer[..length]));
    }
    println!(
        "left after 4,000 texts of up to 2 MB: {}",
        resident_now() - before
    );
}

/// Makes a thousand registries with one entry each.
fn many_registries() {
    let make = || {
        let registry = Registry::<u64, u64>::new();
        std::mem::forget(registry.try_insert(1, 1));
        registry
    };
    let _first = make();
    let mut registries = Vec::with_capacity(1000);
    let (blocks, before) = (BYTES.load(Relaxed), resident_now());
    registries.extend((0..1000).map(|_| make()));
    let blocks = (BYTES.load(Relaxed) - blocks) as f64;
    // What lies in pages of its own shows in the resident memory only, and small blocks in the other only.
    let bytes = blocks.max(resident_now() - before);
    println!(
        "for each of 1,000: {}",
        bytes / 1000.0 + size_of::<Registry<u64, u64>>() as f64
    );
}

fn peak() {
    let (all, few) = (keys(1_000_000), keys(10_000));
    let mut handles = Vec::with_capacity(all.len());
    let before = BYTES.load(Relaxed);
    let tell = |what: &str| {
        let thousands = (BYTES.load(Relaxed) - before) / 1000;
        println!("{what:<50} {thousands:>8}");
    };
    let map: Registry<u64, u64> = Registry::new();
    let fill = |map: &Registry<u64, u64>, handles: &mut Vec<_>, keys: &[u64]| {
        handles.extend(keys.iter().map(|&key| map.try_insert(key, key).unwrap()));
    };
    fill(&map, &mut handles, &all);
    tell("1,000,000 objects");
    for _ in 0..3 {
        handles.clear();
        tell("... gone");
        fill(&map, &mut handles, &all);
        tell("... and come again");
    }
    handles.truncate(few.len());
    tell("the first 10,000 stay");
    map.shrink_to_fit();
    tell("... shrink_to_fit");
    handles.clear();
    map.shrink_to_fit();
    tell("none stay, shrink_to_fit");
    fill(&map, &mut handles, &few);
    tell("10,000 objects");
    handles.clear();
    drop(map);
    tell("without the registry");
}

/// Inserts so many objects, and drops them all in 8 threads at once.
fn come_and_go<M: Map>(name: &str, count: usize) {
    let keys = keys(count);
    let (time, _) = once::<M>(&keys, Watch::All);
    let (_, longest) = once::<M>(&keys, Watch::Each);
    let each = time.map(|time| time.as_nanos() as f64 / count as f64);
    println!(
        "{name:<30} {count:>9} {:>12.1} {:>12.1} {:>12.1} {:>12.1}",
        each[0],
        longest[0].as_nanos() as f64 / 1000.0,
        each[1],
        longest[1].as_nanos() as f64 / 1000.0,
    );
}

#[derive(Clone, Copy, PartialEq)]
enum Watch {
    /// How long all takes.
    All,
    /// How long each operation keeps the processor: a lock is not held for longer than that, and a
    /// thread that was preempted does not count as slow.
    Each,
}

impl Watch {
    fn over(self, operation: impl FnOnce(), longest: &mut Duration) {
        if self == Self::All {
            return operation();
        }
        let start = thread_time();
        operation();
        *longest = thread_time().saturating_sub(start).max(*longest);
    }
}

/// The processor time of the calling thread.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The times of the insertions and of the drops, and the longest of each.
fn once<M: Map>(keys: &[u64], watch: Watch) -> ([Duration; 2], [Duration; 2]) {
    const THREADS: usize = 8;
    let map = leak::<M>();
    let mut handles = Vec::with_capacity(keys.len());
    let mut longest_insert = Duration::ZERO;
    let start = Instant::now();
    for &key in keys {
        watch.over(
            || handles.push(map.get_or_insert(key, key)),
            &mut longest_insert,
        );
    }
    let inserted = start.elapsed();

    let (begin, end) = (Barrier::new(THREADS + 1), Barrier::new(THREADS + 1));
    let (dropped, longest_drop) = thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..THREADS {
            let part = handles.split_off(handles.len() - keys.len() / THREADS);
            threads.push(scope.spawn(|| {
                let mut longest = Duration::ZERO;
                begin.wait();
                for handle in part {
                    watch.over(|| drop(handle), &mut longest);
                }
                end.wait();
                longest
            }));
        }
        begin.wait();
        let start = Instant::now();
        end.wait();
        let dropped = start.elapsed();
        let longest = threads.into_iter().map(|t| t.join().unwrap()).max();
        (dropped, longest.unwrap())
    });
    assert_eq!(map.len(), 0);
    ([inserted, dropped], [longest_insert, longest_drop])
}
