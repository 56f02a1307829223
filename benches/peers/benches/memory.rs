//! What a live object costs in memory, what becomes of the memory of a peak, and how long many
//! objects take to go.
//!
//! A block of the allocator is counted as glibc lays it out: with a word in front, in steps of 16 bytes, 32 at least.

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
    bytes::<Registry<u64, u64>>("Registry");
    bytes::<Intern<0>>("ArcIntern");
    bytes::<Sharded>("64 x Mutex<HashMap<K, Weak>>");
    bytes::<Dash>("DashMap<K, Weak>");
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

/// Fills a map, and empties it.
fn bytes<M: Map>(name: &str) {
    let counts = [
        (100_000, "for each of 100,000"),
        (1_000_000, "for each of 1,000,000"),
    ];
    for (count, what) in counts {
        let keys = keys(count);
        let mut handles = Vec::with_capacity(count);
        let before = BYTES.load(Relaxed);
        let map = leak::<M>();
        handles.extend(keys.iter().map(|&key| map.get_or_insert(key, key)));
        let each = || (BYTES.load(Relaxed) - before) as f64 / count as f64;
        tell(name, what, each());
        handles.clear();
        if count == 1_000_000 {
            tell(name, "left for each of 1,000,000 that are gone", each());
        }
    }
}

fn peak() {
    let (all, few) = (keys(1_000_000), keys(10_000));
    let mut handles = Vec::with_capacity(all.len());
    let before = BYTES.load(Relaxed);
    let tell = |what: &str| {
        let thousands = (BYTES.load(Relaxed) - before) / 1000;
        println!("{what:<50} {thousands:>8}");
    };
    let mut map: Registry<u64, u64> = Registry::new();
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
