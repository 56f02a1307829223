//! Recipe: a model test of your own code over these types.
//!
//! A model test runs a piece of concurrent code in *all* interleavings of its threads. With the feature `loom`, the
//! types of this crate run over [loom](https://crates.io/crates/loom)'s atomics: write your type generic over the
//! [`Backend`](crate::atomic::Backend), with the processor's atomics as the default, and use `atomic::Loom` in the test.
//!
//! ```toml
//! [dependencies]
//! kref = "0.1"
//!
//! [dev-dependencies]
//! kref = { version = "0.1", features = ["loom"] }
//! loom = "0.7"
//! ```
//!
//! The code under test counts free places, and gives one back when it is dropped:
//!
//! ```
//! use kref::atomic::{Atomic, AtomicExt, AtomicInt, Backend, Native};
//! use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
//!
//! /// At most so many permits at a time.
//! pub struct Limit<B: Backend = Native> {
//!     free: B::U32,
//! }
//!
//! impl<B: Backend> Limit<B> {
//!     pub fn new_in(free: u32) -> Self {
//!         Self { free: Atomic::new(free) }
//!     }
//!
//!     pub fn take(&self) -> bool {
//!         // Acquire: pairs with the Release in `give_back`, so that this use of the place comes after the last one.
//!         self.free.dec_if_positive(Acquire).is_ok()
//!     }
//!
//!     pub fn give_back(&self) {
//!         // Release: pairs with the Acquire in `take`.
//!         self.free.fetch_add(1, Release);
//!     }
//! }
//!
//! // In the program: `Limit`, over the processor's atomics.
//! let limit = Limit::<Native>::new_in(1);
//! assert!(limit.take());
//! assert!(!limit.take());
//! limit.give_back();
//! assert!(limit.take());
//! # let _ = Relaxed;
//! ```
//!
//! And its model, an ordinary test. `loom::cell::UnsafeCell` stands for what the place protects: loom reports two
//! accesses that are not ordered.
//!
#![cfg_attr(feature = "loom", doc = "```")]
#![cfg_attr(not(feature = "loom"), doc = "```rust,no_run")]
//! # #[cfg(feature = "loom")] mod model {
//! # use kref::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
//! # use std::sync::atomic::Ordering::{Acquire, Release};
//! # pub struct Limit<B: Backend> { free: B::U32 }
//! # impl<B: Backend> Limit<B> {
//! #     fn new_in(free: u32) -> Self { Self { free: Atomic::new(free) } }
//! #     fn take(&self) -> bool { self.free.dec_if_positive(Acquire).is_ok() }
//! #     fn give_back(&self) { self.free.fetch_add(1, Release); }
//! # }
//! use kref::atomic::Loom;
//! use loom::cell::UnsafeCell;
//! use loom::sync::Arc;
//! use loom::thread;
//!
//! # pub
//! fn one_place_is_used_by_one_thread_at_a_time() {
//!     loom::model(|| {
//!         let place = Arc::new((Limit::<Loom>::new_in(1), UnsafeCell::new(0)));
//!         let use_it = |place: &(Limit<Loom>, UnsafeCell<u32>)| {
//!             if place.0.take() {
//!                 // SAFETY: the only place is ours.
//!                 place.1.with_mut(|value| unsafe { *value += 1 });
//!                 place.0.give_back();
//!             }
//!         };
//!         let other = place.clone();
//!         let other = thread::spawn(move || use_it(&other));
//!         use_it(&place);
//!         other.join().unwrap();
//!     });
//! }
//! # }
//! # #[cfg(feature = "loom")] model::one_place_is_used_by_one_thread_at_a_time();
//! ```
//!
//! - Make the Acquire Relaxed, and the model fails: always see a model fail before you trust it.
//! - Two threads and a few operations each are enough to find most mistakes. With three threads set
//!   `preemption_bound` to 2 or 3.
//! - `tests/dependent` in the repository is such a crate, with a [`Registry`](crate::Registry) in it.
