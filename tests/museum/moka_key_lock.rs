//! moka 0.12.16, `key_lock.rs`: a lock for each key, removed while it is in use.
//!
//! A concurrent map has one lock for each key that is being written. The last user of a lock removes it: its destructor
//! reads the count of the `Arc` in the map, and if that is two at most (the map's and its own), removes the entry. The count
//! is read without anything that keeps others from taking the lock out of the map in between. A thread that does so then
//! holds a lock that is not in the map any more, and the next thread makes a second one.
//!
//! ```text
//! drop                                another thread                        locks of the key
//! ----                                --------------                        ----------------
//! the count is two: remove it                                               a
//!                                     find a, clone it                      a
//! remove the entry                                                          (none)
//!                                     not found: make b                     b
//!                                     a and b are both locks of this key
//! ```

use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

mod wrong {
    use super::*;
    use crate::plain::Plain;
    use loom::sync::Mutex;

    /// The entry of one key: which of the two locks is in the map.
    struct Locks {
        entry: Mutex<Option<usize>>,
        counts: [Plain; 2],
    }

    impl Locks {
        /// Finds the lock of the key, or makes one.
        fn key_lock(&self) -> usize {
            let mut entry = self.entry.lock().unwrap();
            let lock = *entry.get_or_insert(1);
            self.counts[lock].get();
            lock
        }

        fn drop_key_lock(&self, lock: usize) {
            if self.counts[lock].read() <= 2 {
                *self.entry.lock().unwrap() = None;
                let _ = self.counts[lock].put(); // the map's
            }
            let _ = self.counts[lock].put();
        }
    }

    fn release(locks: &Locks) {
        locks.drop_key_lock(0);
    }

    fn lock_twice(locks: &Locks) {
        let one = locks.key_lock();
        let other = locks.key_lock();
        assert_eq!(one, other, "two locks of one key");
    }

    #[test]
    #[should_panic(expected = "two locks of one key")]
    fn moka_key_lock_is_removed_in_use() {
        crate::check(|| {
            let locks = Arc::new(Locks {
                entry: Mutex::new(Some(0)),
                counts: [Plain::new(2), Plain::new(1)], // the map's, and one user of the first
            });
            threads(&locks, [release as fn(&_), lock_twice]);
        });
    }
}

mod ours {
    use super::*;
    use crate::maps::OneHash;
    use kref::{Handle, Registry};
    use std::sync::Mutex;

    type Lock = Handle<u32, (), Rmw>;

    struct Locks {
        locks: Registry<u32, (), OneHash, Rmw>,
        user: Mutex<Option<Lock>>,
    }

    fn release(locks: &Locks) {
        let user = locks.user.lock().unwrap().take();
        drop(user);
    }

    fn lock_twice(locks: &Locks) {
        let one = locks.locks.get_or_insert_with(7, |_| ());
        let other = locks.locks.get_or_insert_with(7, |_| ());
        assert!(Handle::ptr_eq(&one, &other), "two locks of one key");
    }

    /// A handle that was found is in the registry, or the lookup makes another object; both under the lock.
    #[test]
    fn moka_key_lock_registry() {
        crate::check_bounded(|| {
            let locks = Registry::new_in(1, OneHash);
            let user = Mutex::new(Some(locks.get_or_insert_with(7, |_| ())));
            let shared = Arc::new(Locks { locks, user });
            threads(&shared, [release as fn(&_), lock_twice]);
            assert!(shared.locks.is_empty(), "leaked");
            drop(shared);
        });
    }
}
