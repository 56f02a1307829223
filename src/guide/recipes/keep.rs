//! Recipe: a cache that keeps the objects that were used last.
//!
//! A registry is no cache: an unused object is gone. A handle in a bounded list delays its end. That is how the
//! kernel's directory cache works: an unused entry goes to a list, and the oldest entries of the list are dropped. The
//! registry need not know of the list; a bounded LRU from another crate (`lru` here) will do.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::{Handle, Registry};
//! use lru::LruCache;
//! use std::num::NonZeroUsize;
//! use std::sync::Mutex;
//!
//! struct Pages {
//!     live: Registry<u64, String>,
//!     kept: Mutex<LruCache<u64, Handle<u64, String>>>,
//! }
//!
//! impl Pages {
//!     fn new(keep: NonZeroUsize) -> Self {
//!         Self { live: Registry::new(), kept: Mutex::new(LruCache::new(keep)) }
//!     }
//!
//!     fn get(&self, number: u64, read: impl FnOnce(&u64) -> String) -> Handle<u64, String> {
//!         let page = self.live.get_or_insert_with(number, read); // other threads that want it wait for `read`
//!         let dropped = self.kept.lock().unwrap().push(number, page.clone());
//!         drop(dropped); // a statement of its own: destructors run with the list unlocked
//!         page
//!     }
//! }
//!
//! let pages = Pages::new(NonZeroUsize::new(2).unwrap());
//! for number in [1, 2, 1] {
//!     drop(pages.get(number, |number| format!("page {number}")));
//! }
//! pages.get(1, |_| unreachable!("it is kept"));
//! drop(pages.get(3, |_| "page 3".into())); // 2 is the oldest
//! assert!(pages.live.get(&2).is_none() && pages.live.get(&1).is_some());
//!
//! let one = pages.get(1, |_| unreachable!());
//! drop([4, 5].map(|number| pages.get(number, |_| "more".into())));
//! assert!(pages.live.get(&1).is_some()); // not kept any more, and still in use
//! # drop(one);
//! # }
//! ```
//!
//! - This list is written by every access. To pay for it only when an object goes out of use, push where users
//!   give their handles back, as the example `dentry_cache` does with `--keep N`; it prints the hits without and with it.
//! - Under memory pressure, drop the list or a part of it: what is in use stays.
//! - The list may be any collection of handles. The registry knows nothing of it. So a cache by time or by size works in the
//!   same way.
