//! Recipe: `no_std`, with spin locks or with critical sections.
//!
//! Without its default features the crate needs neither std nor an allocator. The put with a lock accepts every lock that
//! implements [`Lock`](crate::lock::Lock).
//!
//! # Spin locks
//!
//! With the feature `lock_api` these are all locks that are built on `lock_api` 0.4. For the crate `spin` that is
//! `spin::lock_api::Mutex`. (`spin::Mutex` is another type, which does not implement `lock_api`.)
//!
//! ```toml
//! [dependencies]
//! kref = { version = "0.1", default-features = false, features = ["lock_api"] }
//! spin = { version = "0.10", default-features = false, features = ["spin_mutex", "lock_api"] }
//! ```
//!
//! ```
//! # #[cfg(feature = "lock_api")] {
//! use kref::Kref;
//!
//! struct Device {
//!     kref: Kref,
//!     number: u8,
//! }
//!
//! /// The devices that are in use, uncounted.
//! static IN_USE: spin::lock_api::Mutex<[Option<&'static Device>; 2]> = spin::lock_api::Mutex::new([None; 2]);
//!
//! static DEVICES: [Device; 2] = [
//!     Device { kref: Kref::new(), number: 0 },
//!     Device { kref: Kref::new(), number: 1 },
//! ];
//!
//! fn plug_in(device: &'static Device) {
//!     IN_USE.lock()[usize::from(device.number)] = Some(device);
//! }
//!
//! fn find(number: u8) -> Option<&'static Device> {
//!     let in_use = IN_USE.lock();
//!     let device = in_use[usize::from(number)]?;
//!     device.kref.get(); // it is in the table and the lock is held, so its count is not zero
//!     Some(device)
//! }
//!
//! /// Drops a reference; the last one switches the device off.
//! fn put(device: &'static Device) -> bool {
//!     let Some(mut in_use) = device.kref.put_lock(&IN_USE) else { return false };
//!     in_use[usize::from(device.number)] = None;
//!     true
//! }
//!
//! plug_in(&DEVICES[1]);
//! let device = find(1).unwrap();
//! assert!(!put(device));
//! assert!(put(&DEVICES[1])); // the reference that the count started with
//! assert!(find(1).is_none());
//! # }
//! ```
//!
//! # Critical sections
//!
//! On a microcontroller with one core, a lock is often a critical section that switches interrupts off. Implement
//! [`Lock`](crate::lock::Lock) for it: the guard ends the section when it is dropped. `Section` stands for the
//! functions of your target or of the crate `critical-section`.
//!
//! ```
//! use core::cell::Cell;
//! use kref::RefCount;
//! use kref::lock::Lock;
//!
//! struct Interrupts;
//!
//! /// Interrupts are off while this exists.
//! struct Off(());
//!
//! # thread_local! { static DEPTH: Cell<u32> = const { Cell::new(0) }; }
//! # struct Section;
//! # impl Section {
//! #     fn acquire() { DEPTH.set(DEPTH.get() + 1); }
//! #     unsafe fn release() { DEPTH.set(DEPTH.get() - 1); }
//! # }
//! impl Drop for Off {
//!     fn drop(&mut self) {
//!         // SAFETY: `lock` has begun the section that ends here.
//!         unsafe { Section::release() };
//!     }
//! }
//!
//! // SAFETY: on one core, no other code runs while interrupts are off.
//! unsafe impl Lock for Interrupts {
//!     type Guard<'a> = Off;
//!
//!     fn lock(&self) -> Off {
//!         Section::acquire();
//!         Off(())
//!     }
//! }
//!
//! static REFS: RefCount = RefCount::new(2);
//!
//! assert!(REFS.dec_and_lock(&Interrupts).is_none()); // interrupts stay on
//! let off = REFS.dec_and_lock(&Interrupts).expect("the last");
//! // Remove the object from the index, then:
//! drop(off);
//! # assert_eq!(DEPTH.get(), 0);
//! ```
//!
//! # Processors without compare-and-swap
//!
//! The crate needs compare-and-swap on 32 bits and on pointers. A target without it, such as `thumbv6m-none-eabi`, needs the
//! feature `portable-atomic`; without the feature the build ends with an error that names it. Your program chooses how
//! portable-atomic makes its operations atomic there: by the crate `critical-section`, or by switching interrupts off on
//! a single core.
//!
//! ```toml
//! [dependencies]
//! kref = { version = "0.1", default-features = false, features = ["portable-atomic"] }
//! portable-atomic = { version = "1.5", features = ["critical-section"] }
//! ```
