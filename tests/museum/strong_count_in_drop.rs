//! `if Arc::strong_count(&self.inner) == 1 { clean up }` in `Drop`: nobody cleans up.
//!
//! A handle has an `Arc`, and its destructor does what the last handle has to do, if the count says
//! that this is the last. But the destructor's own reference is dropped *after* its body: two last
//! handles both see two, and neither does it. Found in asterinas#671 (a page of memory is never given
//! back), reth#17823 (a storage lock), Warp#423, rbx-dom#350 and others. The repair is to give the clean-up
//! to the destructor of what is shared; or to ask the decrement itself.
//!
//! ```text
//! drop                                       drop                       count
//! ----                                       ----                       -----
//! two: not the last                                                     2
//!                                            two: not the last          2
//! decrement                                                             1
//!                                            decrement                  0
//! ```

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

/// How often the clean-up was done.
struct CleanUps(AtomicU32);

impl CleanUps {
    fn clean_up(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn assert_one(&self) {
        assert_eq!(self.0.load(Relaxed), 1, "clean-ups by two handles");
    }
}

mod wrong {
    use super::*;
    use crate::plain::Plain;

    struct Inner {
        strong: Plain,
        clean_ups: CleanUps,
    }

    fn drop_handle(inner: &Inner) {
        if inner.strong.read() == 1 {
            inner.clean_ups.clean_up();
        }
        let _ = inner.strong.put();
    }

    #[test]
    #[should_panic(expected = "clean-ups by two handles")]
    fn strong_count_in_drop_both_see_two() {
        crate::check(|| {
            let inner = Arc::new(Inner {
                strong: Plain::new(2),
                clean_ups: CleanUps(AtomicU32::new(0)),
            });
            threads(&inner, [drop_handle as fn(&_), drop_handle]);
            inner.clean_ups.assert_one();
        });
    }
}

mod ours {
    use super::*;
    use kref::{Ref, UniqueRef};
    use std::sync::Mutex;

    struct Handles {
        handles: Mutex<Vec<Ref<u32, Rmw>>>,
        clean_ups: CleanUps,
    }

    /// `into_inner` drops the reference and tells whether it was the last, in one step: exactly one of
    /// all gets the value.
    fn drop_handle(shared: &Handles) {
        let handle = shared.handles.lock().unwrap().pop().unwrap();
        if let Some(value) = Ref::into_inner(handle) {
            assert_eq!(value, 42);
            shared.clean_ups.clean_up();
        }
    }

    #[test]
    fn strong_count_in_drop_into_inner() {
        crate::check(|| {
            let handle = UniqueRef::share(UniqueRef::new_in(42));
            let shared = Arc::new(Handles {
                handles: Mutex::new(vec![handle.clone(), handle]),
                clean_ups: CleanUps(AtomicU32::new(0)),
            });
            threads(&shared, [drop_handle as fn(&_), drop_handle]);
            shared.clean_ups.assert_one();
        });
    }
}
