//! The crate arc-interner, 0.7.0: an unused interned value is never forgotten.
//!
//! It is an interner without unsafe code: the map has a clone of each value's `Arc`. A drop takes the
//! lock, and if the count is two, the map's and its own, removes the value. Its own `Arc` is dropped
//! after that, when the lock is free again. So two last users may both find a count of three.
//!
//! ```text
//! drop                                       drop                       count
//! ----                                       ----                       -----
//! lock, three: leave it, unlock                                         3
//!                                            lock, three: leave it,
//!                                            unlock                     3
//! decrement                                                             2
//!                                            decrement                  1, the map's
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

    fn put(value: &Value) {
        if value.count.put() {
            value.free();
        }
    }

    fn drop_it(value: &Value) {
        let map = value.lock.lock();
        if value.count.read() == 2 {
            value.unlist(&map);
            put(value); // the map's
        }
        drop(map);
        put(value);
    }

    #[test]
    #[should_panic(expected = "leaked")]
    fn arc_interner_two_last_users() {
        crate::check(|| {
            let value = Value::new(Plain::new(3));
            threads(&value, [drop_it as fn(&_), drop_it]);
            value.assert_freed();
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
        users: Mutex<Vec<Interned<Value, Rmw>>>,
    }

    fn drop_one(shared: &Values) {
        let one = shared.users.lock().unwrap().pop();
        drop(one);
    }

    /// The map has no reference. The thread that drops the last one is told so by the decrement
    /// itself.
    #[test]
    fn arc_interner_interner() {
        crate::check(|| {
            let values = Interner::new_in(1, OneHash);
            let user = values.intern(Value::new(1));
            let users = Mutex::new(vec![user.clone(), user]);
            let shared = Arc::new(Values { values, users });
            threads(&shared, [drop_one as fn(&_), drop_one]);
            assert!(shared.values.is_empty(), "leaked");
            drop(shared);
        });
    }
}
