//! What a [`Ref`] costs, compared with `std`'s `Arc`, which has two counts, and triomphe's, which
//! has one.

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};

use common::{PLACES, Row, Turn};
use kref::Ref;

const ARC: &str = "Arc: clone + drop";
const TRIOMPHE: &str = "triomphe: clone + drop";
const RAW: &str = "raw add + sub";
const NEW_BOX: &str = "malloc + free";
const NEW_ARC: &str = "Arc: new + drop";
const NEW_TRIOMPHE: &str = "triomphe: new + drop";
const NEW_ARC_DROP: &str = "Arc: new + destructor";
const NEW_TRIOMPHE_DROP: &str = "triomphe: new + destructor";
const ARC_STR: &str = "Arc<str>: from + drop";
const SHORT_ARC: &str = "Arc: list of 100";
const CHAIN_ARC: &str = "Arc, by a loop";

fn main() {
    let rows = [1, 2].into_iter().flat_map(rows).collect();
    common::run("refs", rows);
    let depths = (0..=6).map(|power| 10u64.pow(power));
    common::grow("chain", "depth", depths.flat_map(chain).collect());
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

/// Destroys what it owns by a loop.
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

/// The same, as one has to with `Arc`.
struct ArcLoopNode {
    next: Option<Arc<ArcLoopNode>>,
}

impl Drop for ArcLoopNode {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut node) = next.and_then(Arc::into_inner) {
            next = node.next.take();
        }
    }
}

struct BoxNode {
    next: Option<Box<BoxNode>>,
}

impl Drop for BoxNode {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

/// The floor of a clone and its drop. What it counts leaks.
struct Raw(&'static AtomicU32);

impl Raw {
    fn new(value: [u64; 16]) -> Self {
        Self(&Box::leak(Box::new((AtomicU32::new(1), value))).0)
    }
}

impl Clone for Raw {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Relaxed);
        Self(self.0)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if self.0.fetch_sub(1, Release) == 1 {
            last();
        }
    }
}

#[cold]
fn last() {
    black_box(());
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
        Row::new(RAW, threads, cloned_and_dropped(Raw::new)),
        Row::new("Ref: clone + drop", threads, cloned_and_dropped(Ref::new))
            .against(ARC)
            .against(TRIOMPHE)
            .floor(RAW),
    ];
    if threads > 1 {
        return rows;
    }
    let alone = vec![
        Row::new(NEW_BOX, 1, made_and_dropped(Box::new)),
        Row::new(NEW_ARC, 1, made_and_dropped(Arc::new)),
        Row::new(NEW_TRIOMPHE, 1, made_and_dropped(triomphe::Arc::new)),
        Row::new("Ref: new + drop", 1, made_and_dropped(Ref::new))
            .against(NEW_ARC)
            .against(NEW_TRIOMPHE)
            .floor(NEW_BOX),
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
        .against(NEW_ARC_DROP)
        .against(NEW_TRIOMPHE_DROP),
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
        .against(ARC_STR),
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
        .against(SHORT_ARC),
    ];
    rows.into_iter().chain(alone).collect()
}

/// A chain is made and dropped; times are for one node. The destructors nest, unless there is a loop.
fn chain(depth: u64) -> Vec<Row> {
    let row =
        |name, body: Box<dyn Fn(Turn) + Sync>| Row::new(name, 1, body).operations(depth).at(depth);
    let by_a_loop = Box::new(made_and_dropped(move |_| {
        list(depth, |next| Arc::new(ArcLoopNode { next }))
    }));
    let boxes = Box::new(made_and_dropped(move |_| {
        list(depth, |next| Box::new(BoxNode { next }))
    }));
    let mut rows = vec![
        row(NEW_BOX, boxes),
        row(CHAIN_ARC, by_a_loop),
        row(
            "Ref, by a loop",
            Box::new(made_and_dropped(move |_| {
                list(depth, |next| Ref::new(LoopNode { next }))
            })),
        )
        .against(CHAIN_ARC)
        .floor(NEW_BOX),
        row(
            "Ref",
            Box::new(made_and_dropped(move |_| {
                list(depth, |_next| Ref::new(Node { _next }))
            })),
        )
        .against(CHAIN_ARC)
        .floor(NEW_BOX),
    ];
    // Deeper ones overflow the stack.
    if depth <= 10_000 {
        let nested = made_and_dropped(move |_| list(depth, |_next| Arc::new(ArcNode { _next })));
        rows.push(row("Arc, nested", Box::new(nested)));
    }
    rows
}
