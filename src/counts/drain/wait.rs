//! The waiters: threads, and tasks.
#![forbid(unsafe_code)]

use core::fmt;
use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;
use std::thread::{self, Thread};
use std::time::Instant;

use super::Drain;
use crate::atomic::{Backend, Native};

/// A future that is ready when its [`Drain`] is drained. [`Drain::drained`] makes it.
///
/// When it is dropped, the drain forgets it.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Drained<'a, B: Backend = Native> {
    pub(super) drain: &'a Drain<B>,
    pub(super) number: Option<u64>,
}

impl<B: Backend> Drain<B> {
    pub(super) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        struct Unpark(Thread);

        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        if self.is_drained() {
            return true;
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut drained = pin!(self.drained());
        // It may be woken for nothing, here and in `park`.
        while drained
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
        {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => thread::park_timeout(left),
            }
        }
        true
    }
}

impl<B: Backend> Future for &Drain<B> {
    type Output = ();

    /// Is ready when there are no tokens at the moment of a poll. See [`Drain::drained`].
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.get() {
            None => Poll::Ready(()),
            Some(shared) => shared.poll(context.waker(), None),
        }
    }
}

impl<B: Backend> Future for Drained<'_, B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let drain = self.drain;
        match drain.get() {
            None => Poll::Ready(()),
            Some(shared) => shared.poll(context.waker(), Some(&mut self.number)),
        }
    }
}

impl<B: Backend> Drop for Drained<'_, B> {
    fn drop(&mut self) {
        if let (Some(number), Some(shared)) = (self.number, self.drain.get()) {
            shared.forget(number);
        }
    }
}

impl<B: Backend> fmt::Debug for Drained<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drained").field(self.drain).finish()
    }
}
