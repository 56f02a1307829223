//! Linux commit 0ed8f619b412: a tracked connection is taken for the one that was there before.
//!
//! Connections lie in type-stable memory (`SLAB_TYPESAFE_BY_RCU`): a lookup without a lock may find one
//! that was freed and is another by now. So it takes a reference unless the count is zero, and then
//! looks again: is it the key, is it confirmed? When the count became a `refcount_t` (719774377622), the
//! increment lost its ordering: `refcount_inc_not_zero` has only a control dependency, which does not
//! keep the later *loads* behind it, and `refcount_set(1)` none at all. On ARM the lookup read the
//! confirmed bit of the connection before, and used one that was not in the table yet. The repair is an
//! acquire barrier after the increment and a write barrier before the set.
//!
//! ```text
//! new connection, in recycled memory         lookup                     count
//! ----------------------------------         -------                    -----
//! clear the confirmed bit
//! count = 1                                                             1
//!                                            get unless zero            2
//!                                            read the bit: still set,
//!                                            as nothing orders the two
//! ```

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};

use kref::RefCount;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;

use crate::backend::Rmw;
use crate::object::threads;

/// A connection's memory. Its last owner was confirmed; it has no owner now.
struct Connection<C> {
    count: C,
    confirmed: AtomicBool,
}

impl<C> Connection<C> {
    fn new(count: C) -> Arc<Self> {
        Arc::new(Self {
            count,
            confirmed: AtomicBool::new(true),
        })
    }

    /// The second look, with a reference.
    fn look_again(&self) {
        // Relaxed: what orders it is to be the increment.
        let confirmed = self.confirmed.load(Relaxed);
        assert!(!confirmed, "the bit of the connection before");
    }
}

mod wrong {
    use super::*;
    use kref::atomic::{Atomic, AtomicExt, Backend};

    type Recycled = Connection<<Rmw as Backend>::U32>;

    fn create(connection: &Recycled, order: Ordering) {
        connection.confirmed.store(false, Relaxed);
        connection.count.store(1, order);
    }

    fn look_up(connection: &Recycled, order: Ordering) {
        if connection.count.inc_not_zero(order) {
            connection.look_again();
        }
    }

    #[test]
    #[should_panic(expected = "the bit of the connection before")]
    fn conntrack_0ed8f619b412_get_without_acquire() {
        crate::check(|| {
            let connection = Recycled::new(Atomic::new(0));
            threads(
                &connection,
                [(|c| create(c, Release)) as fn(&_), |c| look_up(c, Relaxed)],
            );
        });
    }

    #[test]
    #[should_panic(expected = "the bit of the connection before")]
    fn conntrack_0ed8f619b412_set_without_release() {
        crate::check(|| {
            let connection = Recycled::new(Atomic::new(0));
            threads(
                &connection,
                [(|c| create(c, Relaxed)) as fn(&_), |c| look_up(c, Acquire)],
            );
        });
    }
}

mod ours {
    use super::*;

    type Recycled = Connection<RefCount<Rmw>>;

    fn create(connection: &Recycled) {
        connection.confirmed.store(false, Relaxed);
        connection.count.set_release(1);
    }

    fn look_up(connection: &Recycled) {
        if connection.count.inc_not_zero() {
            connection.look_again();
        }
    }

    /// There is one `inc_not_zero`, and it is Acquire.
    #[test]
    fn conntrack_0ed8f619b412_inc_not_zero_is_acquire() {
        crate::check(|| {
            let connection = Recycled::new(RefCount::new_in(0));
            threads(&connection, [create as fn(&_), look_up]);
        });
    }
}
