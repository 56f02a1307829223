//! The shipped code: every step of every run is a step of the protocol that was proven.

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::path::Path;
use std::sync::Arc;

use kref::lock::Lock;
use kref::{HandBack, Handle, Kref, RcuRef, RefCount, Registry};

use crate::accepts;
use crate::recorder::{Index, Recording};
use crate::replay::{OUTSIDE, View};
use crate::scenarios::{self, Count, FrozenCount, RcuCount, pick, run_threads};

impl Count for Kref<Recording> {
    fn new() -> Self {
        Self::new_in()
    }
    fn get(&self) {
        self.get();
    }
    fn try_get(&self) -> bool {
        self.get_unless_zero()
    }
    fn put<'a>(&self, index: &'a Index) -> Option<<Index as Lock>::Guard<'a>> {
        self.put_lock(index)
    }
}

impl Count for HandBack<Recording> {
    fn new() -> Self {
        Self::new_in(1)
    }
    fn get(&self) {
        self.get();
    }
    fn get_locked(&self) {
        self.get_locked();
    }
    fn try_get(&self) -> bool {
        self.get_unless_zero()
    }
    fn put<'a>(&self, index: &'a Index) -> Option<<Index as Lock>::Guard<'a>> {
        self.put_lock(index)
    }
}

impl RcuCount for RcuRef<Recording> {
    fn new() -> Self {
        Self::new_in(1)
    }
    fn get(&self) -> bool {
        self.get()
    }
    fn put(&self) -> bool {
        self.put()
    }
}

impl FrozenCount for RefCount<Recording> {
    fn new() -> Self {
        Self::new_in(1)
    }
    fn inc(&self) {
        self.inc();
    }
    fn inc_not_zero(&self) -> bool {
        self.inc_not_zero()
    }
    fn dec_and_test(&self) -> bool {
        self.dec_and_test()
    }
    fn dec_if_one(&self) -> bool {
        self.dec_if_one()
    }
    fn freeze(&self, n: u32, during: fn()) {
        let frozen = self.try_freeze(n);
        if frozen.is_some() {
            during();
        }
    }
}

#[test]
fn put_lock() {
    accepts(
        "put_lock",
        &OUTSIDE,
        &[],
        scenarios::index::<Kref<Recording>>,
    );
}

#[test]
fn hand_back() {
    let scenario = scenarios::index::<HandBack<Recording>>;
    accepts("hand_back", &OUTSIDE, &["insertion"], scenario);
}

#[test]
fn rcu_ref() {
    accepts(
        "rcu_ref",
        &OUTSIDE,
        &[],
        scenarios::rcu::<RcuRef<Recording>>,
    );
}

#[test]
fn freeze() {
    accepts(
        "freeze",
        &OUTSIDE,
        &[],
        scenarios::freeze::<RefCount<Recording>>,
    );
}

/// The nodes of a registry are counted by hand-back, under the lock of their shard.
const NODES: View = View {
    // The other counts are made with a number of references; a node is dead at first.
    word: |record, number| {
        let (made, _) = record.operation(number)?;
        (made.is_in("refcount/mod.rs") && made.first == 0).then_some("")
    },
    is_index: |file| Path::new(file).ends_with("table/shard/mod.rs"),
    // The calls, and what the callers do.
    silent: &["call ", "returns ", "unlink", "not listed", "free"],
    begins_dead: true,
    ..OUTSIDE
};

type Map = Registry<u8, u8, BuildHasherDefault<DefaultHasher>, Recording>;

/// Threads that find, insert, remove, clone and drop, with three keys in one shard.
fn registry_scenario() {
    fn thread(map: &Map) {
        let mut mine = Vec::<Handle<u8, u8, Recording>>::new();
        for _ in 0..8 {
            let key = pick(3) as u8;
            match pick(8) {
                0 | 1 => mine.extend(map.get(&key)),
                2 => mine.push(map.get_or_insert_with(key, |key| *key)),
                3 => mine.extend(map.try_insert(key, key).ok()),
                4 => mine.extend(map.unlist(&key)),
                5 => mine.extend(mine.last().cloned()),
                _ if mine.is_empty() => {}
                _ => drop(mine.swap_remove(pick(mine.len()))),
            }
        }
    }
    let map = Arc::new(Map::new_in(1, BuildHasherDefault::default()));
    // Now, so that there is one table, and one lock: of two threads that make one, one throws its own away.
    drop(map.get_or_insert_with(0, |_| 0));
    run_threads(3, |_| {
        let map = Arc::clone(&map);
        move || thread(&map)
    });
}

#[test]
fn registry() {
    // A shard's lock is exclusive; that a node leaves the chain is not recorded.
    let never = [
        "lookup: ",
        "removal: unlinks",
        "caller: finds it removed already",
    ];
    accepts("hand_back", &NODES, &never, registry_scenario);
}
