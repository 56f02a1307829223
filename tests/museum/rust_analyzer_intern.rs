//! rust-analyzer's crate `intern` (0.0.349): an interned value that nobody uses stays in the map.
//!
//! `Interned::drop` asks whether the count is two, the map's reference and its own. Only then does it take the lock of the
//! shard, ask again, and remove the value. The question comes before the drop's own decrement and outside the lock. So two
//! last users may both find a count of three, and neither goes on to the lock. Two threads that intern and drop the same
//! values leave one to three thousand of 300,000 in the map. (`arc_interner` has the same question under the lock.)
//!
//! ```text
//! drop                                       drop                       count
//! ----                                       ----                       -----
//! three: not the last user                                              3
//!                                            three: not the last user   3
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
        if value.count.read() == 2 {
            let shard = value.lock.lock();
            if value.count.read() == 2 {
                value.unlist(&shard);
                put(value); // the map's
            }
        }
        put(value);
    }

    #[test]
    #[should_panic(expected = "leaked")]
    fn rust_analyzer_intern_two_last_users() {
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
        user: Mutex<Option<Interned<Value, Rmw>>>,
    }

    fn drop_the_user(shared: &Values) {
        let user = shared.user.lock().unwrap().take();
        drop(user);
    }

    fn intern_and_drop(shared: &Values) {
        assert_eq!(shared.values.intern(Value::new(1)).get(), 1);
    }

    /// The decrement itself tells which drop was the last, so exactly one drop removes the value.
    #[test]
    fn rust_analyzer_intern_interner() {
        crate::check(|| {
            let values = Interner::new_in(1, OneHash);
            let user = Mutex::new(Some(values.intern(Value::new(1))));
            let shared = Arc::new(Values { values, user });
            threads(&shared, [drop_the_user as fn(&_), intern_and_drop]);
            assert!(shared.values.is_empty(), "leaked");
            drop(shared);
        });
    }
}
