//! Wakers and executors for the tests.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that counts.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (wakes.clone(), wakes.into())
    }

    pub fn seen(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A waker that does something.
pub struct WakeWith<F>(pub F);

impl<F: Fn() + Send + Sync + 'static> Wake for WakeWith<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

pub fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Several tasks on the calling thread, polled in turn when they were woken.
#[derive(Default)]
pub struct Tasks<'a> {
    tasks: Vec<Task<'a>>,
}

struct Task<'a> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 'a>>>,
    woken: Arc<Wakes>,
    seen: usize,
}

impl<'a> Tasks<'a> {
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'a) -> usize {
        self.tasks.push(Task {
            future: Some(Box::pin(future)),
            woken: Arc::new(Wakes(1.into())), // to be polled at first
            seen: 0,
        });
        self.tasks.len() - 1
    }

    /// Drops a task.
    pub fn cancel(&mut self, number: usize) {
        self.tasks[number].future = None;
    }

    /// Polls until nobody is woken any more; returns how many tasks have not ended.
    pub fn run(&mut self) -> usize {
        loop {
            let mut has_polled = false;
            for task in &mut self.tasks {
                let woken = task.woken.seen();
                let Some(future) = &mut task.future else {
                    continue;
                };
                if woken == task.seen {
                    continue;
                }
                task.seen = woken;
                has_polled = true;
                let waker = Waker::from(task.woken.clone());
                if future
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_ready()
                {
                    task.future = None;
                }
            }
            if !has_polled {
                return self
                    .tasks
                    .iter()
                    .filter(|task| task.future.is_some())
                    .count();
            }
        }
    }
}

/// A gate that tasks of one thread wait at until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Rc<RefCell<(bool, VecDeque<Waker>)>>);

impl Gate {
    pub fn open(&self) {
        let wakers = {
            let mut gate = self.0.borrow_mut();
            gate.0 = true;
            std::mem::take(&mut gate.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub async fn passed(&self) {
        std::future::poll_fn(|cx| {
            let mut gate = self.0.borrow_mut();
            if gate.0 {
                return Poll::Ready(());
            }
            gate.1.push_back(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
