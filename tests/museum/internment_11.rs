//! droundy/internment#11 (2020), RUSTSEC-2020-0017: `ArcIntern` frees a value that was found again.
//!
//! The drop decremented the count outside the mutex and took it, at zero, to remove the value and free
//! it; `new` found the value under the mutex and incremented. Repaired in 0.4.0.
//!
//! ```text
//! drop                                       new                        count
//! ----                                       ---                        -----
//! 1 -> 0                                                                0
//!                                            lock, find, increment      1
//!                                            unlock
//! lock, remove, unlock, free
//!                                            use the value
//! ```
//!
//! The repair that suggests itself is to look at the count again when the mutex is held. It was proposed,
//! and rightly refused, in the issue: two drops may both be on their way to the mutex.
//!
//! ```text
//! drop                                       new, then drop             count
//! ----                                       --------------             -----
//! 1 -> 0                                                                0
//!                                            lock, increment, unlock    1
//!                                            1 -> 0                     0
//!                                            lock, zero: remove, unlock, free
//! lock, read the count of freed memory
//! ```

use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

mod wrong {
    use super::*;
    use crate::object::{Mutex, World};
    use crate::plain::Plain;
    use kref::lock::Lock;

    type Value = World<Plain, Mutex>;

    /// Finds the value, and keeps it.
    fn new(value: &Value) -> bool {
        let map = value.lock.lock();
        let found = value.is_listed(&map);
        if found {
            value.count.get();
            drop(map);
            value.touch();
        }
        found
    }

    fn put(value: &Value) {
        if value.count.put() {
            let map = value.lock.lock();
            value.unlist(&map);
            drop(map);
            value.free();
        }
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn internment_11_found_when_dead() {
        fn find(value: &Value) {
            new(value);
        }
        crate::check(|| {
            let value = Value::new(Plain::new(1));
            threads(&value, [put as fn(&_), find]);
        });
    }

    fn put_and_look_again(value: &Value) {
        if value.count.put() {
            let map = value.lock.lock();
            if value.count.read() == 0 {
                value.unlist(&map);
                drop(map);
                value.free();
            }
        }
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn internment_11_looked_at_again() {
        fn find_and_put(value: &Value) {
            if new(value) {
                put_and_look_again(value);
            }
        }
        crate::check(|| {
            let value = Value::new(Plain::new(1));
            threads(&value, [put_and_look_again as fn(&_), find_and_put]);
        });
    }
}

mod ours {
    use super::*;
    use crate::maps::{OneHash, Value};
    use kref::{Interned, Interner};
    use std::sync::Mutex;

    struct Values {
        values: Interner<Value, OneHash, Rmw>,
        first: Mutex<Option<Interned<Value, Rmw>>>,
    }

    fn drop_first(shared: &Values) {
        let first = shared.first.lock().unwrap().take();
        drop(first);
    }

    fn new_then_drop(shared: &Values) {
        assert_eq!(shared.values.intern(Value::new(1)).get(), 1);
    }

    #[test]
    fn internment_11_interner() {
        crate::check(|| {
            let values = Interner::new_in(1, OneHash);
            let first = Mutex::new(Some(values.intern(Value::new(1))));
            let shared = Arc::new(Values { values, first });
            threads(&shared, [drop_first as fn(&_), new_then_drop]);
            assert!(shared.values.is_empty());
            drop(shared);
        });
    }
}
