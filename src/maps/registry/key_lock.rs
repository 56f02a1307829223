//! A lock for each key.
//!
//! # Who owns what
//!
//! A registry maps a key to a [`Turn`], the lock of the key. A guard has a handle to it, and so has each
//! thread and task that waits: the turn leaves the registry with the last of them. The registry is not borrowed, so guards are
//! owned, and may outlive the `KeyLock`.
//!
//! # How the turn goes round
//!
//! Under the turn's own lock there are a flag, *taken*, and a queue of events, one for each that waits. A release takes the first event out of
//! the queue and ends it: the flag stays, the turn is that waiter's. If there is no waiter, it clears the flag. So the order is first come,
//! first served, and no thread can overtake a waiter.
//!
//! A waiter that is cancelled takes its event out of the queue. If the event is not there any more, the turn was its own already, and it
//! releases the turn. Both are decided under the turn's lock, so that no turn is lost.

#![forbid(unsafe_code)]

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::hash::{BuildHasher, Hash};
use core::mem;

use equivalent::Equivalent;

use super::{DefaultHashBuilder, Handle, Registry};
use crate::atomic::Native;
use crate::lock::LockBackend;
use crate::maps::table::{Event, Locked};

/// A mutex for each key, which exists while it is locked or waited for.
///
/// It is for work that must not be done twice at once for the same account, path or user, while different keys do not
/// wait for each other. A key takes memory only while its lock is held or waited for.
///
/// Guards are owned: they borrow neither the `KeyLock` nor the key, may be sent to other threads, and may be held
/// across an `await`. Waiters get the lock in the order in which they came.
///
/// # What costs what
///
/// To lock a key that is not locked takes one insertion into a [`Registry`], and to unlock it one last put, each with
/// one short critical section. Each waiter allocates an event.
///
/// # Deadlocks
///
/// A thread that locks a key which it has locked already waits for itself, as with a mutex. Two threads that lock two
/// keys in opposite order wait for each other. There is no poisoning: a thread that panics with a guard unlocks the
/// key.
///
/// # Memory ordering
///
/// As with a mutex, what a thread does while it holds the key's lock happens before what the next holder
/// does.
///
/// # Examples
///
/// ```
/// use kref::KeyLock;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// static FILES: KeyLock<String> = KeyLock::new();
/// static WRITERS: AtomicU32 = AtomicU32::new(0);
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let _guard = FILES.lock("a.txt".into());
///             assert_eq!(WRITERS.fetch_add(1, Relaxed), 0, "one at a time");
///             WRITERS.fetch_sub(1, Relaxed);
///         });
///     }
/// });
/// assert!(FILES.is_empty());
/// ```
#[doc(alias = "keyed_mutex")]
#[doc(alias = "striped_lock")]
pub struct KeyLock<K, S = DefaultHashBuilder, B: LockBackend = Native> {
    turns: Registry<K, Turn<B>, S, B>,
}

/// Whose turn it is to have a key.
struct Turn<B: LockBackend>(Locked<Queue<B>, B>);

struct Queue<B: LockBackend> {
    taken: bool,
    waiters: VecDeque<Arc<Event<(), B>>>,
}

impl<K> KeyLock<K> {
    /// Creates a `KeyLock` of which no key is locked. It allocates nothing before the first lock.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            turns: Registry::new(),
        }
    }
}

impl<K, S> KeyLock<K, S> {
    /// Creates a `KeyLock` that hashes keys with `hasher`.
    #[must_use]
    pub const fn with_hasher(hasher: S) -> Self {
        Self {
            turns: Registry::with_hasher(hasher),
        }
    }
}

impl<K, S, B: LockBackend> KeyLock<K, S, B> {
    /// Like [`with_hasher`](KeyLock::with_hasher), for any backend, with a number of shards as in
    /// [`Registry::new_in`]. Not `const`.
    #[must_use]
    pub fn new_in(shards: usize, hasher: S) -> Self {
        Self {
            turns: Registry::new_in(shards, hasher),
        }
    }

    /// Returns how many keys are locked; a hint while other threads use them.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::KeyLock;
    ///
    /// let accounts = KeyLock::new();
    /// let first = accounts.lock(1);
    /// let second = accounts.lock(2);
    /// assert_eq!(accounts.len(), 2);
    /// drop((first, second));
    /// assert_eq!(accounts.len(), 0);
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Returns whether no key is locked; a hint while other threads use them.
    ///
    /// # Examples
    ///
    /// See [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

impl<K: Eq + Hash, S: BuildHasher, B: LockBackend> KeyLock<K, S, B> {
    /// Locks a key, and blocks the thread while the key is locked elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::KeyLock;
    ///
    /// let accounts = KeyLock::new();
    /// let guard = accounts.lock(1);
    /// let _other = accounts.lock(2); // another key: does not wait
    /// assert!(accounts.try_lock(1).is_none());
    /// drop(guard);
    /// assert!(accounts.try_lock(1).is_some());
    /// ```
    #[must_use = "the key is unlocked when the guard is dropped"]
    pub fn lock(&self, key: K) -> KeyGuard<K, B> {
        match self.join(key, true) {
            Joined::Has(guard) => guard,
            Joined::Waits(waiting) => {
                waiting.event.wait();
                waiting.has_it()
            }
            Joined::Refused => unreachable!("it waits"),
        }
    }

    /// Locks a key, unless it is locked already.
    ///
    /// # Examples
    ///
    /// See [`lock`](Self::lock).
    #[must_use = "the key is unlocked when the guard is dropped"]
    pub fn try_lock(&self, key: K) -> Option<KeyGuard<K, B>> {
        match self.join(key, false) {
            Joined::Has(guard) => Some(guard),
            Joined::Waits(_) | Joined::Refused => None,
        }
    }

    /// Locks a key, and lets the task wait while the key is locked elsewhere.
    ///
    /// The place in the queue is taken when the future is first polled, and given up when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::KeyLock;
    ///
    /// static ACCOUNTS: KeyLock<u32> = KeyLock::new();
    ///
    /// async fn transfer(account: u32) {
    ///     let _guard = ACCOUNTS.lock_async(account).await;
    ///     // ... also across an `await`.
    /// }
    /// # let future = std::pin::pin!(transfer(1));
    /// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    /// # use std::future::Future;
    /// # assert!(future.poll(&mut cx).is_ready());
    /// ```
    pub async fn lock_async(&self, key: K) -> KeyGuard<K, B> {
        match self.join(key, true) {
            Joined::Has(guard) => guard,
            Joined::Waits(waiting) => {
                let mut ticket = None;
                poll_fn(|cx| waiting.event.poll(&mut ticket, cx)).await;
                waiting.has_it()
            }
            Joined::Refused => unreachable!("it waits"),
        }
    }

    /// Returns whether this key is locked; a hint while other threads use it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::KeyLock;
    ///
    /// let accounts = KeyLock::new();
    /// let guard = accounts.lock(1);
    /// assert!(accounts.is_locked(&1) && !accounts.is_locked(&2));
    /// drop(guard);
    /// assert!(!accounts.is_locked(&1));
    /// ```
    #[must_use]
    pub fn is_locked<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.turns.contains_key(key)
    }

    fn join(&self, key: K, may_wait: bool) -> Joined<K, B> {
        // At once under the shard's lock, as the key should be vacant.
        let existing = match self.turns.try_insert(key, Turn::taken()) {
            Ok(turn) => return Joined::Has(KeyGuard { turn }),
            Err(occupied) => occupied.existing,
        };
        let event = may_wait.then(Event::new);
        let waits = existing.0.with(|queue| {
            let was_taken = mem::replace(&mut queue.taken, true);
            if was_taken {
                queue.waiters.extend(event.clone());
            }
            was_taken
        });
        match event {
            _ if !waits => Joined::Has(KeyGuard { turn: existing }),
            Some(event) => Joined::Waits(Waiting {
                turn: Some(existing),
                event,
            }),
            None => Joined::Refused,
        }
    }
}

/// What became of an attempt to lock a key.
enum Joined<K, B: LockBackend> {
    Has(KeyGuard<K, B>),
    Waits(Waiting<K, B>),
    Refused,
}

/// A place in the queue.
struct Waiting<K, B: LockBackend> {
    /// Taken when the turn has come.
    turn: Option<Handle<K, Turn<B>, B>>,
    event: Arc<Event<(), B>>,
}

impl<K, B: LockBackend> Waiting<K, B> {
    /// The guard, after the event.
    fn has_it(mut self) -> KeyGuard<K, B> {
        let turn = self.turn.take().expect("taken once, here");
        KeyGuard { turn }
    }
}

impl<K, B: LockBackend> Drop for Waiting<K, B> {
    fn drop(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        let is_queued = turn.0.with(|queue| {
            let place = queue
                .waiters
                .iter()
                .position(|event| Arc::ptr_eq(event, &self.event));
            place
                .and_then(|place| queue.waiters.remove(place))
                .is_some()
        });
        if !is_queued {
            // It was given the turn, and does not want it any more.
            drop(KeyGuard { turn });
        }
    }
}

impl<B: LockBackend> Turn<B> {
    fn taken() -> Self {
        Self(Locked::new(Queue {
            taken: true,
            waiters: VecDeque::new(),
        }))
    }

    fn release(&self) {
        let next = self.0.with(|queue| {
            let next = queue.waiters.pop_front();
            queue.taken = next.is_some();
            next
        });
        if let Some(next) = next {
            next.end(());
        }
    }
}

/// The guard of a locked key of a [`KeyLock`]; dropping it unlocks the key.
///
/// # Examples
///
/// ```
/// use kref::KeyLock;
/// use kref::registry::KeyGuard;
///
/// let accounts = KeyLock::new();
/// let guard: KeyGuard<u32> = accounts.lock(1);
/// drop(accounts); // the guard is owned
/// assert_eq!(KeyGuard::key(&guard), &1);
/// ```
#[must_use = "the key is unlocked when the guard is dropped"]
pub struct KeyGuard<K, B: LockBackend = Native> {
    /// Dropped after the turn was released: it keeps the turn's memory until then.
    turn: Handle<K, Turn<B>, B>,
}

impl<K, B: LockBackend> KeyGuard<K, B> {
    /// Returns the key.
    ///
    /// # Examples
    ///
    /// See [`KeyGuard`].
    #[must_use]
    pub fn key(this: &Self) -> &K {
        Handle::key(&this.turn)
    }
}

impl<K, B: LockBackend> Drop for KeyGuard<K, B> {
    fn drop(&mut self) {
        self.turn.release();
    }
}

impl<K: fmt::Debug, B: LockBackend> fmt::Debug for KeyGuard<K, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyGuard").field(Self::key(self)).finish()
    }
}

impl<K, S, B: LockBackend> fmt::Debug for KeyLock<K, S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyLock")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl<K, S: Default> Default for KeyLock<K, S> {
    /// Creates a `KeyLock` with the default hasher of its type.
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}
