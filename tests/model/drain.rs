//! [`Drain`]: every waiter is woken, and comes after what the holders of the tokens did.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use kref::Drain;
use kref::sharded::ShardBackend;
use loom::cell::UnsafeCell;
use loom::thread;

use crate::signal::block_on;
use crate::{check, check_bounded, over_backends};

/// Something that is used by the holders of tokens, and destroyed by the thread that has waited for
/// them.
struct Used<B: ShardBackend> {
    drain: Drain<B>,
    values: [UnsafeCell<u32>; 2],
}

// SAFETY: loom reports races of the cells.
unsafe impl<B: ShardBackend> Sync for Used<B> {}
// SAFETY: as above.
unsafe impl<B: ShardBackend> Send for Used<B> {}

impl<B: ShardBackend> Used<B> {
    fn new() -> loom::sync::Arc<Self> {
        loom::sync::Arc::new(Self {
            drain: Drain::new_in(),
            values: [UnsafeCell::new(0), UnsafeCell::new(0)],
        })
    }

    fn work(&self, n: usize) {
        // SAFETY: loom reports it if this races.
        self.values[n].with_mut(|value| unsafe { *value += 1 });
    }

    fn done(&self) -> u32 {
        // SAFETY: loom reports it if this races.
        let read = |value: &UnsafeCell<u32>| value.with(|value| unsafe { *value });
        self.values.iter().map(read).sum()
    }
}

fn worker<B: ShardBackend>(used: &loom::sync::Arc<Used<B>>, n: usize) -> thread::JoinHandle<()> {
    let token = used.drain.token();
    let used = used.clone();
    thread::spawn(move || {
        used.work(n);
        drop(used);
        drop(token);
    })
}

fn one_token<B: ShardBackend>() {
    let used = Used::<B>::new();
    let worker = worker(&used, 0);
    block_on(&used.drain);
    assert_eq!(used.done(), 1);
    worker.join().unwrap();
}

fn two_tokens<B: ShardBackend>() {
    let used = Used::<B>::new();
    let workers = [worker(&used, 0), worker(&used, 1)];
    block_on(used.drain.drained());
    assert_eq!(used.done(), 2);
    for worker in workers {
        worker.join().unwrap();
    }
}

/// A holder takes another token, for another thread's work, before it drops its own.
fn a_token_from_a_token<B: ShardBackend>() {
    let used = Used::<B>::new();
    let token = used.drain.token();
    let worker = {
        let used = used.clone();
        thread::spawn(move || {
            let second = token.clone();
            used.work(0);
            drop(token);
            used.work(1);
            drop(used);
            drop(second);
        })
    };
    block_on(&used.drain);
    assert_eq!(used.done(), 2);
    worker.join().unwrap();
}

/// The drain lives on the waiter's stack, and is gone when the last token's drop has not yet returned.
fn the_drain_ends_before_the_drop<B: ShardBackend>() {
    let drain = Drain::<B>::new_in();
    let token = drain.token();
    let worker = thread::spawn(move || drop(token));
    block_on(&drain);
    drop(drain);
    worker.join().unwrap();
}

fn two_waiters<B: ShardBackend>() {
    let used = Used::<B>::new();
    let worker = worker(&used, 0);
    let waiter = {
        let used = used.clone();
        thread::spawn(move || {
            block_on(used.drain.drained());
            assert_eq!(used.done(), 1);
        })
    };
    block_on(&used.drain);
    assert_eq!(used.done(), 1);
    worker.join().unwrap();
    waiter.join().unwrap();
}

/// One waiter gives up; the other one is woken all the same.
fn a_waiter_that_gives_up<B: ShardBackend>() {
    let used = Used::<B>::new();
    let worker = worker(&used, 0);
    let fickle = {
        let used = used.clone();
        thread::spawn(move || {
            let mut drained = pin!(used.drain.drained());
            let waker = Waker::noop();
            let _: Poll<()> = drained.as_mut().poll(&mut Context::from_waker(waker));
        })
    };
    block_on(&used.drain);
    worker.join().unwrap();
    fickle.join().unwrap();
}

/// The drain is drained twice; a waiter that comes in between, or sleeps through the first time, is woken by the second.
fn drained_twice<B: ShardBackend>() {
    let used = Used::<B>::new();
    let first = used.drain.token();
    let worker = {
        let used = used.clone();
        thread::spawn(move || {
            drop(first);
            let second = used.drain.token();
            used.work(0);
            drop(used);
            drop(second);
        })
    };
    block_on(&used.drain);
    worker.join().unwrap();
}

/// A waiter comes when one drop has found the last token, and has still to wake those before it; another token was taken in
/// between, and its drop has to wake this waiter.
fn a_waiter_between_two_ends<B: ShardBackend>() {
    let drain = Arc::new(Drain::<B>::new_in());
    let first = drain.token();
    // Somebody waits already, so that the first drop wakes.
    let waker = Waker::noop();
    assert!(
        pin!(&*drain)
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    let one = thread::spawn(move || drop(first));
    let two = {
        let drain = drain.clone();
        thread::spawn(move || drop(drain.token()))
    };
    block_on(&*drain);
    one.join().unwrap();
    two.join().unwrap();
}

/// The first tokens of two threads make one shared part.
fn two_first_tokens<B: ShardBackend>() {
    let used = Used::<B>::new();
    let other = {
        let used = used.clone();
        thread::spawn(move || {
            let _token = used.drain.token();
            assert!(!used.drain.is_drained());
        })
    };
    let token = used.drain.token();
    assert!(!used.drain.is_drained());
    drop(token);
    other.join().unwrap();
    block_on(&used.drain);
}

/// A thread looks whether it is drained. If it is, the thread sees what the holder of the token did.
fn a_look<B: ShardBackend>() {
    let used = Used::<B>::new();
    let worker = worker(&used, 0);
    if used.drain.is_drained() {
        assert_eq!(used.done(), 1);
    }
    worker.join().unwrap();
}

/// A thread looks at a shared part that another thread makes at the same time, and that it has learned of from nobody.
fn a_look_at_the_first_token<B: ShardBackend>() {
    let used = Used::<B>::new();
    let maker = {
        let used = used.clone();
        thread::spawn(move || {
            let _token = used.drain.token();
            used.work(0);
        })
    };
    let _: bool = used.drain.is_drained();
    maker.join().unwrap();
    assert_eq!(used.done(), 1);
}

/// After `close` has returned, `try_token` refuses; what got in before is waited for.
fn closed<B: ShardBackend>() {
    let used = Used::<B>::new();
    let late = {
        let used = used.clone();
        thread::spawn(move || {
            if let Some(_token) = used.drain.try_token() {
                used.work(0);
            }
        })
    };
    used.drain.close();
    block_on(&used.drain);
    let done = used.done();
    late.join().unwrap();
    assert_eq!(used.done(), done, "work began after the drain");
}

/// The owner of a sharded token is dropped, and then its clone: the waiter is woken.
fn a_sharded_token<B: ShardBackend>() {
    let used = Used::<B>::new();
    let owner = {
        let token = kref::Ref::<_, B>::new_in(used.drain.token());
        kref::ShardedRef::from_ref_in(token, 2)
    };
    let token = owner.clone();
    let worker = {
        let used = used.clone();
        thread::spawn(move || {
            crate::backend::set_thread_shard(1);
            used.work(0);
            drop(used);
            drop(token);
        })
    };
    drop(owner);
    block_on(&used.drain);
    assert_eq!(used.done(), 1);
    worker.join().unwrap();
}

over_backends! {
    one_token: check;
    two_tokens: |f| check_bounded(2, f);
    a_token_from_a_token: |f| check_bounded(3, f);
    the_drain_ends_before_the_drop: check;
    two_waiters: |f| check_bounded(2, f);
    a_waiter_that_gives_up: |f| check_bounded(2, f);
    drained_twice: |f| check_bounded(3, f);
    a_waiter_between_two_ends: |f| check_bounded(2, f);
    two_first_tokens: |f| check_bounded(2, f);
    a_look: check;
    a_look_at_the_first_token: check;
    closed: |f| check_bounded(3, f);
    a_sharded_token: |f| check_bounded(2, f);
}
