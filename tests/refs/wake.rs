//! Wakers that are references.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Waker;

use kref::{Ref, Wake};

use crate::tools::Canary;

struct Task<'a> {
    woken: AtomicUsize,
    by_ref: AtomicUsize,
    _canary: Canary<'a>,
}

impl<'a> Task<'a> {
    fn new(destroyed: &'a AtomicUsize) -> Ref<Self> {
        Ref::new(Self {
            woken: AtomicUsize::new(0),
            by_ref: AtomicUsize::new(0),
            _canary: Canary(destroyed),
        })
    }
}

impl Wake for Task<'static> {
    fn wake(this: Ref<Self>) {
        this.woken.fetch_add(1, Relaxed);
    }

    fn wake_by_ref(this: &Ref<Self>) {
        this.by_ref.fetch_add(1, Relaxed);
    }
}

#[test]
fn a_waker_is_a_reference() {
    static DESTROYED: AtomicUsize = AtomicUsize::new(0);

    let task = Task::new(&DESTROYED);
    let waker = Waker::from(task.clone());
    assert_eq!(Ref::count_hint(&task), 2);
    let other = waker.clone();
    assert!(other.will_wake(&waker));
    assert_eq!(Ref::count_hint(&task), 3);
    waker.wake_by_ref();
    assert_eq!(Ref::count_hint(&task), 3);
    waker.wake();
    assert_eq!(Ref::count_hint(&task), 2);
    std::thread::spawn(move || other.wake()).join().unwrap();
    assert_eq!(
        (task.woken.load(Relaxed), task.by_ref.load(Relaxed)),
        (2, 1)
    );

    let last = Waker::from(task);
    assert_eq!(DESTROYED.load(Relaxed), 0);
    drop(last);
    assert_eq!(DESTROYED.load(Relaxed), 1);
}

/// The default of `wake_by_ref` is `wake` of a clone.
#[test]
fn a_task_need_not_say_how_it_is_woken_by_reference() {
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(this: Ref<Self>) {
            this.0.fetch_add(1, Relaxed);
        }
    }

    let counter = Ref::new(Counter(AtomicUsize::new(0)));
    Waker::from(counter.clone()).wake_by_ref();
    assert_eq!(counter.0.load(Relaxed), 1);
    assert_eq!(Ref::count_hint(&counter), 1);
}
