//! The word of a shard's lock, from its source: it is no part of the public crate.

use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::backend::{CasOnly, Rmw};
use crate::check_bounded;
use kref::atomic::Backend;

#[path = "../../src/lock/word.rs"]
mod word;

use word::Word;

struct Model<B: Backend> {
    word: Word<B>,
    inside: UnsafeCell<u32>,
}

// SAFETY: the cell is used under the lock. Whether that excludes and publishes is what loom looks at.
unsafe impl<B: Backend> Send for Model<B> {}
// SAFETY: as above.
unsafe impl<B: Backend> Sync for Model<B> {}

/// Adds one under the lock, if it is free.
fn add<B: Backend>(model: &Model<B>) -> u32 {
    if !model.word.try_lock() {
        return 0;
    }
    model.inside.with_mut(|inside| {
        // SAFETY: the lock is held.
        unsafe { *inside += 1 }
    });
    model.word.unlock();
    1
}

fn a_plain_store_unlocks<B: Backend + 'static>() {
    let model = Arc::new(Model {
        word: Word::<B>::new(),
        inside: UnsafeCell::new(0),
    });
    let others: [_; 2] = core::array::from_fn(|_| {
        let model = Arc::clone(&model);
        loom::thread::spawn(move || add(&model) + add(&model))
    });
    let own = add(&model);
    let others = others.map(|other| other.join().unwrap());
    assert!(!model.word.is_locked());
    assert!(model.word.try_lock());
    let inside = model.inside.with(|inside| {
        // SAFETY: the lock is held.
        unsafe { *inside }
    });
    assert_eq!(inside, own + others.iter().sum::<u32>());
    assert!(inside > 0);
}

/// One thread is in the lock at a time, and it sees what the one before it did.
#[test]
fn one_thread_at_a_time() {
    check_bounded(3, a_plain_store_unlocks::<CasOnly>);
    check_bounded(3, a_plain_store_unlocks::<Rmw>);
}
