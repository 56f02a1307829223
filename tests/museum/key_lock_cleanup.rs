//! orch#2613, wt-dead#165: a lock for each key, whose clean-up never runs.
//!
//! A map from keys to `Arc<Mutex<()>>` is cleaned up by the user of a lock when it is done: `if Arc::strong_count(&lock) == 1`,
//! remove the key. But the map has a reference too, and the user's own is still there, so the count is at least two when
//! the question is asked. The map grows with every key that was ever locked. It takes no second thread.

use crate::backend::Rmw;

mod wrong {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    type Locks = Mutex<HashMap<u32, Arc<Mutex<()>>>>;

    fn with_lock(locks: &Locks, key: u32, f: impl FnOnce()) {
        let lock = locks.lock().unwrap().entry(key).or_default().clone();
        let held = lock.lock().unwrap();
        f();
        drop(held);
        if Arc::strong_count(&lock) == 1 {
            locks.lock().unwrap().remove(&key);
        }
    }

    #[test]
    #[should_panic(expected = "every key that was ever used is left")]
    fn key_lock_cleanup_never_runs() {
        let locks = Locks::default();
        (0..10).for_each(|key| with_lock(&locks, key, || ()));
        let left = locks.lock().unwrap().len();
        assert_eq!(left, 0, "every key that was ever used is left");
    }
}

mod ours {
    use super::*;
    use crate::maps::OneHash;
    use kref::Registry;
    use loom::sync::{Arc, Mutex};

    use crate::object::threads;

    type Locks = Registry<u32, Mutex<()>, OneHash, Rmw>;

    fn lock_and_unlock(locks: &Locks) {
        let lock = locks.get_or_insert_with(7, |_| Mutex::new(()));
        drop(lock.lock().unwrap());
    }

    /// The registry holds no reference, so the last user of a lock ends it.
    #[test]
    fn key_lock_cleanup_registry() {
        crate::check_bounded(|| {
            let locks = Arc::new(Locks::new_in(1, OneHash));
            threads(&locks, [lock_and_unlock as fn(&_), lock_and_unlock]);
            assert!(locks.is_empty());
            drop(locks);
        });
    }
}
