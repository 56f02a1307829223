//! Recipe: a queue of jobs with a sleeping consumer, and an orderly shutdown.
//!
//! Producers push without a lock. The push tells whether the list was empty, so that only the first producer after a
//! pause wakes the consumer. At shutdown no job is lost.
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use kref::LList;
//! use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
//! use std::thread::{self, Thread};
//!
//! type Job = Box<dyn FnOnce() + Send>;
//!
//! struct Queue {
//!     jobs: LList<Job>,
//!     closing: AtomicBool,
//! }
//!
//! impl Queue {
//!     fn push(&self, worker: &Thread, job: impl FnOnce() + Send + 'static) {
//!         if self.jobs.push(Box::new(job)) {
//!             worker.unpark(); // the list was empty: the worker may be asleep
//!         }
//!     }
//!
//!     fn work(&self) {
//!         loop {
//!             // Read before the list is taken: all jobs are pushed before the flag is set.
//!             let closing = self.closing.load(Ordering::Acquire);
//!             let batch = self.jobs.take_all();
//!             if batch.is_empty() {
//!                 if closing {
//!                     return; // no job is left, and none will come
//!                 }
//!                 thread::park(); // a push after `take_all` has left a token, so this returns at once then
//!                 continue;
//!             }
//!             for job in batch.reverse() {
//!                 job(); // oldest first
//!             }
//!         }
//!     }
//!
//!     /// Call it after the last push.
//!     fn close(&self, worker: &Thread) {
//!         // Release: pairs with the Acquire in `work`, so that the worker's next `take_all` finds all jobs.
//!         self.closing.store(true, Ordering::Release);
//!         worker.unpark();
//!     }
//! }
//!
//! static QUEUE: Queue = Queue { jobs: LList::new(), closing: AtomicBool::new(false) };
//! static SUM: AtomicU64 = AtomicU64::new(0);
//!
//! let worker = thread::spawn(|| QUEUE.work());
//! thread::scope(|scope| {
//!     for n in 1..=4 {
//!         let worker = worker.thread();
//!         scope.spawn(move || {
//!             for _ in 0..100 {
//!                 QUEUE.push(worker, move || { SUM.fetch_add(n, Ordering::Relaxed); });
//!             }
//!         });
//!     }
//! }); // all producers are done
//! QUEUE.close(worker.thread());
//! worker.join().unwrap();
//! assert_eq!(SUM.load(Ordering::Relaxed), 1000);
//! # }
//! ```
//!
//! - A job that panics ends the worker. Wrap the call in `catch_unwind` if the others should still run; a
//!   [`Chain`](crate::llist::Chain) that is dropped drops its remaining values.
//! - With several workers, each takes a whole batch. If that balances the load badly, hand out the batch one job at a
//!   time through a channel.
//! - If waking is expensive and the worker is mostly awake, let the worker set a flag before it sleeps, and let
//!   producers check the flag first: [the wake-up edge](crate::llist#the-wake-up-edge) shows the order that this needs.
