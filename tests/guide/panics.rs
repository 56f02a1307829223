//! Two guarantees of `kref::guide::panics` that no other test shows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use kref::HandBack;
use kref::atomic::AtomicExt;
use kref::lock::Lock;

#[test]
fn a_panic_in_the_closure_writes_nothing() {
    let value = AtomicU32::new(7);
    let panics = || {
        value.cas_loop(Relaxed, |_: u32| -> Option<u32> {
            panic!("in the closure")
        })
    };
    assert!(catch_unwind(panics).is_err());
    assert_eq!(value.load(Relaxed), 7);
}

struct Broken;

// SAFETY: it gives no guard.
unsafe impl Lock for Broken {
    type Guard<'a> = std::convert::Infallible;
    fn lock(&self) -> Self::Guard<'_> {
        panic!("of the lock's own")
    }
}

#[test]
fn a_lock_that_panics_leaves_the_put_pending() {
    let count = HandBack::new();
    let result = catch_unwind(AssertUnwindSafe(|| count.put_lock(&Broken).is_some()));
    assert!(result.is_err());
    assert_eq!(count.count_hint(), 0);
    // A lookup that finds the object hands the lost reference back, and no put takes that: the
    // object leaks.
    count.get_locked();
    assert!(count.put_lock(&Mutex::new(())).is_none());
    assert_eq!(count.count_hint(), 1);
}
