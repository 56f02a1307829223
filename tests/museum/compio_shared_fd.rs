//! compio-driver, `SharedFd`: a waiter on a bare count, whose wake-up is lost. (deno's `SignallingRc` has the same
//! method on one thread.)
//!
//! A file is closed by a task that waits until its own reference is the only one. A drop of another reference asks whether the
//! count is two, the waiter's and its own, wakes the waiter if it is, and then decrements. The question comes before the
//! decrement, and so does the wake-up. Two last users may both find three, and neither wakes the waiter. And with one user,
//! the waiter may look before the decrement that it was woken for, and go to sleep again.
//!
//! ```text
//! the waiter                                 drop                       count
//! ----------                                 ----                       -----
//! two: sleep                                                            2
//!                                            two: wake the waiter       2
//! two: sleep                                                            2
//!                                            decrement                  1, and nobody will wake the waiter
//! ```

use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};

use kref::atomic::{Atomic, Backend};
use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::threads;

mod wrong {
    use super::*;
    use crate::plain::Plain;

    struct Fd {
        count: Plain,
        woken: <Rmw as Backend>::U32,
        is_taken: <Rmw as Backend>::U32,
    }

    fn drop_it(fd: &Fd) {
        if fd.count.read() == 2 {
            fd.woken.store(1, Release);
        }
        assert!(!fd.count.put(), "the waiter has a reference");
    }

    /// Looks, sleeps, and if it was woken looks again.
    fn wait(fd: &Fd) {
        for _ in 0..3 {
            if fd.count.read() == 1 {
                fd.is_taken.store(1, Relaxed);
                return;
            }
            if fd.woken.swap(0, AcqRel) == 0 {
                return; // asleep
            }
        }
    }

    fn users<const N: usize>() {
        let fd = Arc::new(Fd {
            count: Plain::new(N as u32 + 1),
            woken: Atomic::new(0),
            is_taken: Atomic::new(0),
        });
        let drops = [drop_it as fn(&_); N];
        threads(&fd, drops.into_iter().chain([wait as fn(&_)]));
        let ends = fd.is_taken.load(Relaxed) == 1 || fd.woken.load(Relaxed) == 1;
        assert!(ends, "the waiter sleeps forever");
    }

    #[test]
    #[should_panic(expected = "sleeps forever")]
    fn compio_shared_fd_wakes_before_the_decrement() {
        crate::check(users::<1>);
    }

    #[test]
    #[should_panic(expected = "sleeps forever")]
    fn compio_shared_fd_two_last_users() {
        crate::check(users::<2>);
    }
}

mod ours {
    use super::*;
    use crate::signal::block_on;
    use kref::{Drain, Token};
    use std::sync::Mutex;

    struct Fd {
        users: Drain<Rmw>,
        tokens: Mutex<Vec<Token<Rmw>>>,
    }

    fn drop_it(fd: &Fd) {
        let token = fd.tokens.lock().unwrap().pop();
        drop(token);
    }

    fn wait(fd: &Fd) {
        block_on(fd.users.drained());
    }

    /// The decrement and the question whether anybody waits are one instruction.
    #[test]
    fn compio_shared_fd_drain() {
        crate::check_bounded(|| {
            let users = Drain::new_in();
            let tokens = Mutex::new(vec![users.token(), users.token()]);
            let fd = Arc::new(Fd { users, tokens });
            threads(&fd, [wait as fn(&_), drop_it, drop_it]);
            assert!(fd.users.is_drained());
        });
    }
}
