//! What the conditional operations cost compared with what std's atomics offer in their place.

mod common;

use std::hint::black_box;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use common::{PLACES, Row, Turn};
use crossbeam_utils::CachePadded;
use kref::atomic::AtomicExt;

fn main() {
    let rows = [1, 2].into_iter().flat_map(rows).collect();
    common::run("atomic", rows);
}

fn rows(threads: usize) -> Vec<Row> {
    vec![
        // A running maximum (or minimum) of scattered values: it changes a few times at first.
        row(
            "fetch_max, mostly smaller",
            threads,
            |max, thread, iterations| {
                max.store(0, Relaxed);
                for i in 0..iterations {
                    max.fetch_max(scattered(thread, i), Relaxed);
                }
            },
        ),
        row(
            "raise_to, mostly smaller",
            threads,
            |max, thread, iterations| {
                max.store(0, Relaxed);
                for i in 0..iterations {
                    let _ = max.raise_to(scattered(thread, i), Relaxed);
                }
            },
        )
        .against("fetch_max, mostly smaller")
        .floor("load, value compared"),
        row(
            "load, value compared",
            threads,
            |max, thread, iterations| {
                max.store(u64::MAX, Relaxed);
                for i in 0..iterations {
                    if max.load(Relaxed) < scattered(thread, i) {
                        refused();
                    }
                }
            },
        ),
        row("fetch_max, rising", threads, |max, _, iterations| {
            max.store(0, Relaxed);
            for i in 1..=iterations {
                max.fetch_max(i, Relaxed);
            }
        }),
        row("raise_to, rising", threads, |max, _, iterations| {
            max.store(0, Relaxed);
            for i in 1..=iterations {
                let _ = max.raise_to(i, Relaxed);
            }
        })
        .against("fetch_max, rising"),
        row(
            "fetch_min, mostly larger",
            threads,
            |min, thread, iterations| {
                min.store(u64::MAX, Relaxed);
                for i in 0..iterations {
                    min.fetch_min(scattered(thread, i), Relaxed);
                }
            },
        ),
        row(
            "lower_to, mostly larger",
            threads,
            |min, thread, iterations| {
                min.store(u64::MAX, Relaxed);
                for i in 0..iterations {
                    let _ = min.lower_to(scattered(thread, i), Relaxed);
                }
            },
        )
        .against("fetch_min, mostly larger")
        .floor("load, value compared"),
        row(
            "fetch_or, bit already set",
            threads,
            |bits, _, iterations| {
                bits.store(1, Relaxed);
                for _ in 0..iterations {
                    if bits.fetch_or(1, Relaxed) & 1 == 0 {
                        refused();
                    }
                }
            },
        ),
        row("load, bit tested", threads, |bits, _, iterations| {
            bits.store(1, Relaxed);
            for _ in 0..iterations {
                if bits.load(Relaxed) & 1 == 0 {
                    refused();
                }
            }
        }),
        row(
            "set_bits, bit already set",
            threads,
            |bits, _, iterations| {
                bits.store(1, Relaxed);
                for _ in 0..iterations {
                    if bits.set_bits(1, Relaxed) & 1 == 0 {
                        refused();
                    }
                }
            },
        )
        .against("fetch_or, bit already set")
        .floor("load, bit tested"),
        row(
            "fetch_update, add unless zero",
            threads,
            |value, _, iterations| {
                value.store(1, Relaxed);
                for _ in 0..iterations {
                    let added = value.fetch_update(Relaxed, Relaxed, |v| (v != 0).then(|| v + 1));
                    if added.is_err() {
                        refused();
                    }
                }
            },
        ),
        row(
            "fetch_add, bound checked",
            threads,
            |value, _, iterations| {
                value.store(1, Relaxed);
                for _ in 0..iterations {
                    if value.fetch_add(1, Relaxed) > u64::MAX / 2 {
                        refused();
                    }
                }
            },
        ),
        row("add_unless zero", threads, |value, _, iterations| {
            value.store(1, Relaxed);
            for _ in 0..iterations {
                if !value.add_unless(1, 0, Relaxed) {
                    refused();
                }
            }
        })
        .against("fetch_update, add unless zero")
        .floor("fetch_add, bound checked"),
        row(
            "fetch_update, if positive",
            threads,
            |value, _, iterations| {
                value.store(u64::MAX, Relaxed);
                for _ in 0..iterations {
                    let taken = value.fetch_update(Relaxed, Relaxed, |v| v.checked_sub(1));
                    if taken.is_err() {
                        refused();
                    }
                }
            },
        ),
        row("dec_if_positive", threads, |value, _, iterations| {
            value.store(u64::MAX, Relaxed);
            for _ in 0..iterations {
                if value.dec_if_positive(Relaxed).is_err() {
                    refused();
                }
            }
        })
        .against("fetch_update, if positive"),
    ]
}

/// A row whose threads share one word.
fn row(name: &'static str, threads: usize, body: fn(&AtomicU64, u64, u64)) -> Row {
    static PLACE: [CachePadded<AtomicU64>; PLACES] =
        [const { CachePadded::new(AtomicU64::new(0)) }; PLACES];
    Row::new(name, threads, move |turn: Turn| {
        body(
            black_box(&PLACE[turn.place]),
            turn.thread as u64,
            turn.iterations,
        );
    })
}

/// Values over the whole range, in no order, for the price of a multiplication.
fn scattered(thread: u64, i: u64) -> u64 {
    (2 * i + thread).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What none of the loops reaches.
#[cold]
fn refused() {
    unreachable!("no operation is refused here");
}
