//! Constructors that are futures, under an executor made by hand and under tokio.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

use kref::registry::Entry;
use kref::{Handle, Registry};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Barrier, Notify};

use crate::tasks::{Gate, Tasks, Wakes};

#[test]
fn one_task_makes_and_the_others_wait() {
    let map = Registry::<u32, u32>::new();
    let (gate, made) = (Gate::default(), Cell::new(0));
    let handles = RefCell::new(Vec::new());
    let mut tasks = Tasks::default();
    for _ in 0..5 {
        tasks.spawn(async {
            let make = |key: &u32| {
                let key = *key;
                made.set(made.get() + 1);
                let gate = gate.clone();
                async move {
                    gate.passed().await;
                    key * 10
                }
            };
            let handle = map.get_or_insert_async(1, make).await;
            handles.borrow_mut().push(handle);
        });
    }
    let other = tasks.spawn(async {
        let two = map.get_or_insert_async(2, |_| async { 2 }).await;
        assert_eq!(*two, 2, "another key does not wait");
    });
    assert_eq!(tasks.run(), 5);
    assert!(map.is_empty() && map.get(&1).is_none());
    let _ = other;
    gate.open();
    assert_eq!(tasks.run(), 0);
    let handles = handles.take();
    assert_eq!((made.get(), handles.len()), (1, 5));
    assert!(
        handles
            .iter()
            .all(|handle| Handle::ptr_eq(handle, &handles[0]) && **handle == 10)
    );
    drop(handles);
    assert!(map.is_empty());
}

/// The task that makes the object is dropped: one of the waiters goes on, and the others wait for
/// that one.
#[test]
fn a_task_that_is_cancelled_while_it_makes() {
    let map = Registry::<u32, usize>::new();
    let made = Cell::new(0);
    let got = RefCell::new(Vec::new());
    let gate = Gate::default();
    let mut tasks = Tasks::default();
    for _ in 0..4 {
        tasks.spawn(async {
            let make = |_: &u32| async {
                made.set(made.get() + 1);
                let number = made.get();
                gate.passed().await;
                number
            };
            let handle = map.get_or_insert_async(1, make).await;
            got.borrow_mut().push(*handle);
        });
    }
    assert_eq!((tasks.run(), made.get()), (4, 1));
    tasks.cancel(0);
    assert_eq!((tasks.run(), made.get()), (3, 2), "exactly one");
    tasks.cancel(2); // waits, or makes
    tasks.run();
    gate.open();
    assert_eq!(tasks.run(), 0);
    let got = got.take();
    assert!(got.len() == 2 && got[0] == got[1], "{got:?}");
    assert!(map.is_empty());
}

/// Every task is cancelled at each of its steps, with others waiting: nothing is left, and nobody sleeps on.
#[test]
fn cancelled_anywhere() {
    for cancelled in 0..3 {
        for opened_before in [false, true] {
            let map = Registry::<u32, Arc<()>>::new();
            let value = Arc::new(());
            let gate = Gate::default();
            let mut tasks = Tasks::default();
            for _ in 0..3 {
                tasks.spawn(async {
                    let make = |_: &u32| async {
                        gate.passed().await;
                        value.clone()
                    };
                    drop(map.get_or_insert_async(1, make).await);
                });
            }
            tasks.run();
            if opened_before {
                gate.open();
            }
            tasks.cancel(cancelled);
            assert_eq!(tasks.run() == 0, opened_before);
            gate.open();
            assert_eq!(tasks.run(), 0);
            drop(tasks);
            assert!(map.is_empty());
            assert_eq!(Arc::strong_count(&value), 1);
            assert!(matches!(map.entry(1), Entry::Vacant(_)));
        }
    }
}

#[test]
fn errors_and_panics_leave_the_key_vacant() {
    let map = Registry::<u32, u32>::new();
    let gate = Gate::default();
    let results = RefCell::new(Vec::new());
    let mut tasks = Tasks::default();
    for number in 0..3 {
        let (map, gate, results) = (&map, &gate, &results);
        tasks.spawn(async move {
            let result = map
                .get_or_try_insert_async(1, |_| async {
                    gate.passed().await;
                    if number < 2 { Err(number) } else { Ok(number) }
                })
                .await;
            results.borrow_mut().push(result.map(|handle| *handle));
        });
    }
    tasks.run();
    gate.open();
    assert_eq!(tasks.run(), 0);
    assert_eq!(results.take(), [Err(0), Err(1), Ok(2)]);

    let mut waits = pin!(async { map.get_or_insert_async(2, |_| async { 2 }).await });
    let (wakes, waker) = Wakes::new();
    {
        let mut panics = pin!(map.get_or_insert_async(2, |_| async {
            let mut first = true;
            std::future::poll_fn(|_| {
                if std::mem::take(&mut first) {
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
            .await;
            panic!("constructor")
        }));
        let cx = &mut Context::from_waker(Waker::noop());
        assert!(panics.as_mut().poll(cx).is_pending());
        assert!(
            waits
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let result = catch_unwind(AssertUnwindSafe(|| panics.as_mut().poll(cx).is_ready()));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"constructor"));
    }
    assert_eq!(wakes.seen(), 1);
    let Poll::Ready(two) = waits.as_mut().poll(&mut Context::from_waker(&waker)) else {
        panic!("the place is vacant")
    };
    assert_eq!(*two, 2);
    drop(two);
    assert!(map.is_empty());
}

/// Two tasks of one thread: the one that waits is not taken for the constructor of the other.
#[test]
fn another_task_of_the_same_thread() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let map = Arc::new(Registry::<u32, u32>::new());
    let got = runtime.block_on(async {
        let made = Arc::new(AtomicUsize::new(0));
        let tasks = (0..10).map(|_| {
            let (map, made) = (map.clone(), made.clone());
            tokio::spawn(async move {
                let make = |key: &u32| {
                    let key = *key;
                    async move {
                        made.fetch_add(1, SeqCst);
                        tokio::task::yield_now().await;
                        key
                    }
                };
                *map.get_or_insert_async(1, make).await
            })
        });
        let tasks = tasks.collect::<Vec<_>>();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        (sum, made.load(SeqCst))
    });
    assert_eq!(got.0, 10);
    assert!(got.1 >= 1);
    assert!(map.is_empty());
}

fn threads() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap()
}

#[test]
fn many_tasks_on_many_threads() {
    let runtime = threads();
    let map = Arc::new(Registry::<String, usize>::new());
    let made = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let all = Arc::new(Barrier::new(50));
        let tasks = (0..50).map(|number: usize| {
            let (map, made, all) = (map.clone(), made.clone(), all.clone());
            tokio::spawn(async move {
                let key = format!("key {}", number % 3);
                let make = |key: &String| {
                    let len = key.len();
                    async move {
                        made.fetch_add(1, SeqCst);
                        tokio::task::yield_now().await;
                        len
                    }
                };
                let handle = map.get_or_insert_async(key, make).await;
                assert_eq!(*handle, 5);
                all.wait().await; // all hold theirs
                assert_eq!(map.len(), 3);
                all.wait().await;
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    assert_eq!(made.load(SeqCst), 3);
    assert!(map.is_empty());
}

/// The task that makes the object never ends, and is aborted; one of the waiters goes on.
#[test]
fn aborted_by_the_runtime() {
    let runtime = threads();
    let map = Arc::new(Registry::<u32, u32>::new());
    runtime.block_on(async {
        let begun = Arc::new(Notify::new());
        let hangs = tokio::spawn({
            let (map, begun) = (map.clone(), begun.clone());
            async move {
                let make = |_: &u32| async {
                    begun.notify_one();
                    pending::<u32>().await
                };
                map.get_or_insert_async(1, make).await
            }
        });
        begun.notified().await;
        let made = Arc::new(AtomicUsize::new(0));
        let all = Arc::new(Barrier::new(8));
        let tasks = (0..8).map(|_| {
            let (map, made, all) = (map.clone(), made.clone(), all.clone());
            tokio::spawn(async move {
                let make = |_: &u32| async {
                    made.fetch_add(1, SeqCst);
                    7
                };
                let handle = map.get_or_insert_async(1, make).await;
                all.wait().await;
                *handle
            })
        });
        let tasks = tasks.collect::<Vec<_>>();
        tokio::task::yield_now().await;
        hangs.abort();
        assert!(hangs.await.unwrap_err().is_cancelled());
        for task in tasks {
            assert_eq!(task.await.unwrap(), 7);
        }
        assert_eq!(made.load(SeqCst), 1);
    });
    assert!(map.is_empty());
}

/// A thread waits for a task, and a task for a thread.
#[test]
fn threads_and_tasks_wait_for_each_other() {
    let runtime = threads();
    let map = Registry::<u32, u32>::new();
    let gate = Notify::new();
    std::thread::scope(|scope| {
        let (map, gate) = (&map, &gate);
        let (begun, has_begun) = std::sync::mpsc::channel();
        let task = scope.spawn({
            let runtime = &runtime;
            move || {
                runtime.block_on(async {
                    let make = |_: &u32| async {
                        begun.send(()).unwrap();
                        gate.notified().await;
                        1
                    };
                    let one = map.get_or_insert_async(1, make).await;
                    // Made by a thread; waited for by a task.
                    let two = map.get_or_insert_async(2, |_| async { 2 }).await;
                    (one, two)
                })
            }
        });
        has_begun.recv().unwrap();
        let two = map.get_or_insert_with(2, |_| {
            gate.notify_one();
            2
        });
        let one = map.get_or_insert_with(1, |_| unreachable!("the task makes it"));
        assert_eq!(task.join().unwrap(), (one, two));
    });
    assert!(map.is_empty());
}

/// What may be passed as a constructor.
#[test]
fn forms_of_constructors() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    let map = Registry::<String, usize>::new();
    let cx = &mut Context::from_waker(Waker::noop());
    let mut captured = pin!(is_send(
        map.get_or_insert_async("a".into(), |_| async { 1 })
    ));
    assert!(captured.as_mut().poll(cx).is_ready());
    let mut plain = pin!(is_send(
        map.get_or_insert_async("a".into(), |key| ready(key.len()))
    ));
    assert!(plain.as_mut().poll(cx).is_ready());
}
