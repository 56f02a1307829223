//! [`Registry`] compared with maps of `Weak`, `ArcIntern`, and a map under a lock with the kernel's
//! put.
//!
//! - "clone": clone and drop of a handle;
//! - "lookup": lookup and drop of what is alive, 100,000 objects, those asked for drawn by Zipf's law;
//! - "churn": insertion of an object that is dropped at once, hence a last put;
//! - "churn-drop": the same with keys and values that have to be dropped (`String` to `Arc`);
//! - "equal": a lookup that finds nothing among 600 keys with one hash;
//! - "hot": one key, whose object every thread gets or makes, and drops at once.
//!
//! The same again with "-threads": beyond the cores.

#[path = "../../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use common::{PLACES, Row, Turn};
use crossbeam_utils::CachePadded;
use kref::Registry;
use kref_peers::kref_maps::Constructing;
use kref_peers::locked::Locked;
use kref_peers::others::Intern;
use kref_peers::strings::{self, StringMap};
use kref_peers::weak::{Dash, DashSipHash, Sharded};
use kref_peers::workload::{keys, random, zipf};
use kref_peers::{Hasher, Map};
use parking_lot::Mutex;

const KREF: &str = "Registry";
const CONSTRUCTING: &str = "Registry, constructor";
const SHARDED: &str = "64 x Mutex<HashMap<K, Weak>>";
const DASH: &str = "DashMap<K, Weak>";
const DASH_SIP: &str = "DashMap<K, Weak>, SipHash";
const INTERN: &str = "ArcIntern";
const ONE_LOCK: &str = "Mutex<HashMap<K, Weak>>";
const LOCKED: &str = "Mutex<HashMap>, put_lock";
const UNSYNCHRONISED: &str = "HashMap, unsynchronised";
const MALLOC: &str = "malloc, free, two lock pairs";
const ARC: &str = "Arc";

/// How many objects are alive.
const LIVE: usize = 100_000;
/// How many lookups before they repeat. So many that those that are timed come after others.
const DRAWS: usize = 1 << 20;

fn main() {
    let both = |rows: &dyn Fn(usize) -> Vec<Row>| [1, 2].into_iter().flat_map(rows).collect();
    common::run("clone", both(&clone));
    if common::is_asked_for("lookup") || common::is_asked_for("lookup-threads") {
        let keys = keys(LIVE);
        let drawn = zipf(LIVE, DRAWS).into_iter().map(|n| keys[n as usize]);
        let drawn = drawn.collect::<Vec<_>>().leak();
        let maps = Filled::new();
        common::run("lookup", both(&|threads| lookup(threads, drawn, &maps)));
        beyond_the_cores("lookup-threads", |threads| lookup(threads, drawn, &maps));
    }
    common::run("churn", both(&churn));
    common::run("churn-drop", both(&churn_drop));
    common::run("equal", equal());
    common::run("hot", both(&hot));
    beyond_the_cores("churn-threads", churn);
    beyond_the_cores("hot-threads", hot);
}

/// How the cost of `rows` grows with the threads.
fn beyond_the_cores(bench: &str, rows: impl Fn(usize) -> Vec<Row>) {
    if !common::is_asked_for(bench) {
        return;
    }
    let rows = [1, 2, 4, 8].into_iter().flat_map(|threads| {
        let rows = rows(threads).into_iter();
        rows.map(move |row| row.at(threads as u64))
    });
    common::grow(bench, "threads", rows.collect());
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A map with [`LIVE`] objects, that live on.
fn filled<M: Map>() -> &'static M {
    let map = leak(M::new());
    // In another order than that of their frequency.
    let mut keys = keys(LIVE);
    keys.sort_unstable();
    for key in keys {
        std::mem::forget(map.get_or_insert(key, key));
    }
    assert_eq!(map.len(), LIVE);
    map
}

struct Filled {
    kref: &'static Registry<u64, u64>,
    sharded: &'static Sharded,
    dash: &'static Dash,
    dash_sip: &'static DashSipHash,
    intern: &'static Intern<0>,
    unsynchronised: &'static HashMap<u64, Arc<u64>, Hasher>,
}

impl Filled {
    fn new() -> Self {
        let mut keys = keys(LIVE);
        keys.sort_unstable();
        Self {
            kref: filled(),
            sharded: filled(),
            dash: filled(),
            dash_sip: filled(),
            intern: filled(),
            unsynchronised: leak(keys.into_iter().map(|key| (key, Arc::new(key))).collect()),
        }
    }
}

/// Clone and drop of a handle.
fn clone(threads: usize) -> Vec<Row> {
    fn row<T: Clone + Send + Sync + 'static>(
        name: &'static str,
        threads: usize,
        make: impl Fn(u64) -> T,
    ) -> Row {
        // Neighbours share cache lines and pages, and what contention costs depends on the place.
        const APART: usize = 37;
        let handles: Vec<T> = (0..(PLACES * APART) as u64).map(make).collect();
        Row::new(name, threads, move |turn: Turn| {
            let handle = &handles[turn.place * APART];
            for _ in 0..turn.iterations {
                black_box(handle.clone());
            }
        })
    }
    let map = leak(Registry::new());
    vec![
        row(KREF, threads, |key| map.try_insert(key, key).unwrap()).against(ARC),
        row(ARC, threads, Arc::new),
    ]
}

/// Lookup and drop of what is alive.
fn lookup(threads: usize, drawn: &'static [u64], maps: &Filled) -> Vec<Row> {
    /// Calls `read` with keys, and adds up what it returns.
    fn row(
        name: &'static str,
        threads: usize,
        drawn: &'static [u64],
        read: impl Fn(u64) -> u64 + Sync + 'static,
    ) -> Row {
        Row::new(name, threads, move |turn: Turn| {
            let start = (turn.place + 2 * PLACES * turn.thread) * 2503;
            let mut sum = 0;
            for n in 0..turn.iterations as usize {
                sum += read(drawn[(start + n) % DRAWS]);
            }
            black_box(sum);
        })
        .warm()
    }
    fn map_row<M: Map>(
        name: &'static str,
        threads: usize,
        drawn: &'static [u64],
        map: &'static M,
    ) -> Row {
        row(name, threads, drawn, move |key| {
            M::value(&map.get(key).expect("it is alive"))
        })
    }
    let unsynchronised = maps.unsynchronised;
    vec![
        map_row(KREF, threads, drawn, maps.kref)
            .against(DASH)
            .against(INTERN)
            .against(SHARDED)
            .against(DASH_SIP)
            .floor(UNSYNCHRONISED),
        map_row(DASH, threads, drawn, maps.dash),
        map_row(DASH_SIP, threads, drawn, maps.dash_sip),
        map_row(INTERN, threads, drawn, maps.intern),
        map_row(SHARDED, threads, drawn, maps.sharded),
        row(UNSYNCHRONISED, threads, drawn, |key| *unsynchronised[&key]),
    ]
}

/// Insertion of an object that is dropped at once; every thread has keys of its own.
fn churn(threads: usize) -> Vec<Row> {
    fn row<M: Map>(name: &'static str, threads: usize) -> Row {
        let map = leak(M::new());
        Row::new(name, threads, move |turn: Turn| {
            let start = (turn.thread as u64) << 60 | (turn.place as u64 + 1) << 50;
            for n in 0..turn.iterations {
                let key = random(start + n);
                assert_eq!(M::value(&map.get_or_insert(key, n)), n);
            }
        })
    }
    let locks: &[CachePadded<Mutex<()>>; 8] = leak(std::array::from_fn(|_| CachePadded::default()));
    let malloc = move |turn: Turn| {
        let lock = &locks[turn.thread];
        for n in 0..turn.iterations {
            let guard = lock.lock();
            let object = black_box(Box::new([random(n); 4]));
            drop(guard);
            drop(lock.lock());
            drop(object);
        }
    };
    vec![
        row::<Registry<u64, u64>>(KREF, threads)
            .against(SHARDED)
            .against(INTERN)
            .against(DASH)
            .against(DASH_SIP)
            .against(ONE_LOCK)
            .floor(MALLOC),
        row::<Constructing>(CONSTRUCTING, threads)
            .against(SHARDED)
            .against(INTERN)
            .against(DASH)
            .against(ONE_LOCK)
            .floor(MALLOC),
        row::<Locked>(LOCKED, threads)
            .against(ONE_LOCK)
            .floor(MALLOC),
        row::<Sharded<1>>(ONE_LOCK, threads),
        row::<Sharded>(SHARDED, threads),
        row::<Dash>(DASH, threads),
        row::<DashSipHash>(DASH_SIP, threads),
        row::<Intern<1>>(INTERN, threads),
        Row::new(MALLOC, threads, malloc),
    ]
}

/// Insertion of an object that is dropped at once, with a key and a value that have to be dropped.
fn churn_drop(threads: usize) -> Vec<Row> {
    fn row<M: StringMap>(name: &'static str, threads: usize) -> Row {
        let map = leak(M::new());
        Row::new(name, threads, move |turn: Turn| {
            let start = (turn.thread as u64) << 60 | (turn.place as u64 + 1) << 50;
            let value = Arc::new(1);
            for n in 0..turn.iterations {
                let letters = random(start + n)
                    .to_ne_bytes()
                    .map(|b| char::from(b'0' + b % 64));
                let key = letters.into_iter().collect();
                assert_eq!(M::value(&map.get_or_insert(key, value.clone())), 1);
            }
        })
    }
    vec![
        row::<Registry<String, Arc<u64>>>(KREF, threads).against(SHARDED),
        row::<strings::Sharded>(SHARDED, threads),
    ]
}

/// Gives all keys one hash.
#[derive(Clone, Copy, Default)]
struct OneHash;

impl std::hash::BuildHasher for OneHash {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self
    }
}

impl std::hash::Hasher for OneHash {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        42
    }
}

/// A lookup that finds nothing among keys that all have the same hash.
fn equal() -> Vec<Row> {
    const KEYS: u64 = 600;
    let map = leak(Registry::with_hasher(OneHash));
    (0..KEYS).for_each(|key| std::mem::forget(map.try_insert(key, key)));
    let std_map: &HashMap<u64, u64, OneHash> = leak((0..KEYS).map(|key| (key, key)).collect());
    let miss = |name, look: Box<dyn Fn(u64) -> bool + Send + Sync>| {
        Row::new(name, 1, move |turn: Turn| {
            for n in 0..turn.iterations {
                assert!(!look(black_box(KEYS + n)));
            }
        })
    };
    const STD: &str = "HashMap";
    vec![
        miss(KREF, Box::new(|key| map.get(&key).is_some())).against(STD),
        miss(STD, Box::new(|key| std_map.contains_key(&key))),
    ]
}

/// One key, whose object every thread gets or makes, and drops at once.
fn hot(threads: usize) -> Vec<Row> {
    fn row<M: Map>(name: &'static str, threads: usize) -> Row {
        let maps: &[M] = (0..PLACES).map(|_| M::new()).collect::<Vec<_>>().leak();
        // What a map allocates for its first object is there when the time begins.
        maps.iter().for_each(|map| drop(map.get_or_insert(7, 8)));
        Row::new(name, threads, move |turn: Turn| {
            let map = &maps[turn.place];
            for _ in 0..turn.iterations {
                assert_eq!(M::value(&map.get_or_insert(black_box(7), 8)), 8);
            }
        })
    }
    vec![
        row::<Registry<u64, u64>>(KREF, threads)
            .against(LOCKED)
            .against(SHARDED)
            .against(DASH)
            .against(INTERN),
        row::<Constructing>(CONSTRUCTING, threads)
            .against(LOCKED)
            .against(SHARDED)
            .against(DASH)
            .against(INTERN),
        row::<Locked>(LOCKED, threads),
        row::<Sharded>(SHARDED, threads),
        row::<Dash>(DASH, threads),
        row::<Intern<2>>(INTERN, threads),
    ]
}
