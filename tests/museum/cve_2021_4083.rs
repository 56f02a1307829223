//! CVE-2021-4083, Linux before 5.16-rc4: `fget` gets a file that was closed in between.
//!
//! `fget` reads the descriptor's slot without a lock and takes a reference unless the count is zero.
//! It did not look at the slot again, so it could return a file that another thread had closed in
//! between, as long as somebody else had a reference. For the count that is fine. But the garbage
//! collector of Unix sockets reasons with it: a socket all of whose references are in messages in
//! flight cannot be reached by anybody, so its queue may be thrown away. With the late reference it can
//! be reached, and both use the queue. The repair (054aa8d439b9) reads the slot again after the
//! increment, and starts over if it has changed.
//!
//! ```text
//! fget                                       close, then collect        count
//! ----                                       -------------------        -----
//! read the slot: the file                                               2, one in flight
//!                                            empty the slot, put        1
//!                                            count is 1: all in flight
//! get unless zero                                                       2
//! use the queue                              throw the queue away
//! ```

use kref::RefCount;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::backend::Rmw;
use crate::object::threads;

/// How many of the file's references are in messages.
const IN_FLIGHT: u32 = 1;

/// A socket with a descriptor, and in flight.
struct File {
    refs: RefCount<Rmw>,
    /// Whether the descriptor's slot has the file.
    slot: AtomicBool,
    queue: UnsafeCell<u32>,
}

// SAFETY: loom reports races of the queue, which is what the models are for.
unsafe impl Sync for File {}

impl File {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            refs: RefCount::new_in(1 + IN_FLIGHT),
            slot: AtomicBool::new(true),
            queue: UnsafeCell::new(0),
        })
    }

    fn use_queue(&self) {
        // SAFETY: loom reports it if this races with the collector.
        self.queue.with(|queue| assert_eq!(unsafe { *queue }, 0));
    }

    fn throw_queue_away(&self) {
        // SAFETY: loom reports it if this races with a user.
        self.queue.with_mut(|queue| unsafe { *queue = 0 });
    }

    fn close(&self) {
        self.slot.store(false, Relaxed);
        // A Release, as every decrement: a thread that takes a reference afterwards sees the slot
        // empty.
        self.refs.dec();
    }

    /// Asks whether all references are in flight: by a freeze that ends at once, which is a read with the
    /// ordering that it needs.
    fn is_unreachable(&self) -> bool {
        self.refs.try_freeze(IN_FLIGHT).is_some()
    }
}

fn close_and_collect(file: &File) {
    file.close();
    if file.is_unreachable() {
        file.throw_queue_away();
    }
}

mod wrong {
    use super::*;

    fn fget(file: &File) {
        if file.slot.load(Relaxed) && file.refs.inc_not_zero() {
            file.use_queue();
            file.refs.dec();
        }
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn cve_2021_4083_reached_what_is_unreachable() {
        crate::check(|| {
            let file = File::new();
            threads(&file, [close_and_collect as fn(&_), fget]);
        });
    }
}

mod ours {
    use super::*;

    /// Takes a reference, and looks again. (Here nothing else is ever put in the slot, so a second try
    /// would find it empty.)
    fn fget(file: &File) {
        if file.slot.load(Relaxed) && file.refs.inc_not_zero() {
            // Relaxed: the Acquire of the increment pairs with the Release of the close.
            if file.slot.load(Relaxed) {
                file.use_queue();
            }
            file.refs.dec();
        }
    }

    /// The recheck suffices because `inc_not_zero` is Acquire.
    #[test]
    fn cve_2021_4083_recheck() {
        crate::check(|| {
            let file = File::new();
            threads(&file, [close_and_collect as fn(&_), fget]);
            assert!(crate::reports().is_empty());
        });
    }

    /// Or the collector does not ask, but claims: while the count is frozen nobody gets in, so that even
    /// a lookup without the recheck does no harm.
    #[test]
    fn cve_2021_4083_claim() {
        fn close_and_claim(file: &File) {
            file.close();
            if let Some(claimed) = file.refs.try_freeze(IN_FLIGHT) {
                file.throw_queue_away();
                drop(claimed);
            }
        }
        fn fget_unchecked(file: &File) {
            if file.slot.load(Relaxed) && file.refs.inc_not_zero() {
                file.use_queue();
                file.refs.dec();
            }
        }
        crate::check(|| {
            let file = File::new();
            threads(&file, [close_and_claim as fn(&_), fget_unchecked]);
            assert!(crate::reports().is_empty());
        });
    }
}
