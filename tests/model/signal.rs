//! A waker for the models.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::{Condvar, Mutex};

/// Wakes by a condition variable: loom's `unpark` also ends a `join`, which fails then.
#[derive(Default)]
pub struct Signal(Mutex<bool>, Condvar);

impl Signal {
    /// Blocks until it is set, and clears it.
    pub fn wait(&self) {
        let mut is_set = self.0.lock().unwrap();
        while !*is_set {
            is_set = self.1.wait(is_set).unwrap();
        }
        *is_set = false;
    }

    pub fn set(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

/// Blocks until the future is ready. Loom reports a deadlock if it is not woken.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => signal.wait(),
        }
    }
}
