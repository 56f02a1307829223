//! What a sharded count costs on one thread, on two, and on more, compared with `std`'s `Arc`, which all threads
//! write.
//!
//! The second part counts up to `KREF_THREADS` threads (eight, unless that says otherwise), for the curves of
//! `cargo xtask cores`.

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};

use common::{PLACES, Row, Turn};
use kref::{Drain, Ref, ShardedCount, ShardedRef};

const ARC: &str = "Arc: clone + drop";
const REF: &str = "Ref: clone + drop";
const SHARDED: &str = "ShardedRef: clone + drop";
const COUNT: &str = "ShardedCount: get + put";
const KILLED: &str = "ShardedRef, killed";
const RAW: &str = "raw add + sub";
const OWN: &str = "raw add + sub, a line for each";

fn main() {
    let rows = [1, 2, 8].into_iter().flat_map(rows).collect();
    common::run("many_cores", rows);
    let most = std::env::var("KREF_THREADS")
        .ok()
        .and_then(|n| n.parse().ok());
    let most: usize = most.unwrap_or(8);
    let threads = (0..).map(|power| 1 << power).take_while(|&n| n <= most);
    common::grow("contention", "threads", threads.flat_map(curves).collect());
}

/// Clones an object that all threads have, and drops the clone. There are several, one after another, as the place in
/// memory makes a difference.
fn cloned_and_dropped<T: Clone + Sync + 'static>(make: impl Fn() -> T) -> impl Fn(Turn) + Sync {
    let shared = Vec::from_iter((0..PLACES).map(|_| make()));
    move |turn| {
        let shared = black_box(&shared[turn.place]);
        for _ in 0..turn.iterations {
            drop(shared.clone());
        }
    }
}

/// A token, and its drop.
fn tokens(turn: Turn, drain: &Drain) {
    for _ in 0..turn.iterations {
        drop(black_box(drain).token());
    }
}

fn counts() -> impl Fn(Turn) + Sync {
    let shared = Vec::from_iter((0..PLACES).map(|_| ShardedCount::new()));
    move |turn| {
        let count = black_box(&shared[turn.place]);
        for _ in 0..turn.iterations {
            count.get();
            black_box(count.put());
        }
    }
}

/// The lower bound on one line: two instructions.
fn raw(lines: usize) -> impl Fn(Turn) + Sync {
    #[repr(align(128))]
    struct Padded(AtomicU32);
    let words = Vec::from_iter((0..PLACES * lines).map(|_| Padded(AtomicU32::new(1))));
    move |turn| {
        let word = black_box(&words[turn.place * lines + turn.thread % lines].0);
        for _ in 0..turn.iterations {
            word.fetch_add(1, Relaxed);
            word.fetch_sub(1, Release);
        }
    }
}

fn killed() -> ShardedRef<u64> {
    let shared = ShardedRef::new(0);
    ShardedRef::kill(&shared);
    shared
}

fn rows(threads: usize) -> Vec<Row> {
    let drains = Vec::from_iter((0..PLACES).map(|_| Drain::new()));
    let sharded = Vec::from_iter((0..PLACES).map(|_| Drain::new().sharded_token()));
    vec![
        Row::new(ARC, threads, cloned_and_dropped(|| Arc::new(0u64))),
        Row::new(REF, threads, cloned_and_dropped(|| Ref::new(0u64)))
            .against(ARC)
            .floor(RAW),
        Row::new(RAW, threads, raw(1)),
        Row::new(OWN, threads, raw(8)),
        Row::new(
            SHARDED,
            threads,
            cloned_and_dropped(|| ShardedRef::new(0u64)),
        )
        .against(ARC)
        .floor(OWN),
        Row::new(COUNT, threads, counts()).against(ARC).floor(OWN),
        Row::new(KILLED, threads, cloned_and_dropped(killed)).against(ARC),
        Row::new("Drain: token + drop", threads, move |turn| {
            tokens(turn, &drains[turn.place]);
        })
        .against(ARC),
        Row::new("Drain, sharded: clone + drop", threads, move |turn| {
            let token = &sharded[turn.place];
            for _ in 0..turn.iterations {
                drop(black_box(token).clone());
            }
        })
        .against(ARC),
    ]
}

fn curves(threads: usize) -> Vec<Row> {
    let at = threads as u64;
    vec![
        Row::new(ARC, threads, cloned_and_dropped(|| Arc::new(0u64))).at(at),
        Row::new(REF, threads, cloned_and_dropped(|| Ref::new(0u64)))
            .against(ARC)
            .at(at),
        Row::new(OWN, threads, raw(threads)).at(at),
        Row::new(
            SHARDED,
            threads,
            cloned_and_dropped(|| ShardedRef::new(0u64)),
        )
        .against(ARC)
        .floor(OWN)
        .at(at),
        Row::new(KILLED, threads, cloned_and_dropped(killed))
            .against(ARC)
            .at(at),
    ]
}
