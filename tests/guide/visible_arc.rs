//! Std's `Arc` and `Weak`, with a step in front of each operation that the model checker sees: it
//! explores the orders of what it sees only.

use std::ops::Deref;
use std::sync;
use std::sync::atomic::Ordering::Relaxed;

loom::lazy_static! {
    static ref STEPS: loom::sync::atomic::AtomicU32 = loom::sync::atomic::AtomicU32::new(0);
}

fn step() {
    STEPS.fetch_add(1, Relaxed);
}

pub(crate) struct Arc<T>(sync::Arc<T>);

impl<T> Arc<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(sync::Arc::new(value))
    }
    pub(crate) fn downgrade(this: &Self) -> Weak<T> {
        Weak(sync::Arc::downgrade(&this.0))
    }
    pub(crate) fn ptr_eq(this: &Self, other: &Self) -> bool {
        sync::Arc::ptr_eq(&this.0, &other.0)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        step();
        Self(self.0.clone())
    }
}

impl<T> Drop for Arc<T> {
    /// The decrement itself comes next, when the field is dropped.
    fn drop(&mut self) {
        step();
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

pub(crate) struct Weak<T>(sync::Weak<T>);

impl<T> Weak<T> {
    pub(crate) fn upgrade(&self) -> Option<Arc<T>> {
        step();
        self.0.upgrade().map(Arc)
    }
}
