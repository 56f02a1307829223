//! [`Drain`].

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use kref::{Drain, Token};

static STATIC: Drain = Drain::new();

#[test]
fn a_drain_may_be_static() {
    let tokens: Vec<Token> = (0..4).map(|_| STATIC.token()).collect();
    let threads: Vec<_> = tokens
        .into_iter()
        .map(|token| thread::spawn(move || drop(token)))
        .collect();
    STATIC.wait();
    assert!(STATIC.is_drained());
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn without_tokens_nothing_is_waited_for() {
    let drain = Drain::new();
    drain.wait();
    assert!(drain.wait_timeout(Duration::ZERO));
    assert!(drain.wait_timeout(Duration::MAX));
    assert!(drain.is_drained() && !drain.is_closed());
    assert_eq!(format!("{drain:?}"), "Drain { tokens: 0, closed: false }");
}

#[test]
fn a_timeout_leaves_the_token_and_nothing_else() {
    let drain = Drain::new();
    let token = drain.token();
    for _ in 0..3 {
        assert!(!drain.wait_timeout(Duration::from_millis(1)));
        assert!(!drain.wait_deadline(Instant::now()));
    }
    assert!(!drain.is_drained());
    drop(token);
    assert!(drain.wait_timeout(Duration::ZERO));
}

/// The drain is on the stack of the waiter, and gone at once.
#[test]
fn the_drain_may_end_as_soon_as_the_wait_returns() {
    for _ in 0..if cfg!(miri) { 20 } else { 2000 } {
        let drain = Drain::new();
        let token = drain.token();
        let thread = thread::spawn(move || drop(token));
        drain.wait();
        drop(drain);
        thread.join().unwrap();
    }
}

#[test]
fn a_token_may_outlive_its_drain() {
    let drain = Drain::new();
    let token = drain.token();
    drop(drain);
    drop(token.clone());
    drop(token);
}

#[test]
fn a_panic_gives_the_token_back() {
    let drain = Drain::new();
    let token = drain.token();
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let _token = token;
        panic!("with a token");
    }));
    assert!(panics.is_err());
    assert!(drain.is_drained());
}

#[test]
fn closed_means_no_more_by_try_token() {
    let drain = Drain::new();
    let token = drain.try_token().unwrap();
    assert!(drain.close() && !drain.close() && drain.is_closed());
    assert!(drain.try_token().is_none());
    let clone = token.clone();
    drop(token);
    assert!(!drain.is_drained());
    drop(clone);
    assert!(drain.is_drained());
    let token = drain.token(); // who asks so, gets one
    assert_eq!(format!("{drain:?}"), "Drain { tokens: 1, closed: true }");
    drop(token);
    drain.wait();
}

#[test]
fn all_waiters_are_woken() {
    let drain = Drain::new();
    let token = drain.token();
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| drain.wait());
            threads.spawn(|| drain.wait_timeout(Duration::MAX));
        }
        drop(token);
    });
}

/// Counts how often it was woken, and how many of it there are.
#[derive(Default)]
struct Counted(AtomicU32);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn poll(future: Pin<&mut impl Future<Output = ()>>, counted: &Arc<Counted>) -> Poll<()> {
    let waker = Waker::from(counted.clone());
    future.poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_task_that_polls_again_and_again_leaves_one_waker() {
    let drain = Drain::new();
    let token = drain.token();
    let (one, two) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
    let mut drained = pin!(drain.drained());
    for _ in 0..10 {
        assert!(poll(pin!(&drain), &one).is_pending());
        assert!(poll(drained.as_mut(), &two).is_pending());
    }
    assert_eq!((Arc::strong_count(&one), Arc::strong_count(&two)), (2, 2));
    // Another task goes on with the future.
    assert!(poll(drained.as_mut(), &one).is_pending());
    assert_eq!((Arc::strong_count(&one), Arc::strong_count(&two)), (3, 1));
    drop(token);
    assert_eq!((one.0.load(Relaxed), two.0.load(Relaxed)), (2, 0));
    assert_eq!(Arc::strong_count(&one), 1);
    assert!(poll(drained, &one).is_ready() && poll(pin!(&drain), &one).is_ready());
}

#[test]
fn a_future_that_is_cancelled_leaves_nothing() {
    let drain = Drain::new();
    let token = drain.token();
    let counted = Arc::new(Counted::default());
    for _ in 0..10 {
        let mut drained = Box::pin(drain.drained());
        assert!(poll(drained.as_mut(), &counted).is_pending());
    }
    assert_eq!(Arc::strong_count(&counted), 1);
    // One that is cancelled takes nobody else's waker away.
    let mut other = pin!(drain.drained());
    assert!(poll(other.as_mut(), &counted).is_pending());
    {
        let mut cancelled = pin!(drain.drained());
        assert!(poll(cancelled.as_mut(), &counted).is_pending());
    }
    drop(token);
    assert_eq!(counted.0.load(Relaxed), 1);
}

/// A waker that panics, and one that uses the drain when it is cloned, woken and dropped.
#[test]
fn wakers_are_foreign_code() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            // Where it is the second panic, what it panics with is forgotten: this takes no memory.
            std::panic::panic_any(());
        }
    }
    struct Uses(Arc<Drain>);
    impl Wake for Uses {
        fn wake(self: Arc<Self>) {
            drop(self.0.token());
        }
    }
    impl Drop for Uses {
        fn drop(&mut self) {
            let _ = poll(pin!(&*self.0), &Arc::new(Counted::default()));
        }
    }

    let drain = Arc::new(Drain::new());
    let token = drain.token();
    let counted = Arc::new(Counted::default());
    for waker in [
        Waker::from(Arc::new(Panics)),
        Waker::from(Arc::new(Uses(drain.clone()))),
    ] {
        let mut context = Context::from_waker(&waker);
        assert!(pin!(&*drain).poll(&mut context).is_pending());
    }
    assert!(poll(pin!(&*drain), &counted).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(token))).is_err());
    assert_eq!(counted.0.load(Relaxed), 1);
    // In a thread that unwinds, it is not a second panic.
    let token = drain.token();
    let waker = Waker::from(Arc::new(Panics));
    assert!(
        pin!(&*drain)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _token = token;
        panic!("first");
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"first"));
    assert!(drain.is_drained());
}

/// Panics with something that panics again when it is dropped.
#[test]
fn what_a_waker_panics_with_is_foreign_code_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("in the destructor of what was thrown");
        }
    }
    struct Throws;
    impl Wake for Throws {
        fn wake(self: Arc<Self>) {
            std::panic::panic_any(Bomb);
        }
    }
    fn wait_with_throwers(drain: &Drain) -> Arc<Counted> {
        for _ in 0..3 {
            let waker = Waker::from(Arc::new(Throws));
            let mut context = Context::from_waker(&waker);
            assert!(pin!(drain).poll(&mut context).is_pending());
        }
        let counted = Arc::new(Counted::default());
        assert!(poll(pin!(drain), &counted).is_pending());
        counted
    }

    let drain = Drain::new();
    let token = drain.token();
    let counted = wait_with_throwers(&drain);
    let thrown = catch_unwind(AssertUnwindSafe(|| drop(token)));
    std::mem::forget(thrown.unwrap_err());
    assert_eq!(counted.0.load(Relaxed), 1, "the last waker was woken");
    // And in a thread that unwinds.
    let token = drain.token();
    let counted = wait_with_throwers(&drain);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _token = token;
        panic!("first");
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"first"));
    assert_eq!(counted.0.load(Relaxed), 1, "the last waker was woken");
}

/// A waker whose destructor panics when the same task's next one replaces it: the new one is woken all the same.
#[test]
fn a_waker_that_panics_when_it_is_replaced() {
    struct Fragile;
    impl Wake for Fragile {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("in the destructor of a waker");
        }
    }
    let drain = Drain::new();
    let token = drain.token();
    let counted = Arc::new(Counted::default());
    let mut drained = Box::pin(drain.drained());
    let fragile = Waker::from(Arc::new(Fragile));
    assert!(
        drained
            .as_mut()
            .poll(&mut Context::from_waker(&fragile))
            .is_pending()
    );
    assert!(catch_unwind(AssertUnwindSafe(|| drop(fragile))).is_ok()); // the drain has the other one
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let _ = poll(drained.as_mut(), &counted);
    }));
    assert!(polled.is_err());
    drop(token);
    assert_eq!(counted.0.load(Relaxed), 1);
    assert!(poll(drained.as_mut(), &counted).is_ready());
}

#[test]
fn a_sharded_token_is_one_token() {
    let drain = Drain::new();
    let running = drain.sharded_token();
    let clones: Vec<_> = (0..8).map(|_| running.clone()).collect();
    assert_eq!(format!("{drain:?}"), "Drain { tokens: 1, closed: false }");
    drop(running);
    assert!(!drain.wait_timeout(Duration::ZERO));
    thread::scope(|threads| {
        for token in clones {
            threads.spawn(move || drop(token));
        }
        drain.wait();
    });
}

fn is_send_and_sync<T: Send + Sync>(_: &T) {}

#[test]
fn everything_may_go_to_other_threads() {
    let drain = Drain::new();
    is_send_and_sync(&drain);
    is_send_and_sync(&drain.token());
    is_send_and_sync(&drain.drained());
    is_send_and_sync(&drain.sharded_token());
}
