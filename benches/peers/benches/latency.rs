//! How long single operations take under churn: not the mean but the 50th, 99th and 99.9th per cent,
//! and the longest.
//!
//! Of 100,000 objects a thread finds one and drops its handle (a put that is not the last), then inserts one and
//! drops it (a last put), and again; each of the four is timed on its own. Two threads have a core each, eight share
//! them: there, a thread that holds a lock may be preempted. The clock is read around each operation, which takes
//! time too: the row "nothing" shows how much.

#[path = "../../common/mod.rs"]
mod common;

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::record;
use hdrhistogram::Histogram;
use kref::Registry;
use kref_peers::Map;
use kref_peers::others::Intern;
use kref_peers::weak::{Dash, Sharded};
use kref_peers::workload::random;
use serde_json::json;

const LIVE: u64 = 100_000;
const OPERATIONS: [&str; 4] = ["lookup", "put", "insert", "last put"];
const BENCH: &str = "latency";

/// A histogram for each of the [`OPERATIONS`], of nanoseconds.
type Times = [Histogram<u64>; 4];

/// Works until so much time is over, in so many threads.
type Work = Box<dyn Fn(usize, u64, Duration) -> Times>;

struct Variant {
    name: &'static str,
    work: Work,
}

fn main() {
    if !common::is_asked_for(BENCH) {
        return;
    }
    let (rounds, slice) = match (common::is_timed(), common::is_quick()) {
        (false, _) => (1, Duration::from_millis(1)),
        (true, true) => (5, Duration::from_millis(100)),
        (true, false) => (40, Duration::from_millis(100)),
    };
    let variants = [
        variant::<Registry<u64, u64>>("Registry"),
        variant::<Dash>("DashMap<K, Weak>"),
        variant::<Sharded>("64 x Mutex<HashMap<K, Weak>>"),
        variant::<Intern<0>>("ArcIntern"),
        Variant {
            name: "nothing",
            work: Box::new(|threads, _, slice| {
                in_threads(threads, slice, |_, times| {
                    (0..4).for_each(|which| timed(&mut times[which], || ()));
                })
            }),
        },
    ];
    let threads = [2, 8];
    let mut times = threads.map(|_| variants.each_ref().map(|_| empty()));
    for round in 0..rounds {
        record::progress(BENCH, round as usize, rounds as usize);
        for (times, threads) in times.iter_mut().zip(threads) {
            for (times, variant) in times.iter_mut().zip(&variants) {
                add(times, &(variant.work)(threads, round, slice));
            }
        }
    }
    if !record::is_on() {
        println!(
            "{:<30} {:>7} {:<10} {:>10} {:>8} {:>8} {:>8} {:>10}",
            "ns", "threads", "operation", "times", "p50", "p99", "p99.9", "max"
        );
    }
    for (times, threads) in times.iter().zip(threads) {
        for (times, variant) in times.iter().zip(&variants) {
            for (times, operation) in times.iter().zip(OPERATIONS) {
                tell(variant.name, threads, operation, times);
            }
        }
    }
}

fn tell(name: &str, threads: usize, operation: &str, times: &Histogram<u64>) {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| times.value_at_quantile(quantile));
    let (count, max) = (times.len(), times.max());
    if record::is_on() {
        record::write(&json!({ "latency": {
            "bench": BENCH,
            "name": name,
            "threads": threads,
            "operation": operation,
            "times": count,
            "p50": p50,
            "p99": p99,
            "p999": p999,
            "max": max,
        }}));
    } else {
        println!(
            "{name:<30} {threads:>7} {operation:<10} {count:>10} {p50:>8} {p99:>8} {p999:>8} {max:>10}"
        );
    }
}

fn empty() -> Times {
    // Up to a minute, in three digits.
    [0; 4].map(|_| Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid"))
}

fn add(times: &mut Times, more: &Times) {
    for (times, more) in times.iter_mut().zip(more) {
        times.add(more).expect("it grows");
    }
}

fn timed<T>(times: &mut Histogram<u64>, operation: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = black_box(operation());
    let time = start.elapsed();
    times.saturating_record(time.as_nanos() as u64);
    done
}

/// Calls `step` with its thread and a number, again and again.
fn in_threads(threads: usize, slice: Duration, step: impl Fn(u64, &mut Times) + Sync) -> Times {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let begin = Barrier::new(threads);
    let mut all = empty();
    thread::scope(|scope| {
        let spawn = |thread: usize| {
            let (begin, step) = (&begin, &step);
            let core = cores.get(thread % cores.len().max(1)).copied();
            scope.spawn(move || {
                core.map(core_affinity::set_for_current);
                let mut times = empty();
                begin.wait();
                let start = Instant::now();
                let mut n = (thread as u64) << 56;
                while start.elapsed() < slice {
                    for _ in 0..16 {
                        n += 1;
                        step(n, &mut times);
                    }
                }
                times
            })
        };
        let threads: Vec<_> = (0..threads).map(spawn).collect();
        for thread in threads {
            add(&mut all, &thread.join().expect("no step panics"));
        }
    });
    all
}

fn variant<M: Map>(name: &'static str) -> Variant {
    let map: &M = Box::leak(Box::new(M::new()));
    for n in 0..LIVE {
        std::mem::forget(map.get_or_insert(random(n), n));
    }
    let work = move |threads, round: u64, slice| {
        in_threads(threads, slice, |n, times| {
            let n = n + (round << 48);
            let [lookup, put, insert, last_put] = times;
            let key = random(random(n) % LIVE);
            let found = timed(lookup, || map.get(key)).expect("it is alive");
            timed(put, || drop(found));
            // Numbers from another range than those of the objects that stay.
            let key = random(n | 1 << 63);
            let inserted = timed(insert, || map.get_or_insert(key, n));
            timed(last_put, || drop(inserted));
        })
    };
    let work = Box::new(work);
    Variant { name, work }
}
