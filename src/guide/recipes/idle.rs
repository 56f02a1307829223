//! Recipe: visit all live objects, and remove those that were idle for long.
//!
//! A registry drops unused objects by itself. This recipe is about objects that are still in use, for example by a connection
//! that is open, and that new users should no longer find.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Handle, Registry};
//! use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
//!
//! struct Worker {
//!     last_used: AtomicU64, // in ticks of some clock
//! }
//!
//! fn use_at(now: u64, worker: &Worker) {
//!     // Relaxed: a number to compare, which publishes nothing.
//!     worker.last_used.store(now, Relaxed);
//! }
//!
//! let workers = Registry::<u32, Worker>::new();
//! let make = |_: &u32| Worker { last_used: 0.into() };
//! let held = [1, 2, 3].map(|number| workers.get_or_insert_with(number, make));
//! use_at(10, &held[0]);
//! use_at(90, &held[1]);
//!
//! // All that are alive, one after another, with no lock held in between.
//! for worker in &workers {
//!     println!("{}: {}", Handle::key(&worker), worker.last_used.load(Relaxed));
//! }
//!
//! // Remove the workers that were not used since 50. A holder of a handle keeps its worker.
//! let removed = workers.unlist_if(|_, worker| worker.last_used.load(Relaxed) < 50);
//! assert_eq!(removed, 2);
//! assert!(workers.get(&2).is_some() && workers.get(&3).is_none());
//! assert!(!Handle::is_listed(&held[2])); // how its user can tell
//! # }
//! ```
//!
//! - What is guaranteed while other threads change the registry: [`Registry::iter`](crate::Registry::iter).
//! - A worker may be used between the condition and its removal. If that matters, let the user look at
//!   [`Handle::is_listed`](crate::Handle::is_listed) after it has marked the worker as used, and enter again if it is not.
