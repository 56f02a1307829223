//! What a sharded count needs in addition to a family of atomics.

use crate::atomic::{AtomicInt, Backend};
use crate::lock::Lock;

/// Names what a [`ShardedCount`](super::ShardedCount) uses in addition to the atomics of a [`Backend`]: its words, the
/// lock for kills, and the number of the calling thread's shard.
///
/// With the feature `std`, [`Native`](crate::atomic::Native) has it. There a thread gets a number when it first touches a sharded count and gives it
/// back when it ends, so as many threads as there are shards never share one. Without `std` there are no thread-locals:
/// implement this trait for a type of your own, with the processor's number, for example.
///
/// # Safety
///
/// As for [`Backend`]: the implementations that are named here are what the sharded counts rely on. The number of the shard may be
/// any number, also another one each time: it decides where a reference is counted, never whether.
///
/// # Examples
///
/// ```
/// use kref::ShardedCount;
/// use kref::atomic::Backend;
/// use kref::sharded::ShardBackend;
/// use std::sync::Mutex;
/// use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
///
/// /// What runs on the processors of this system.
/// struct Kernel;
///
/// // SAFETY: they are core's atomics.
/// unsafe impl Backend for Kernel {
///     type U32 = AtomicU32;
///     type Usize = AtomicUsize;
///     type Ptr<T> = AtomicPtr<T>;
/// }
///
/// // SAFETY: core's atomic, and std's lock.
/// unsafe impl ShardBackend for Kernel {
///     type Count = AtomicU64;
///     type Switch = Mutex<()>; // or a spin lock
///
///     fn new_switch() -> Self::Switch {
///         Mutex::new(())
///     }
///     fn thread_shard() -> usize {
///         0 // the number of the processor
///     }
/// }
///
/// let count = ShardedCount::<Kernel>::with_shards_in(4);
/// count.get();
/// assert!(!count.kill());
/// assert!(count.put());
/// ```
pub unsafe trait ShardBackend: Backend {
    /// The 64-bit atomic, of which each shard is one.
    type Count: AtomicInt<Value = u64>;
    /// The lock that kills and resurrections take. Gets and puts never do.
    type Switch: Lock + Send + Sync;

    /// Creates a lock that is not held.
    fn new_switch() -> Self::Switch;

    /// Returns the number of the calling thread's shard. A count uses it modulo how many shards it has.
    fn thread_shard() -> usize;
}

#[cfg(feature = "std")]
mod native {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU64;

    use super::ShardBackend;
    use crate::atomic::Native;
    use crate::sharded::thread;

    // SAFETY: the atomics of `core`, and std's mutex.
    unsafe impl ShardBackend for Native {
        type Count = AtomicU64;
        type Switch = Mutex<()>;

        fn new_switch() -> Self::Switch {
            Mutex::new(())
        }

        #[inline]
        fn thread_shard() -> usize {
            thread::shard()
        }
    }
}
