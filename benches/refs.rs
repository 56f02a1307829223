//! What a [`Ref`] costs: beside `std`'s `Arc`, which has two counts, and triomphe's, which has one.

mod common;

use std::hint::black_box;
use std::sync::Arc;

use common::{PLACES, Row, Turn};
use kref::Ref;

const ARC: &str = "Arc: clone + drop";
const TRIOMPHE: &str = "triomphe: clone + drop";
const NEW_ARC: &str = "Arc: new + drop";
const NEW_TRIOMPHE: &str = "triomphe: new + drop";
const NEW_ARC_DROP: &str = "Arc: new + destructor";
const NEW_TRIOMPHE_DROP: &str = "triomphe: new + destructor";
const ARC_STR: &str = "Arc<str>: from + drop";
const SHORT_ARC: &str = "Arc: list of 100";
const LIST_LOOP: &str = "Ref: list of 100k, by a loop";

fn main() {
    let rows = [1, 2].into_iter().flat_map(rows).collect();
    common::run("refs", rows);
}

/// Has a destructor, which does nothing.
struct Destroyed(u64);

impl Drop for Destroyed {
    fn drop(&mut self) {
        black_box(self.0);
    }
}

struct Node {
    _next: Option<Ref<Node>>,
}

struct ArcNode {
    _next: Option<Arc<ArcNode>>,
}

/// Destroys what it owns by a loop, as one has to with `Arc`.
struct LoopNode {
    next: Option<Ref<LoopNode>>,
}

impl Drop for LoopNode {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut node) = next.and_then(Ref::into_inner) {
            next = node.next.take();
        }
    }
}

/// Makes and drops, as often as it is told; what is made is dropped by `drop`.
fn made_and_dropped<T>(make: impl Fn(u64) -> T + Sync + 'static) -> impl Fn(Turn) + Sync {
    move |turn| {
        for i in 0..turn.iterations {
            drop(black_box(make(i)));
        }
    }
}

/// Clones an object that all threads have, and drops the clone. There are several, one after another, as
/// the place in memory makes a difference.
fn cloned_and_dropped<T: Clone + Sync + 'static>(make: fn([u64; 16]) -> T) -> impl Fn(Turn) + Sync {
    let shared = Vec::from_iter((0..PLACES).map(|_| make([0; 16])));
    move |turn| {
        let shared = black_box(&shared[turn.place]);
        for _ in 0..turn.iterations {
            drop(shared.clone());
        }
    }
}

fn list<T>(length: u64, link: impl Fn(Option<T>) -> T) -> Option<T> {
    (0..length).fold(None, |next, _| Some(link(next)))
}

fn rows(threads: usize) -> Vec<Row> {
    let rows = vec![
        Row::new(ARC, threads, cloned_and_dropped(Arc::new)),
        Row::new(TRIOMPHE, threads, cloned_and_dropped(triomphe::Arc::new)),
        Row::new("Ref: clone + drop", threads, cloned_and_dropped(Ref::new))
            .against(ARC, 1.02)
            .against(TRIOMPHE, 1.02),
    ];
    if threads > 1 {
        return rows;
    }
    let alone = vec![
        Row::new(NEW_ARC, 1, made_and_dropped(Arc::new)),
        Row::new(NEW_TRIOMPHE, 1, made_and_dropped(triomphe::Arc::new)),
        Row::new("Ref: new + drop", 1, made_and_dropped(Ref::new))
            .against(NEW_ARC, None)
            .against(NEW_TRIOMPHE, None),
        Row::new(
            NEW_ARC_DROP,
            1,
            made_and_dropped(|i| Arc::new(Destroyed(i))),
        ),
        Row::new(
            NEW_TRIOMPHE_DROP,
            1,
            made_and_dropped(|i| triomphe::Arc::new(Destroyed(i))),
        ),
        Row::new(
            "Ref: new + destructor",
            1,
            made_and_dropped(|i| Ref::new(Destroyed(i))),
        )
        .against(NEW_ARC_DROP, None)
        .against(NEW_TRIOMPHE_DROP, None),
        Row::new(
            ARC_STR,
            1,
            made_and_dropped(|_| Arc::<str>::from(black_box("reference count"))),
        ),
        Row::new(
            "Ref<str>: from + drop",
            1,
            made_and_dropped(|_| Ref::<str>::from(black_box("reference count"))),
        )
        .against(ARC_STR, None),
        Row::new(
            SHORT_ARC,
            1,
            made_and_dropped(|_| list(100, |_next| Arc::new(ArcNode { _next }))),
        ),
        Row::new(
            "Ref: list of 100",
            1,
            made_and_dropped(|_| list(100, |_next| Ref::new(Node { _next }))),
        )
        .against(SHORT_ARC, None),
        Row::new(
            LIST_LOOP,
            1,
            made_and_dropped(|_| list(100_000, |next| Ref::new(LoopNode { next }))),
        ),
        Row::new(
            "Ref: list of 100k",
            1,
            made_and_dropped(|_| list(100_000, |_next| Ref::new(Node { _next }))),
        )
        .against(LIST_LOOP, None),
    ];
    rows.into_iter().chain(alone).collect()
}
