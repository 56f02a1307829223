//! Linux commit a2171131ecda: a qrtr socket's reference is dropped before its port is withdrawn.
//!
//! The table of ports holds a reference to each socket, and lookups read it under RCU: find the
//! socket, `sock_hold`. `qrtr_port_remove` put the table's reference, *then* erased the port, then
//! waited for the readers. In between, the table showed a socket to which it had no reference any
//! more: if that was the last, a lookup raised a count from zero. The repair moves the put behind the
//! wait.
//!
//! ```text
//! remove the port                            lookup                     count
//! ---------------                            -------                    -----
//! put the table's reference: 1 -> 0                                     0
//!                                            find the socket, get       1
//! erase the port
//! wait for the lookups
//!                                            lookup ends
//! free the socket
//!                                            use the socket
//! ```
//!
//! In the model RCU is a read-write lock: a lookup is a reader, and a grace period is over when the
//! exclusive side was held once.

use std::sync::atomic::Ordering::{Acquire, Release};

use kref::Kref;
use kref::lock::Lock;
use loom::sync::Arc;
use loom::sync::atomic::AtomicBool;

use crate::backend::Rmw;
use crate::object::{Index, RwLock, World, threads};
use crate::plain::Plain;

/// The table, with one port.
struct Ports<C> {
    socket: Arc<World<C, RwLock>>,
    /// Whether the table shows the socket.
    shown: AtomicBool,
}

impl<C: 'static> Ports<C> {
    fn new(count: C) -> Arc<Self> {
        Arc::new(Self {
            socket: World::new(count),
            shown: AtomicBool::new(true),
        })
    }

    /// Finds the socket and has `get` take a reference to it, in one read-side critical section.
    fn look_up(&self, get: impl FnOnce(&C) -> bool) -> bool {
        let _reader = self.socket.lock.lock_shared();
        self.shown.load(Acquire) && get(&self.socket.count)
    }

    fn erase_and_wait(&self) {
        self.shown.store(false, Release);
        drop(self.socket.lock.lock());
    }
}

mod wrong {
    use super::*;

    fn remove(ports: &Ports<Plain>) {
        let last = ports.socket.count.put();
        ports.erase_and_wait();
        if last {
            ports.socket.free();
        }
    }

    /// Finds the socket and keeps it.
    fn send(ports: &Ports<Plain>) {
        let found = ports.look_up(|count| {
            count.get();
            true
        });
        if found {
            ports.socket.touch();
        }
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn qrtr_a2171131ecda_raised_from_zero() {
        crate::check(|| {
            let ports = Ports::new(Plain::new(1));
            threads(&ports, [remove as fn(&_), send]);
        });
    }
}

mod ours {
    use super::*;
    use kref::report::Kind;

    type Counted = Ports<Kref<Rmw>>;

    fn put(ports: &Counted) {
        if ports.socket.count.put() {
            ports.socket.free();
        }
    }

    /// Withdraw, wait, put.
    fn remove(ports: &Counted) {
        ports.erase_and_wait();
        put(ports);
    }

    fn send(ports: &Counted) {
        let found = ports.look_up(|count| {
            count.get();
            true
        });
        if found {
            ports.socket.touch();
            put(ports);
        }
    }

    #[test]
    fn qrtr_a2171131ecda_put_after_the_wait() {
        crate::check(|| {
            let ports = Ports::new(Kref::new_in());
            threads(&ports, [remove as fn(&_), send]);
            ports.socket.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }

    /// The order that was wrong.
    fn remove_early(ports: &Counted) {
        let last = ports.socket.count.put();
        ports.erase_and_wait();
        if last {
            ports.socket.free();
        }
    }

    /// With a get that refuses the dead, the wrong order is not wrong.
    #[test]
    fn qrtr_a2171131ecda_get_unless_zero() {
        fn send(ports: &Counted) {
            if ports.look_up(Kref::get_unless_zero) {
                ports.socket.touch();
                put(ports);
            }
        }
        crate::check(|| {
            let ports = Ports::new(Kref::new_in());
            threads(&ports, [remove_early as fn(&_), send]);
            ports.socket.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }

    /// With a plain get the mistake is at least told, and the count does not come back from zero.
    #[test]
    fn qrtr_a2171131ecda_is_reported() {
        crate::check(|| {
            let ports = Ports::new(Kref::<Rmw>::new_in());
            assert!(ports.socket.count.put());
            ports.socket.count.get();
            assert_eq!(crate::reports(), [Kind::IncFromZero]);
            assert!(!ports.socket.count.put());
            ports.socket.end();
        });
    }
}
