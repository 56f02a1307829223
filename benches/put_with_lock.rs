//! What it costs to take a lock for the last reference only: [`Kref`] and [`HandBack`] compared with
//! a pair of raw atomic instructions, and with a lock that is taken for every put.

mod common;

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};

use common::{PLACES, Row, Turn};
use crossbeam_utils::CachePadded;
use kref::{HandBack, Kref};

const RAW: &str = "raw add + sub";
const LOCK: &str = "get + lock, put, unlock";
const PARKING_LOT: &str = "the same, parking_lot";
const LOCK_PAIRS: &str = "two lock pairs";

fn main() {
    static SHARED: [Place; PLACES] = [const { Place::new() }; PLACES];
    let places = black_box(&SHARED);
    let not_last = |threads| not_last(threads, places);
    let rows = [1, 2].into_iter().flat_map(not_last).chain(last(places));
    common::run("put_with_lock", rows.collect());

    // More threads than cores: the thread that holds the lock may be preempted.
    let grown = [1, 2, 4, 8].into_iter().flat_map(|threads| {
        let rows = not_last(threads).into_iter();
        rows.map(move |row| row.at(threads as u64))
    });
    common::grow("put_with_lock-threads", "threads", grown.collect());
}

/// What the threads share: counts in a cache line of their own each, and locks in others.
struct Place {
    raw: CachePadded<AtomicU32>,
    object: CachePadded<Kref>,
    hand_back: CachePadded<HandBack>,
    lock: CachePadded<Mutex<()>>,
    parking_lot: CachePadded<parking_lot::Mutex<()>>,
}

impl Place {
    const fn new() -> Self {
        Self {
            raw: CachePadded::new(AtomicU32::new(1)),
            object: CachePadded::new(Kref::new()),
            hand_back: CachePadded::new(HandBack::new()),
            lock: CachePadded::new(Mutex::new(())),
            parking_lot: CachePadded::new(parking_lot::Mutex::new(())),
        }
    }
}

fn row(name: &'static str, threads: usize, places: &'static [Place], body: fn(&Place, u64)) -> Row {
    Row::new(name, threads, move |turn: Turn| {
        body(black_box(&places[turn.place]), turn.iterations);
    })
}

/// A get and a put, while somebody else has a reference.
fn not_last(threads: usize, places: &'static [Place]) -> Vec<Row> {
    let row = |name, body| row(name, threads, places, body);
    vec![
        row(RAW, |place, iterations| {
            for _ in 0..iterations {
                place.raw.fetch_add(1, Relaxed);
                if place.raw.fetch_sub(1, Release) == 1 {
                    unexpected();
                }
            }
        }),
        row("Kref: get + put_lock", |place, iterations| {
            let (object, lock) = (&*place.object, &*place.lock);
            for _ in 0..iterations {
                object.get();
                if object.put_lock(lock).is_some() {
                    unexpected();
                }
            }
        })
        .against(LOCK)
        .against(PARKING_LOT)
        .floor(RAW),
        row("HandBack: get + put_lock", |place, iterations| {
            let (object, lock) = (&*place.hand_back, &*place.lock);
            for _ in 0..iterations {
                object.get();
                if object.put_lock(lock).is_some() {
                    unexpected();
                }
            }
        })
        .against(LOCK)
        .against(PARKING_LOT)
        .floor(RAW),
        row(LOCK, |place, iterations| {
            let object = &place.object;
            for _ in 0..iterations {
                object.get();
                let _guard = place.lock.lock().unwrap();
                if object.put() {
                    unexpected();
                }
            }
        }),
        row(PARKING_LOT, |place, iterations| {
            let object = &place.object;
            for _ in 0..iterations {
                object.get();
                let _guard = place.parking_lot.lock();
                if object.put() {
                    unexpected();
                }
            }
        }),
    ]
}

/// As where an object is listed under the lock and its only reference is dropped.
fn last(places: &'static [Place]) -> Vec<Row> {
    let row = |name, body| row(name, 1, places, body);
    vec![
        row(LOCK_PAIRS, |place, iterations| {
            for _ in 0..iterations {
                drop(place.lock.lock().unwrap());
                drop(place.lock.lock().unwrap());
            }
        }),
        row("Kref: put_lock, the last", |place, iterations| {
            for _ in 0..iterations {
                let guard = place.lock.lock().unwrap();
                let object = Kref::new();
                drop(guard);
                match black_box(&object).put_lock(&*place.lock) {
                    Some(guard) => drop(guard),
                    None => unexpected(),
                }
            }
        })
        .floor(LOCK_PAIRS),
        row("HandBack: put_lock, the last", |place, iterations| {
            for _ in 0..iterations {
                let guard = place.lock.lock().unwrap();
                let object = HandBack::new();
                drop(guard);
                match black_box(&object).put_lock(&*place.lock) {
                    Some(guard) => drop(guard),
                    None => unexpected(),
                }
            }
        })
        .floor(LOCK_PAIRS),
    ]
}

/// What none of the loops reaches.
#[cold]
fn unexpected() {
    unreachable!("a put is the last one where it should not be, or is not where it should be");
}
