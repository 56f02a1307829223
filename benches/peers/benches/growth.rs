//! How the cost of a map grows: with the objects that are alive ("entries", one thread, those asked
//! for all equally likely), and with the share of writers ("writers", two threads, 100,000 objects, so many
//! per cent of the operations insert an object and drop it at once).

#[path = "../../common/mod.rs"]
mod common;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use common::{PLACES, Row, Turn};
use kref::Registry;
use kref_peers::others::Intern;
use kref_peers::weak::{Dash, Sharded};
use kref_peers::workload::random;
use kref_peers::{Hasher, Map};

const KREF: &str = "Registry";
const SHARDED: &str = "64 x Mutex<HashMap<K, Weak>>";
const DASH: &str = "DashMap<K, Weak>";
const INTERN: &str = "ArcIntern";
const UNSYNCHRONISED: &str = "HashMap, unsynchronised";

fn main() {
    if common::is_asked_for("entries") {
        // Ten millions take 5 GB and a minute. Under `cargo test` it is enough to see that they run.
        let powers = match (common::is_timed(), common::is_quick()) {
            (false, _) => 1,
            (true, true) => 4,
            (true, false) => 5,
        };
        let rows: [fn() -> Vec<Row>; 5] = [
            entries::<3>,
            entries::<4>,
            entries::<5>,
            entries::<6>,
            entries::<7>,
        ];
        let rows = rows.into_iter().take(powers).flat_map(|rows| rows());
        common::grow("entries", "entries", rows.collect());
    }
    if common::is_asked_for("writers") {
        common::grow("writers", "per cent writers", writers());
    }
}

/// The key of the `n`th object.
fn key(n: u64) -> u64 {
    random(n)
}

fn filled<M: Map>(live: u64) -> &'static M {
    let map: &M = Box::leak(Box::new(M::new()));
    for n in 0..live {
        std::mem::forget(map.get_or_insert(key(n), n));
    }
    map
}

/// Finds objects among ten to the power of `POWER`, and drops them.
fn entries<const POWER: u8>() -> Vec<Row> {
    let live = 10u64.pow(u32::from(POWER));
    let row = |name, read: Box<dyn Fn(u64) -> u64 + Sync>| {
        Row::new(name, 1, move |turn: Turn| {
            let start = (turn.place as u64) << 40;
            let mut sum = 0;
            for n in 0..turn.iterations {
                sum += read(key(random(start + n) % live));
            }
            black_box(sum);
        })
        .warm()
        .at(live)
    };
    fn of<M: Map>(live: u64) -> Box<dyn Fn(u64) -> u64 + Sync> {
        let map = filled::<M>(live);
        Box::new(move |key| M::value(&map.get(key).expect("it is alive")))
    }
    let unsynchronised: HashMap<u64, Arc<u64>, Hasher> =
        (0..live).map(|n| (key(n), Arc::new(n))).collect();
    vec![
        row(KREF, of::<Registry<u64, u64>>(live))
            .against(DASH)
            .against(SHARDED)
            .against(INTERN)
            .floor(UNSYNCHRONISED),
        row(DASH, of::<Dash>(live)),
        row(SHARDED, of::<Sharded>(live)),
        row(INTERN, of::<Intern<POWER>>(live)),
        row(UNSYNCHRONISED, Box::new(move |key| *unsynchronised[&key])),
    ]
}

/// Two threads find or insert, by chance.
fn writers() -> Vec<Row> {
    const LIVE: u64 = 100_000;
    fn row<M: Map>(name: &'static str, map: &'static M, per_cent: u64) -> Row {
        Row::new(name, 2, move |turn: Turn| {
            let start = (turn.thread as u64) << 60 | (turn.place as u64 % PLACES as u64 + 1) << 40;
            for n in 0..turn.iterations {
                let chance = random(start + n);
                // The upper bits: the lower ones say which object.
                let found = if (chance >> 32) % 100 < per_cent {
                    map.get_or_insert(key(chance | 1 << 63), n)
                } else {
                    map.get(key(chance % LIVE)).expect("it is alive")
                };
                black_box(M::value(&found));
            }
        })
        .warm()
        .at(per_cent)
    }
    let kref: &Registry<u64, u64> = filled(LIVE);
    let dash: &Dash = filled(LIVE);
    let sharded: &Sharded = filled(LIVE);
    let intern: &Intern<0> = filled(LIVE);
    let rows = [0, 1, 10, 50, 90, 100].into_iter().map(|per_cent| {
        [
            row(KREF, kref, per_cent)
                .against(DASH)
                .against(SHARDED)
                .against(INTERN),
            row(DASH, dash, per_cent),
            row(SHARDED, sharded, per_cent),
            row(INTERN, intern, per_cent),
        ]
    });
    rows.flatten().collect()
}
