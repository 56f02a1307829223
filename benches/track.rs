//! What the feature `track` adds to a clone and a drop.
//!
//! The pairs that are compared run in one process. So the pointer without the feature stands here as what it compiles to:
//! a `RefCount` that is incremented and decremented.

mod common;

use std::hint::black_box;
use std::time::Instant;

use common::{PLACES, Row, Turn};
use kref::track::Holders;
use kref::{Handle, Ref, RefCount, Registry};

const COUNT: &str = "RefCount: inc + dec";
const CLOCK: &str = "Instant::now";

fn main() {
    let rows = [1, 2].into_iter().flat_map(rows).collect();
    common::run("track", rows);
}

/// Each thread has an object of its own: what is measured is the tracker, and not the count's line.
fn on_own<T: Sync + 'static>(
    make: impl Fn() -> T,
    f: impl Fn(&T) + Sync + 'static,
) -> impl Fn(Turn) + Sync {
    let own: Vec<[T; 2]> = (0..PLACES).map(|_| [make(), make()]).collect();
    move |turn| {
        let own = black_box(&own[turn.place][turn.thread]);
        for _ in 0..turn.iterations {
            f(own);
        }
    }
}

fn rows(threads: usize) -> Vec<Row> {
    let key = std::sync::atomic::AtomicU32::new(0);
    let registry: &'static Registry<u32, u32> = Box::leak(Box::new(Registry::new()));
    let handle = move || registry.insert(key.fetch_add(1, std::sync::atomic::Ordering::Relaxed), 0);
    vec![
        Row::new(
            COUNT,
            threads,
            on_own(
                || RefCount::new(1),
                |count| {
                    count.inc();
                    black_box(count.dec_and_test());
                },
            ),
        ),
        Row::new(
            CLOCK,
            threads,
            on_own(
                || (),
                |()| {
                    black_box(Instant::now());
                },
            ),
        ),
        Row::new(
            "Ref: clone + drop, tracked",
            threads,
            on_own(|| Ref::new(5), |value| drop(black_box(value.clone()))),
        )
        .against(COUNT)
        .against(CLOCK),
        Row::new(
            "Handle: clone + drop, tracked",
            threads,
            on_own(handle, |value: &Handle<u32, u32>| {
                drop(black_box(value.clone()))
            }),
        )
        .against(COUNT)
        .against(CLOCK),
        Row::new(
            "Holders: get + put",
            threads,
            on_own(
                || Holders::new("object"),
                |holders| {
                    let token = holders.get("bench");
                    black_box(holders.put(token));
                },
            ),
        )
        .against(CLOCK),
    ]
}
