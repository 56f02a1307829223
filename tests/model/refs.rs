//! Every way to give up a [`Ref`], or to claim its value: one write to the count, the value destroyed
//! once, after every use of it, and never two that believe they have it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::atomic::Backend;
use kref::{Ref, RefCount, UniqueRef};
use loom::cell::UnsafeCell;
use loom::thread;

use crate::object::one_write;
use crate::{check, check_bounded, over_backends};

/// A value to use: a use that races with the sole use of it, or with its end, is a causality violation.
pub struct Value {
    payload: UnsafeCell<u32>,
    pub destroyed: Arc<AtomicU32>,
    /// How many threads took it.
    pub taken: Arc<AtomicU32>,
}

// SAFETY: loom reports it if uses of the payload race.
unsafe impl Sync for Value {}

impl Value {
    pub fn new() -> Self {
        Self {
            payload: UnsafeCell::new(0),
            destroyed: Arc::default(),
            taken: Arc::default(),
        }
    }

    /// Uses the value as every thread that shares it may.
    pub fn touch(&self) {
        self.payload.with(|_| ());
    }

    /// Uses the value in a way that needs exclusive access.
    pub fn claim(&mut self) {
        self.payload.with_mut(|_| ());
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        self.touch();
        Self::new()
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.claim();
        }
        self.destroyed.fetch_add(1, Relaxed);
    }
}

/// Gives each thread its own reference to a new value, the calling thread the last, and checks that
/// it has been destroyed when all are done. Returns how many took it.
fn share<B: Backend, const N: usize>(threads: [fn(Ref<Value, B>); N]) -> u32 {
    let value = Value::new();
    let (destroyed, taken) = (Arc::clone(&value.destroyed), Arc::clone(&value.taken));
    let value = UniqueRef::new_in(value);
    let mut mine = UniqueRef::share(value);
    Ref::get_mut(&mut mine).unwrap().claim();
    let (last, others) = threads.split_last().unwrap();
    let others = Vec::from_iter(others.iter().map(|other| {
        let (other, theirs) = (*other, mine.clone());
        thread::spawn(move || other(theirs))
    }));
    last(mine);
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(destroyed.load(Relaxed), 1);
    taken.load(Relaxed)
}

fn put<B: Backend>(value: Ref<Value, B>) {
    value.touch();
    one_write(|| drop(value));
}

fn get_and_put<B: Backend>(value: Ref<Value, B>) {
    let other = one_write(|| value.clone());
    put(value);
    put(other);
}

fn get_and_put_last_first<B: Backend>(value: Ref<Value, B>) {
    let other = one_write(|| value.clone());
    put(other);
    put(value);
}

fn take<B: Backend>(value: Ref<Value, B>) {
    value.touch();
    if let Some(mut value) = one_write(|| Ref::into_inner(value)) {
        value.claim();
        value.taken.fetch_add(1, Relaxed);
    }
}

fn try_take<B: Backend>(value: Ref<Value, B>) {
    value.touch();
    match Ref::try_unwrap(value) {
        Ok(mut value) => value.claim(),
        Err(value) => put(value),
    }
}

fn change<B: Backend>(mut value: Ref<Value, B>) {
    value.touch();
    if let Some(value) = Ref::get_mut(&mut value) {
        value.claim();
    }
    put(value);
}

fn change_own<B: Backend>(mut value: Ref<Value, B>) {
    value.touch();
    Ref::make_mut(&mut value).claim();
    put(value);
}

fn claim_and_share<B: Backend>(value: Ref<Value, B>) {
    value.touch();
    match Ref::try_unique(value) {
        Ok(mut value) => {
            value.claim();
            let value = UniqueRef::share(value);
            let other = value.clone();
            let thread = thread::spawn(move || put(other));
            put(value);
            thread.join().unwrap();
        }
        Err(value) => put(value),
    }
}

fn two_puts<B: Backend>() {
    share::<B, 2>([put, put]);
}

fn three_puts<B: Backend>() {
    share::<B, 3>([put, put, put]);
}

fn clone_beside_the_put<B: Backend>() {
    share::<B, 2>([get_and_put, put]);
    share::<B, 2>([get_and_put_last_first, put]);
}

fn two_clones_beside_the_put<B: Backend>() {
    share::<B, 3>([get_and_put, get_and_put, put]);
}

fn into_inner_twice<B: Backend>() {
    let winners = share::<B, 2>([take, take]);
    assert_eq!(winners, 1, "somebody was the last");
}

fn into_inner_of_three<B: Backend>() {
    share::<B, 3>([take, take, put]);
}

fn try_unwrap_beside_the_put<B: Backend>() {
    share::<B, 2>([try_take, put]);
}

fn try_unwrap_twice<B: Backend>() {
    share::<B, 2>([try_take, try_take]);
}

fn get_mut_beside_the_put<B: Backend>() {
    share::<B, 2>([change, put]);
}

fn get_mut_beside_two_puts<B: Backend>() {
    share::<B, 3>([change, put, put]);
}

fn get_mut_beside_the_clone<B: Backend>() {
    share::<B, 2>([change, get_and_put]);
}

fn make_mut_beside_the_put<B: Backend>() {
    share::<B, 2>([change_own, put]);
}

fn make_mut_twice<B: Backend>() {
    share::<B, 2>([change_own, change_own]);
}

fn unique_beside_the_put<B: Backend>() {
    share::<B, 2>([claim_and_share, put]);
}

/// Returns the count of a value, which ends where the value begins.
fn count<B: Backend>(value: &Ref<Value, B>) -> &RefCount<B> {
    let place = Ref::as_ptr(value).cast::<RefCount<B>>().wrapping_sub(1);
    // SAFETY: it is there, and lives as long as any reference.
    unsafe { &*place }
}

/// The clone that takes a count past its maximum pins it. No drop frees anything afterwards.
fn overflow_is_pinned<B: Backend>() {
    let value = Ref::<_, B>::new_in(Value::new());
    count(&value).set(RefCount::MAX - 1);
    let last_good = value.clone();
    assert_eq!(count(&value).count(), RefCount::MAX);
    drop(value.clone());
    assert!(count(&value).is_saturated());
    drop((last_good, value.clone()));
    assert!(count(&value).is_saturated());
    assert_eq!(value.destroyed.load(Relaxed), 0);
    count(&value).set(1); // so that it does not leak
}

/// A clone and a put, at the maximum: the clone comes first, and pins the count whatever the put has made of it since, or
/// the put does, and the count is exact. The put, which may have found a bad count, frees nothing.
fn overflow_beside_a_put<B: Backend>() {
    let value = Ref::<_, B>::new_in(Value::new());
    let theirs = value.clone();
    count(&value).set(RefCount::MAX);
    let thread = thread::spawn(move || drop(theirs));
    let clone = value.clone();
    thread.join().unwrap();
    assert_eq!(value.destroyed.load(Relaxed), 0);
    assert!(matches!(
        count(&value).count(),
        RefCount::MAX | RefCount::SATURATED
    ));
    drop(clone);
    count(&value).set(1); // so that it does not leak
}

over_backends! {
    two_puts: check;
    three_puts: |model| check_bounded(3, model);
    clone_beside_the_put: check;
    two_clones_beside_the_put: |model| check_bounded(2, model);
    into_inner_twice: check;
    into_inner_of_three: |model| check_bounded(3, model);
    try_unwrap_beside_the_put: check;
    try_unwrap_twice: check;
    get_mut_beside_the_put: check;
    get_mut_beside_two_puts: |model| check_bounded(3, model);
    get_mut_beside_the_clone: check;
    make_mut_beside_the_put: check;
    make_mut_twice: check;
    unique_beside_the_put: |model| check_bounded(3, model);
    overflow_is_pinned: check;
    overflow_beside_a_put: check;
}
