//! The table of `Registry`: lookups and last puts that stop, while other calls give memory back.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use kref::{Handle, Registry};

use crate::backend::{Stops, behind, everywhere, stopped, trace};

type Map = Registry<u32, Value, Poor, Stops>;
type Held = Handle<u32, Value, Stops>;

/// Hashes the lower half only.
#[derive(Clone, Copy, Default)]
struct Poor(u64);

impl Hasher for Poor {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0]) | u64::from(bytes[1]) << 8;
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

impl BuildHasher for Poor {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        Self(0)
    }
}

/// Knows its key, and counts how many there are.
struct Value {
    key: u32,
    alive: Arc<AtomicUsize>,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_ne!(self.key, u32::MAX);
        self.key = u32::MAX;
        self.alive.fetch_sub(1, SeqCst);
    }
}

const KEY: u32 = 7;
/// Has the hash of `KEY`.
const OTHER: u32 = KEY + (1 << 16);

struct Case {
    map: Map,
    alive: Arc<AtomicUsize>,
    /// They have the slots that never go back, so that what comes lies in a page of its own.
    held: Vec<Held>,
}

impl Case {
    fn new() -> Self {
        let mut case = Self {
            map: Map::new_in(1, Poor(0)),
            alive: Arc::new(AtomicUsize::new(0)),
            held: Vec::new(),
        };
        for n in 2..42 {
            let held = case.put(KEY + (n << 16));
            case.held.push(held);
        }
        // A page has more slots than these.
        case.held.truncate(30);
        case.map.shrink_to_fit();
        case
    }

    fn put(&self, key: u32) -> Held {
        self.alive.fetch_add(1, SeqCst);
        let alive = self.alive.clone();
        self.map.try_insert(key, Value { key, alive }).unwrap()
    }

    /// An array of other heads, then memory goes back.
    fn spike(&self) {
        let many: Vec<_> = (1000..3000).map(|key| self.put(key)).collect();
        drop(many);
        self.map.shrink_to_fit();
    }
}

/// What other threads do to the object, while a thread that looks for it, or drops its last handle, is stopped: given its first
/// handle, which may be taken; returns what came instead.
type Meanwhile = fn(&Case, &mut Option<Held>) -> Option<Held>;

fn meanwhile() -> [Meanwhile; 6] {
    [
        |_, first| {
            drop(first.take());
            None
        },
        |case, first| {
            drop(first.take());
            case.map.shrink_to_fit();
            None
        },
        |case, first| {
            drop(first.take());
            Some(case.put(OTHER))
        },
        |case, first| {
            drop(first.take());
            case.spike();
            Some(case.put(OTHER))
        },
        |case, first| {
            let unlisted = case.map.unlist(&KEY);
            drop(first.take());
            case.spike();
            drop(unlisted);
            Some(case.put(KEY))
        },
        |case, _| {
            case.spike();
            None
        },
    ]
}

fn check(case: Case, found: Option<Held>, rest: (Option<Held>, Option<Held>)) {
    if let Some(found) = &found {
        assert_eq!((found.key, *Handle::key(found)), (KEY, KEY));
    }
    for held in &case.held {
        assert_eq!(held.key, *Handle::key(held));
        let again = case.map.get(Handle::key(held));
        assert!(again.is_some_and(|again| Handle::ptr_eq(&again, held)));
    }
    drop((found, rest));
    assert_eq!(case.alive.load(SeqCst), case.held.len());
    case.map.shrink_to_fit();
    let again = case.put(KEY);
    assert_eq!(again.key, KEY);
    let Case { map, alive, held } = case;
    drop(map);
    drop((held, again));
    assert_eq!(alive.load(SeqCst), 0);
}

#[test]
fn a_lookup_that_stops_finds_the_object_or_nothing() {
    for meanwhile in meanwhile() {
        let steps = {
            let case = Case::new();
            let _first = case.put(KEY);
            let (found, steps) = trace(|| case.map.get(&KEY));
            assert!(found.is_some());
            steps.len()
        };
        for operation in 1..=steps {
            let case = Case::new();
            let mut first = Some(case.put(KEY));
            let look = || case.map.get(&KEY);
            let run = stopped(behind(operation), look, || meanwhile(&case, &mut first));
            let second = run.meanwhile.flatten();
            if first.is_some() {
                assert!(run.result.is_some(), "it was there all the time");
            }
            check(case, run.result, (first, second));
        }
    }
}

/// A thread that is about to take the lock for its last put.
#[test]
fn a_last_put_that_stops_keeps_what_it_needs() {
    for meanwhile in meanwhile() {
        let case = Case::new();
        let first = case.put(KEY);
        let run = stopped(
            behind(1),
            move || drop(first),
            || {
                let mut found = case.map.get(&KEY);
                assert!(found.is_some(), "it has not left the map");
                let second = meanwhile(&case, &mut found);
                (found, second)
            },
        );
        let (found, second) = run.meanwhile.expect("it has stopped");
        check(case, None, (found, second));
    }
}

#[test]
fn a_last_put_that_stops_outlives_the_map() {
    let case = Case::new();
    let first = case.put(KEY);
    let Case { map, alive, held } = case;
    stopped(
        behind(1),
        move || drop(first),
        || {
            drop((map, held));
            assert_eq!(alive.load(SeqCst), 1);
        },
    );
    assert_eq!(alive.load(SeqCst), 0);
}

/// A thread whose insertion divides the shard stops with no lock held: in front of the division, when its new shards are made but
/// not known, or behind it. Others divide the shard, fill its parts and empty them.
#[test]
fn an_insertion_that_stops_at_a_division_finds_its_shard() {
    /// So many make a map divide its shard at the next insertion.
    const MANY: u32 = 128;
    let case = |listed: u32| {
        let alive = Arc::new(AtomicUsize::new(0));
        let mut case = Case {
            map: Map::new_in(0, Poor(0)),
            alive,
            held: Vec::new(),
        };
        let keys = 1000..1000 + listed;
        case.held = keys.map(|key| case.put(key)).collect();
        case
    };
    let insert = |case: &Case| -> Vec<Held> { (KEY..KEY + 2).map(|key| case.put(key)).collect() };
    let steps = |case: Case| trace(|| drop(insert(&case))).1.len();
    assert!(
        steps(case(MANY)) > steps(case(MANY - 8)),
        "nothing is divided"
    );

    everywhere(|place| {
        let case = case(MANY);
        let run = stopped(
            place,
            || insert(&case),
            || {
                let spare: Vec<_> = (5000..5000 + MANY).map(|key| case.put(key)).collect();
                for held in &spare {
                    assert!(case.map.get(Handle::key(held)).is_some());
                }
                drop(spare);
                case.map.shrink_to_fit();
                case.put(OTHER)
            },
        );
        let has_stopped = run.meanwhile.is_some();
        let new = run.result;
        for held in &new {
            let again = case.map.get(Handle::key(held));
            assert!(again.is_some_and(|again| Handle::ptr_eq(&again, held)));
        }
        assert_eq!(
            case.map.len(),
            MANY as usize + new.len() + usize::from(has_stopped)
        );
        drop(new);
        check(case, None, (run.meanwhile, None));
        has_stopped
    });
}
