//! What has to end although the lock that it takes unwinds.
//!
//! [`Lock::lock`](crate::lock::Lock::lock) may unwind, and the end of a construction, of a busy key or of a slot needs the lock. Until it has
//! had it, the node is in its chain and others wait for it, or its slot is nobody's. So the lock is asked a second time, and the panic goes on
//! when all has ended. If the lock unwinds again, the node stays as it is for good, with its memory: it is leaked, and a key that was busy
//! stays busy.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::Table;
use super::node::Hash;
use super::shard::Guard;
use crate::lock::LockBackend;

/// The panic of a first attempt, if it did. It [goes on](go_on) when all has ended.
pub(crate) type Panicked = thread::Result<()>;

/// Locks the shard of a hash for the end of something. A lock that unwinds is asked a second time.
///
/// # Panics
///
/// If it unwinds twice.
#[inline]
pub(super) fn lock_to_end<B: LockBackend>(
    table: &Table<B>,
    hash: Hash,
) -> (Guard<'_, B>, Panicked) {
    match catch_unwind(AssertUnwindSafe(|| table.lock(hash))) {
        Ok(guard) => (guard, Ok(())),
        Err(panic) => (table.lock(hash), Err(panic)),
    }
}

/// Goes on with a panic, in a destructor: unless the thread is panicking already, which would be the end of the process.
pub(crate) fn go_on(panicked: Panicked) {
    match panicked {
        Err(panic) if !thread::panicking() => resume_unwind(panic),
        // Its own destructor could panic.
        Err(panic) => core::mem::forget(panic),
        Ok(()) => {}
    }
}
