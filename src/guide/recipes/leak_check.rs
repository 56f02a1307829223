//! Recipe: a test suite that fails when an object leaks.
//!
//! A test that passes says nothing about the references that it leaves behind. Begin each test with a check. The test
//! then fails if an object that it made is alive at its end, and the message says who holds it.
//!
//! In `Cargo.toml`, for the tests only:
//!
//! ```toml
//! [dev-dependencies]
//! kref = { version = "0.1", features = ["track"] }
//! ```
//!
//! ```
//! # #[cfg(feature = "track")] {
//! use std::panic::catch_unwind;
//!
//! use kref::{Handle, Registry, track};
//!
//! /// What is tested: a cache that keeps the last object that was asked for.
//! struct Cache {
//!     objects: Registry<u32, String>,
//!     last: Option<Handle<u32, String>>,
//! }
//!
//! impl Cache {
//!     fn get(&mut self, key: u32) -> &str {
//!         let object = self.objects.get_or_insert_with(key, |key| format!("object {key}"));
//!         self.last.insert(object)
//!     }
//! }
//!
//! fn a_test(leaks: bool) {
//!     let _check = track::assert_all_dropped(); // the first variable is dropped last
//!     let mut cache = Cache { objects: Registry::new(), last: None };
//!     assert_eq!(cache.get(7), "object 7");
//!     if leaks {
//!         std::mem::forget(cache);
//!     }
//! }
//!
//! a_test(false);
//! let panic = catch_unwind(|| a_test(true)).unwrap_err();
//! let message = panic.downcast_ref::<String>().unwrap();
//! assert!(message.starts_with("not all was dropped: 1 object held by 1\n1 holder of "), "{message}");
//! # }
//! ```
//!
//! - The check is about the objects that its own thread makes. Tests that run side by side do not disturb it. For a test whose threads make the objects:
//!   `assert_all_dropped().of_all_threads()`, in a test binary of its own.
//! - A `static` registry is no leak: the check looks for objects that are held, and a registry holds none.
//! - An object that is kept on purpose is made before the check, or dropped before it. [`AllDropped::left`](crate::track::AllDropped::left) gives the report
//!   without failing.
//! - If the line does not say enough, because one function takes all references, give tags ([`Handle::clone_for`](crate::Handle::clone_for)), or ask for backtraces
//!   ([`capture_backtraces`](crate::track::capture_backtraces)).
//! - A program can do the same at its end: [`ReportLeft`](crate::track::ReportLeft) around a registry tells a function of yours what is left.
