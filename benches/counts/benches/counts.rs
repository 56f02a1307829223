//! How many instructions an operation takes: the same number on every run, whatever else the machine
//! has to do. Each function does its operation [`TIMES`] times; `nothing` shows what the loop
//! itself takes. `cargo xtask counts` runs it and compares with `benches/counts/baseline.toml`.
//!
//! What is made beforehand and destroyed afterwards is not counted.

use std::hint::black_box;
use std::mem::forget;
use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;
use gungraun::{library_benchmark, library_benchmark_group, main};
use kref::llist::intrusive::{Linked, List, Node};
use kref::{HandBack, Handle, Kref, LList, Ref, RefCount, Registry};

const TIMES: u32 = 1000;

/// Of a fixed seed: as many steps in each run.
type Map = Registry<u32, u32, FixedState>;

fn held(times: u32) -> RefCount {
    RefCount::new(times + 1)
}

fn object(times: u32) -> (Kref, Mutex<()>) {
    (Kref::from(held(times)), Mutex::new(()))
}

fn hand_back(times: u32) -> (HandBack, Mutex<()>) {
    let object = HandBack::new();
    (0..times).for_each(|_| object.get());
    (object, Mutex::new(()))
}

/// So many objects, and a reference to each.
fn objects(times: u32) -> (Vec<Kref>, Mutex<()>) {
    ((0..times).map(|_| Kref::new()).collect(), Mutex::new(()))
}

fn listed(times: u32) -> (&'static Map, Vec<Handle<u32, u32>>) {
    let map: &Map = Box::leak(Box::new(Map::with_hasher(FixedState::default())));
    let handles = (0..times).map(|key| map.try_insert(key, key).unwrap());
    (map, handles.collect())
}

struct Item(Node<Item>);

// SAFETY: always the same field.
unsafe impl Linked for Item {
    fn node(&self) -> &Node<Self> {
        &self.0
    }
}

fn items(times: u32) -> (List<Box<Item>>, Vec<Box<Item>>) {
    let items = (0..times).map(|_| Box::new(Item(Node::new())));
    (List::new(), items.collect())
}

/// So many lists, each with an object.
fn lists(times: u32) -> Vec<List<Box<Item>>> {
    let list = |_| {
        let list = List::new();
        list.push(Box::new(Item(Node::new())));
        list
    };
    (0..times).map(list).collect()
}

#[library_benchmark(setup = held)]
#[bench::many(TIMES)]
fn nothing(count: RefCount) {
    for _ in 0..TIMES {
        black_box(&count);
    }
    forget(count);
}

#[library_benchmark(setup = object)]
#[bench::many(TIMES)]
fn get((object, lock): (Kref, Mutex<()>)) {
    for _ in 0..TIMES {
        black_box(&object).get();
    }
    forget((object, lock));
}

#[library_benchmark(setup = held)]
#[bench::many(TIMES)]
fn get_unless_zero(count: RefCount) {
    for _ in 0..TIMES {
        black_box(black_box(&count).inc_not_zero());
    }
}

#[library_benchmark(setup = object)]
#[bench::many(TIMES)]
fn put((object, lock): (Kref, Mutex<()>)) {
    for _ in 0..TIMES {
        assert!(!black_box(&object).put());
    }
    forget((object, lock));
}

#[library_benchmark(setup = object)]
#[bench::many(TIMES)]
fn put_lock((object, lock): (Kref, Mutex<()>)) {
    for _ in 0..TIMES {
        assert!(black_box(&object).put_lock(&lock).is_none());
    }
    forget((object, lock));
}

#[library_benchmark(setup = objects)]
#[bench::many(TIMES)]
fn put_lock_last((objects, lock): (Vec<Kref>, Mutex<()>)) {
    for object in &objects {
        assert!(black_box(object).put_lock(&lock).is_some());
    }
    forget((objects, lock));
}

#[library_benchmark(setup = hand_back)]
#[bench::many(TIMES)]
fn hand_back_put_lock((object, lock): (HandBack, Mutex<()>)) {
    for _ in 0..TIMES {
        assert!(black_box(&object).put_lock(&lock).is_none());
    }
    forget((object, lock));
}

#[library_benchmark]
#[bench::many(Ref::new(7))]
fn ref_clone_and_drop(object: Ref<u32>) {
    for _ in 0..TIMES {
        drop(black_box(&object).clone());
    }
    forget(object);
}

#[library_benchmark]
#[bench::many(Arc::new(7))]
fn arc_clone_and_drop(object: Arc<u32>) {
    for _ in 0..TIMES {
        drop(black_box(&object).clone());
    }
    forget(object);
}

#[library_benchmark(setup = listed)]
#[bench::many(TIMES)]
fn handle_clone_and_drop((map, handles): (&'static Map, Vec<Handle<u32, u32>>)) {
    for handle in &handles {
        drop(black_box(handle).clone());
    }
    forget((map, handles));
}

#[library_benchmark(setup = listed)]
#[bench::many(TIMES)]
fn lookup_hit((map, handles): (&'static Map, Vec<Handle<u32, u32>>)) {
    for key in 0..TIMES {
        forget(map.get(&black_box(key)));
    }
    forget(handles);
}

#[library_benchmark(setup = listed)]
#[bench::many(TIMES)]
fn insert_and_last_put((map, handles): (&'static Map, Vec<Handle<u32, u32>>)) {
    for key in TIMES..2 * TIMES {
        drop(map.try_insert(black_box(key), key));
    }
    forget(handles);
}

#[library_benchmark(setup = listed)]
#[bench::many(TIMES)]
fn last_put((_map, handles): (&'static Map, Vec<Handle<u32, u32>>)) {
    for handle in handles {
        drop(black_box(handle));
    }
}

#[library_benchmark(setup = items)]
#[bench::many(TIMES)]
fn intrusive_push((list, items): (List<Box<Item>>, Vec<Box<Item>>)) {
    for item in items {
        black_box(list.push(item));
    }
    forget(list);
}

#[library_benchmark(setup = lists)]
#[bench::many(TIMES)]
fn intrusive_take_all(lists: Vec<List<Box<Item>>>) {
    for list in &lists {
        forget(black_box(list.take_all()));
    }
    forget(lists);
}

#[library_benchmark]
#[bench::many(LList::new())]
fn push(list: LList<u32>) {
    for value in 0..TIMES {
        black_box(list.push(value));
    }
    forget(list);
}

fn filled(times: u32) -> LList<u32> {
    let list = LList::new();
    for value in 0..times {
        list.push(value);
    }
    list
}

// For each of the values.
#[library_benchmark(setup = filled)]
#[bench::many(TIMES)]
fn take_all(list: LList<u32>) {
    for value in list.take_all() {
        black_box(value);
    }
    forget(list);
}

library_benchmark_group!(
    name = operations;
    benchmarks = nothing, get, get_unless_zero, put, put_lock, put_lock_last, hand_back_put_lock,
        ref_clone_and_drop, arc_clone_and_drop, handle_clone_and_drop, lookup_hit, insert_and_last_put,
        last_put, intrusive_push, intrusive_take_all, push, take_all
);

main!(library_benchmark_groups = operations);
