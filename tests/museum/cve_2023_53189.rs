//! CVE-2023-53189: Linux, the IPv6 router solicitation timer puts a reference that was never taken.
//!
//! While its timer is pending, a device has a reference for it, which the timer's function puts. To move the timer,
//! `addrconf_mod_rs_timer` asked whether it was pending, took a reference if it was not, and then set it. If the timer fires
//! between the question and the setting, it puts the old reference, is set again without a new one, and puts once too
//! often when it next fires. The kind: a decision by what was true before the instruction that makes the change, in place
//! of what that instruction returned. The repair in Linux is to use the result of `mod_timer`.
//!
//! ```text
//! move the timer                             the timer                  count (the device's user, the timer's)
//! --------------                             ---------                  -----
//! pending: it has its reference                                         2
//!                                            not pending any more, put  1
//! set the timer: pending                                                1
//!                                            fires again: put           0, and the user is still there
//! ```

use std::sync::atomic::Ordering::AcqRel;

use kref::atomic::{Atomic, Backend};
use loom::sync::Arc;

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};

/// A device, and whether its timer is pending. (The flag is the timer wheel's: it outlives the device.)
struct Timed<C> {
    device: Arc<World<C, Mutex>>,
    pending: <Rmw as Backend>::U32,
}

impl<C: Send + Sync + 'static> Timed<C> {
    fn new(count: C) -> Arc<Self> {
        Arc::new(Self {
            device: World::new(count),
            pending: Atomic::new(1),
        })
    }
}

mod wrong {
    use super::*;
    use crate::plain::Plain;
    use std::sync::atomic::Ordering::Acquire;

    type Device = Timed<Plain>;

    fn put(timed: &Device) {
        if timed.device.count.put() {
            timed.device.free();
        }
    }

    /// Called by a user of the device, which has a reference.
    fn move_timer(timed: &Device) {
        if timed.pending.load(Acquire) == 0 {
            timed.device.count.get();
        }
        timed.pending.swap(1, AcqRel);
        fire(timed); // at some time after this
        timed.device.touch();
        put(timed);
    }

    fn fire(timed: &Device) {
        if timed.pending.swap(0, AcqRel) == 1 {
            timed.device.touch();
            put(timed);
        }
    }

    #[test]
    #[should_panic(expected = "right: 42")] // what `touch` finds in a device that was freed
    fn cve_2023_53189_asks_first() {
        crate::check(|| {
            let timed = Device::new(Plain::new(2));
            threads(&timed, [move_timer as fn(&_), fire]);
        });
    }
}

mod ours {
    use super::*;
    use kref::{Kref, RefCount};

    type Device = Timed<Kref<Rmw>>;

    fn put(timed: &Device) {
        if timed.device.count.put() {
            timed.device.free();
        }
    }

    /// Takes the timer's reference before the timer can put it, and gives it back if the instruction that sets the timer
    /// returns that there was one.
    fn move_timer(timed: &Device) {
        timed.device.count.get();
        if timed.pending.swap(1, AcqRel) == 1 {
            put(timed);
        }
        fire(timed);
        timed.device.touch();
        put(timed);
    }

    fn fire(timed: &Device) {
        if timed.pending.swap(0, AcqRel) == 1 {
            timed.device.touch();
            put(timed);
        }
    }

    #[test]
    fn cve_2023_53189_decides_by_the_result() {
        crate::check(|| {
            let timed = Device::new(Kref::from(RefCount::new_in(2)));
            threads(&timed, [move_timer as fn(&_), fire]);
            timed.device.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }
}
