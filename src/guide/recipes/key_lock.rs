//! Recipe: one at a time for each account.
//!
//! Work for one account must not be done twice at once, and work for different accounts should not wait for each other. A
//! map of mutexes grows forever, or races when an entry is removed. A [`KeyLock`](crate::KeyLock) has an entry for a
//! key only while it is locked or waited for.
//!
//! ```
//! # #[cfg(feature = "registry")] {
//! use kref::KeyLock;
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//!
//! static ACCOUNTS: KeyLock<u32> = KeyLock::new();
//! static DATABASE: Mutex<Option<HashMap<u32, u64>>> = Mutex::new(None);
//!
//! fn read(account: u32) -> u64 {
//!     DATABASE.lock().unwrap().get_or_insert_default().get(&account).copied().unwrap_or(0)
//! }
//!
//! fn write(account: u32, balance: u64) {
//!     DATABASE.lock().unwrap().get_or_insert_default().insert(account, balance);
//! }
//!
//! fn deposit(account: u32, amount: u64) {
//!     let _guard = ACCOUNTS.lock(account);
//!     let balance = read(account); // nobody else is between reading and writing this account
//!     write(account, balance + amount);
//! }
//!
//! std::thread::scope(|scope| {
//!     for _ in 0..4 {
//!         scope.spawn(|| (0..250).for_each(|n| deposit(n % 5, 1)));
//!     }
//! });
//! assert_eq!((0..5).map(read).sum::<u64>(), 1000);
//! assert!(ACCOUNTS.is_empty());
//! # }
//! ```
//!
//! - In a task: [`KeyLock::lock_async`](crate::KeyLock::lock_async). The guard may be held across an `await`.
//! - To lock two accounts, lock the smaller number first, as with mutexes.
//! - To refuse instead of waiting, use [`KeyLock::try_lock`](crate::KeyLock::try_lock).
