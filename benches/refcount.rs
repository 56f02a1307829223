//! What a reference costs: [`RefCount`] compared with raw atomics and `Weak`.

mod common;

use std::hint::black_box;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Weak};

use common::{PLACES, Row, Turn};
use kref::{RcuRef, RefCount};

/// The floor: on x86-64 `lock inc` and `lock dec`, whose flags say no more than "was it the last?".
const RAW: &str = "raw add + sub";
/// The floor of a count that is checked: both old values are looked at, which takes `lock xadd`.
const RAW_OLD: &str = "raw add + sub, old values used";
const UPGRADE: &str = "Weak::upgrade + drop";

fn main() {
    let places: &[_] = (0..PLACES).map(|_| place()).collect::<Vec<_>>().leak();
    let rows = [1, 2].into_iter().flat_map(|threads| rows(threads, places));
    common::run("refcount", rows.collect());
}

/// What the threads share. `Weak` brings counts of its own: the others lie in the same cache line.
struct Counts {
    raw: AtomicU32,
    refs: RefCount,
    rcuref: RcuRef,
}

fn place() -> Arc<Counts> {
    // `Arc` has its two counts, of a word each, in front of the value.
    let in_one_line = |counts: &Arc<Counts>| Arc::as_ptr(counts).addr() % 64 == 16;
    let mut elsewhere = Vec::new();
    loop {
        let counts = Arc::new(Counts {
            raw: AtomicU32::new(1),
            refs: RefCount::new(1),
            rcuref: RcuRef::new(1),
        });
        if in_one_line(&counts) {
            break counts;
        }
        elsewhere.push(counts);
    }
}

fn rows(threads: usize, places: &'static [Arc<Counts>]) -> Vec<Row> {
    let row = |name, body: fn(&Arc<Counts>, u64)| {
        Row::new(name, threads, move |turn: Turn| {
            body(black_box(&places[turn.place]), turn.iterations);
        })
    };
    vec![
        row(RAW, |counts, iterations| {
            let count = &counts.raw;
            for _ in 0..iterations {
                count.fetch_add(1, Relaxed);
                if count.fetch_sub(1, Release) == 1 {
                    last_reference();
                }
            }
        }),
        row(RAW_OLD, |counts, iterations| {
            let count = &counts.raw;
            let mut seen = 0;
            for _ in 0..iterations {
                seen |= count.fetch_add(1, Relaxed);
                seen |= count.fetch_sub(1, Release);
            }
            black_box(seen);
        }),
        row("inc + dec_and_test", |counts, iterations| {
            let count = &counts.refs;
            for _ in 0..iterations {
                count.inc();
                if count.dec_and_test() {
                    last_reference();
                }
            }
        })
        .against(RAW_OLD)
        .floor(RAW),
        row(UPGRADE, |counts, iterations| {
            let weak: Weak<_> = black_box(Arc::downgrade(counts));
            for _ in 0..iterations {
                match weak.upgrade() {
                    Some(strong) => drop(strong),
                    None => last_reference(),
                }
            }
        }),
        row("inc_not_zero + dec_and_test", |counts, iterations| {
            let count = &counts.refs;
            for _ in 0..iterations {
                if !count.inc_not_zero() || count.dec_and_test() {
                    last_reference();
                }
            }
        })
        .against(UPGRADE)
        .floor(RAW),
        row("RcuRef: get + put", |counts, iterations| {
            let count = &counts.rcuref;
            for _ in 0..iterations {
                if !count.get() || count.put() {
                    last_reference();
                }
            }
        })
        .against(UPGRADE)
        .floor(RAW),
    ]
}

/// What none of the loops reaches.
#[cold]
fn last_reference() {
    unreachable!("every row holds a reference of its own");
}
