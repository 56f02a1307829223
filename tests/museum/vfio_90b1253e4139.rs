//! Linux commit 90b1253e4139 (2012): a vfio device is found while it dies.
//!
//! The devices of a group are in a list under the group's `device_lock`, and the list holds no
//! reference. `vfio_device_put` dropped the reference first; its release function took the lock to
//! unlink the device. A lookup that held the lock in between found a device whose count was zero,
//! took a reference to it, and used it when it had been freed. The repair was one word:
//! `kref_put_mutex`.
//!
//! ```text
//! put                                        lookup                     count
//! ---                                        -------                    -----
//! 1 -> 0                                                                0
//!                                            lock
//!                                            find the device, get       1
//!                                            unlock
//! lock, unlink, unlock, free
//!                                            use the device
//! ```

use kref::{Kref, RefCount};

use crate::backend::Rmw;
use crate::object::{Mutex, World, threads};
use crate::plain::Plain;

mod wrong {
    use super::*;
    use kref::lock::Lock;

    type Device = World<Plain, Mutex>;

    fn put(device: &Device) {
        if device.count.put() {
            let list = device.lock.lock();
            device.unlist(&list);
            drop(list);
            device.free();
        }
    }

    /// Finds the device and keeps it.
    fn find(device: &Device) {
        let list = device.lock.lock();
        if device.is_listed(&list) {
            device.count.get();
            drop(list);
            device.touch();
        }
    }

    #[test]
    #[should_panic(expected = "ausality violation")]
    fn vfio_90b1253e4139_found_when_dead() {
        crate::check(|| {
            let device = Device::new(Plain::new(1));
            threads(&device, [put as fn(&_), find]);
        });
    }
}

mod ours {
    use super::*;
    use kref::lock::Lock;

    type Device = World<Kref<Rmw>, Mutex>;

    fn put(device: &Device) {
        if let Some(list) = device.count.put_lock(&device.lock) {
            device.unlist(&list);
            drop(list);
            device.free();
        }
    }

    fn find(device: &Device) {
        let list = device.lock.lock();
        if device.is_listed(&list) {
            device.count.get();
            drop(list);
            device.touch();
            put(device);
        }
    }

    /// The count goes to zero under the lock only: what is in the list is alive.
    #[test]
    fn vfio_90b1253e4139_put_lock() {
        crate::check(|| {
            let device = Device::new(Kref::from(RefCount::new_in(1)));
            threads(&device, [put as fn(&_), find]);
            device.assert_freed();
            assert!(crate::reports().is_empty());
        });
    }
}
