//! What a reference costs: [`RefCount`] and [`Kref`] beside raw atomics, `Weak` and a lock.

mod common;

use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex, Weak};

use common::{PLACES, Row, Turn};
use crossbeam_utils::CachePadded;
use kref::{Kref, RefCount};

/// The floor: on x86-64 `lock inc` and `lock dec`, whose flags say no more than "was it the last?".
const RAW: &str = "raw add + sub";
/// The floor of a count that is checked: both old values are looked at, which takes `lock xadd`.
const RAW_OLD: &str = "raw add + sub, old values used";
const UPGRADE: &str = "Weak::upgrade + drop";
const LOCK_PAIRS: &str = "two lock pairs";

fn main() {
    let places: &[Place] = (0..PLACES).map(|_| Place::new()).collect::<Vec<_>>().leak();
    let rows = [1, 2].into_iter().flat_map(|threads| rows(threads, places));
    common::run("refcount", rows.collect());
}

/// What the threads share: the counts in the cache line of `Arc`'s own, and a lock in another.
struct Place {
    counts: Arc<Counts>,
    lock: CachePadded<Mutex<()>>,
}

struct Counts {
    raw: AtomicU32,
    refs: RefCount,
    object: Kref,
}

impl Place {
    fn new() -> Self {
        // `Arc` has its two counts, of a word each, in front of the value.
        let in_one_line = |counts: &Arc<Counts>| Arc::as_ptr(counts).addr() % 64 == 16;
        let mut elsewhere = Vec::new();
        let counts = loop {
            let counts = Arc::new(Counts {
                raw: AtomicU32::new(1),
                refs: RefCount::new(1),
                object: Kref::new(),
            });
            if in_one_line(&counts) {
                break counts;
            }
            elsewhere.push(counts);
        };
        Self {
            counts,
            lock: CachePadded::new(Mutex::new(())),
        }
    }
}

fn rows(threads: usize, places: &'static [Place]) -> Vec<Row> {
    let one_or_two = |one, two| if threads == 1 { one } else { two };
    let row = |name, body: fn(&Place, u64)| {
        Row::new(name, threads, move |turn: Turn| {
            body(black_box(&places[turn.place]), turn.iterations);
        })
    };
    vec![
        row(RAW, |place, iterations| {
            let count = &place.counts.raw;
            for _ in 0..iterations {
                count.fetch_add(1, Relaxed);
                if count.fetch_sub(1, Release) == 1 {
                    last_reference();
                }
            }
        }),
        row(RAW_OLD, |place, iterations| {
            let count = &place.counts.raw;
            let mut seen = 0;
            for _ in 0..iterations {
                seen |= count.fetch_add(1, Relaxed);
                seen |= count.fetch_sub(1, Release);
            }
            black_box(seen);
        }),
        row("inc + dec_and_test", |place, iterations| {
            let count = &place.counts.refs;
            for _ in 0..iterations {
                count.inc();
                if count.dec_and_test() {
                    last_reference();
                }
            }
        })
        .against(RAW, 1.03)
        .against(RAW_OLD, 1.03),
        row(UPGRADE, |place, iterations| {
            let weak: Weak<_> = black_box(Arc::downgrade(&place.counts));
            for _ in 0..iterations {
                match weak.upgrade() {
                    Some(strong) => drop(strong),
                    None => last_reference(),
                }
            }
        }),
        row("inc_not_zero + dec_and_test", |place, iterations| {
            let count = &place.counts.refs;
            for _ in 0..iterations {
                if !count.inc_not_zero() || count.dec_and_test() {
                    last_reference();
                }
            }
        })
        .against(UPGRADE, 1.0)
        .against(RAW, None),
        row("get + put_lock, not the last", |place, iterations| {
            let (object, lock) = (&place.counts.object, &*place.lock);
            for _ in 0..iterations {
                object.get();
                if object.put_lock(lock).is_some() {
                    last_reference();
                }
            }
        })
        .against(RAW, one_or_two(1.42, 1.55)),
        row("get + lock, put, unlock", |place, iterations| {
            let object = &place.counts.object;
            for _ in 0..iterations {
                object.get();
                let _guard = place.lock.lock().unwrap();
                if object.put() {
                    last_reference();
                }
            }
        })
        .against(RAW, None),
        row(LOCK_PAIRS, |place, iterations| {
            for _ in 0..iterations {
                drop(place.lock.lock().unwrap());
                drop(place.lock.lock().unwrap());
            }
        }),
        // As where an object is listed under the lock and its only reference is dropped.
        row("lock pair + put_lock, the last", |place, iterations| {
            for _ in 0..iterations {
                let guard = place.lock.lock().unwrap();
                let object = Kref::new();
                drop(guard);
                match black_box(&object).put_lock(&*place.lock) {
                    Some(guard) => drop(guard),
                    None => last_reference(),
                }
            }
        })
        .against(LOCK_PAIRS, None),
    ]
}

/// What none of the loops reaches.
#[cold]
fn last_reference() {
    unreachable!("every row holds a reference of its own");
}
