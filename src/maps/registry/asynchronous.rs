//! `get_or_insert_async`: constructors that are futures.

#![forbid(unsafe_code)]

use core::future::Future;
use core::hash::{BuildHasher, Hash};

use super::{Entry, Handle, Registry, Reservation};
use crate::lock::LockBackend;

impl<K: Eq + Hash, V, S: BuildHasher, B: LockBackend> Registry<K, V, S, B> {
    /// Returns the object with this key. If the key is absent, the future that `make` returns makes
    /// the object.
    ///
    /// The asynchronous form of [`get_or_insert_with`](Self::get_or_insert_with), for any executor. One task at a time makes
    /// the object; other tasks that want the same key wait for it without blocking their thread, and get the same object. If
    /// the object is there, neither the registry nor the future waits.
    ///
    /// The future of `make` cannot borrow the key, as its type would be another for each borrow: clone what it needs, or use
    /// [`entry`](Self::entry), whose reservation lends the key for as long as you like.
    ///
    /// # Cancellation
    ///
    /// Dropping the returned future at any point leaves nothing behind. If it was making the object, the key is vacant, and one of the tasks and
    /// threads that wait makes its own. The same happens if `make` or its future panics.
    ///
    /// # Deadlocks
    ///
    /// A constructor that awaits its own key waits for itself, without a panic: other tasks of the thread may well wait for
    /// that key. While a task makes an object, do not ask for its key on the thread of the task by a method that
    /// blocks ([`get_or_insert_with`](Self::get_or_insert_with), [`try_insert`](Self::try_insert),
    /// [`Pending::wait`](super::Pending::wait)): the thread would wait for its own task.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// struct Connection(String);
    ///
    /// async fn connect(host: String) -> Connection {
    ///     Connection(format!("connected to {host}"))
    /// }
    ///
    /// # async fn example() {
    /// let pool = Registry::<String, Connection>::new();
    /// let one = pool.get_or_insert_async("localhost".into(), |host| connect(host.clone())).await;
    /// assert_eq!(one.0, "connected to localhost");
    /// # }
    /// # let future = std::pin::pin!(example());
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # use std::future::Future;
    /// # assert!(future.poll(&mut cx).is_ready());
    /// ```
    pub async fn get_or_insert_async<F, Fut>(&self, key: K, make: F) -> Handle<K, V, B>
    where
        F: FnOnce(&K) -> Fut,
        Fut: Future<Output = V>,
    {
        match self.claim(key).await {
            Ok(handle) => {
                // Not after the handle was returned, which would leak if this panics.
                drop(make);
                handle
            }
            Err(reservation) => {
                let value = make(reservation.key()).await;
                reservation.fulfil(value)
            }
        }
    }

    /// Returns the object with this key. If the key is absent, the future that `make` returns makes the object, and
    /// may fail.
    ///
    /// As [`get_or_insert_async`](Self::get_or_insert_async).
    ///
    /// # Errors
    ///
    /// Returns the error of the future; the key is vacant then, and one of the waiting tasks or threads makes
    /// its own object.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Registry;
    ///
    /// # async fn example() {
    /// let pool = Registry::<String, u32>::new();
    /// let refused = pool.get_or_try_insert_async("nowhere".into(), |_| async { Err("refused") }).await;
    /// assert_eq!(refused, Err("refused"));
    /// assert!(pool.is_empty());
    /// # }
    /// # let future = std::pin::pin!(example());
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # use std::future::Future;
    /// # assert!(future.poll(&mut cx).is_ready());
    /// ```
    pub async fn get_or_try_insert_async<F, Fut, E>(
        &self,
        key: K,
        make: F,
    ) -> Result<Handle<K, V, B>, E>
    where
        F: FnOnce(&K) -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        match self.claim(key).await {
            Ok(handle) => {
                // Not after the handle was returned, which would leak if this panics.
                drop(make);
                Ok(handle)
            }
            Err(reservation) => {
                let value = make(reservation.key()).await?;
                Ok(reservation.fulfil(value))
            }
        }
    }

    /// Waits until there is an object with this key, or its place is the caller's.
    async fn claim(&self, key: K) -> Result<Handle<K, V, B>, Reservation<'_, K, V, B>> {
        let mut entry = self.entry(key);
        loop {
            let mut pending = match entry {
                Entry::Occupied(handle) => return Ok(handle),
                Entry::Vacant(reservation) => return Err(reservation),
                Entry::Busy(pending) => pending,
            };
            entry = match (&mut pending).await {
                Some(handle) => Entry::Occupied(handle),
                // It is over, so that this does not wait.
                None => pending.retry(),
            };
        }
    }
}
