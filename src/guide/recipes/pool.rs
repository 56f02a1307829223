//! Recipe: shared connections in an async program.
//!
//! A connection to a host is opened by the first task that needs it. Tasks that ask for the same host in the meantime
//! wait for it without blocking a thread, and use the same connection. It is closed when the last of them is done. If
//! opening fails or its task is cancelled, one of the tasks that wait tries again.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Handle, Registry};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//!
//! struct Connection {
//!     host: String,
//! }
//!
//! static OPENED: AtomicU32 = AtomicU32::new(0);
//!
//! async fn connect(host: String) -> Result<Connection, String> {
//!     if host.is_empty() {
//!         return Err("no host".into());
//!     }
//!     OPENED.fetch_add(1, Relaxed);
//!     tokio::task::yield_now().await; // the network
//!     Ok(Connection { host })
//! }
//!
//! static POOL: Registry<String, Connection> = Registry::new();
//!
//! async fn connection(host: &str) -> Result<Handle<String, Connection>, String> {
//!     POOL.get_or_try_insert_async(host.into(), |host| connect(host.clone())).await
//! }
//!
//! let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! runtime.block_on(async {
//!     let all = Arc::new(tokio::sync::Barrier::new(10));
//!     let tasks: Vec<_> = (0..10)
//!         .map(|_| {
//!             let all = all.clone();
//!             tokio::spawn(async move {
//!                 let connection = connection("localhost").await.unwrap();
//!                 all.wait().await; // all ten use it
//!                 connection.host.len()
//!             })
//!         })
//!         .collect();
//!     for task in tasks {
//!         assert_eq!(task.await.unwrap(), 9);
//!     }
//!     assert!(connection("").await.is_err());
//! });
//! assert_eq!(OPENED.load(Relaxed), 1);
//! assert!(POOL.is_empty()); // closed with its last user
//! # }
//! ```
//!
//! - No runtime is needed: the futures work with every executor.
//! - To keep idle connections for a while, [keep the last of them](super::keep).
//! - To hand the place to a task that opens the connection in the background, use
//!   [`Registry::entry`](crate::Registry::entry): a [`Reservation`](crate::registry::Reservation) may be sent there, and
//!   [`Pending`](crate::registry::Pending) is a future.
