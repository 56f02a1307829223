//! A barrier for shutdown: [`Drain`] waits until all its [`Token`]s are dropped.
//!
//! ```text
//! Drain ----> Shared: word, waiters  (a `Ref`)
//! Token ---/
//! Token --/          word:  | tokens | CLOSED | WAITING |
//! ```
//!
//! The drain and each token have a reference to the shared part, in addition to what the word counts. So the drop of a
//! token may still be waking the waiters when the drain is gone already: a waiter that sees the word at zero may
//! return, and free the `Drain`, before the token's drop has done anything more.
//!
//! # No wake-up is lost
//!
//! ```text
//! a waiter                                  the drop of a token
//! --------                                  -------------------
//! put the waker on the list (locked)        word: one token less
//! word: set WAITING                         if there was one token, and WAITING was set:
//! if there are no tokens: ready                 word: clear WAITING
//! else: sleep                                   take the list (locked), and wake all
//! ```
//!
//! Both sides change *one* word by read-modify-writes, so one of the two comes first there. If the waiter's comes first, the
//! drop finds `WAITING`. If the drop's comes first, the waiter finds no tokens, and does not sleep. The same holds of a waiter
//! and another one's clearing of the bit: if the bit that was cleared is this waiter's, its waker was on the list
//! before, hence the lock's holder after the clearing finds it there. (If the lock was taken by the clearing side before the
//! waiter, the clearing comes before the setting, by the order of the lock.)
//!
//! A waker that was woken for nothing asks again. So whatever makes wakers leave the list without a reason does no harm, and nothing needs to be
//! known of a waiter that went away. But wakers must not pile up: a [`Drained`] takes its own off when it is dropped, and a `&Drain`, which has no
//! place to remember one, leaves at most one for each task.
//!
//! Wakers are foreign code. They are cloned, woken and dropped without the lock.
//!
//! # Orderings
//!
//! - The drop of a token is Release: it ends what its holder did. The looks of a waiter are Acquire: they pair with all the
//!   drops, as only read-modify-writes come between.
//! - Everything else is Relaxed: the order of the word alone, and the lock, decide which thread
//!   wakes which.
//! - The pointer to the shared part is written with Release and read with Acquire: it publishes what it points at.

mod shared;
mod wait;

#[cfg(all(test, feature = "std"))]
mod tests;

use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::time::Duration;
use std::time::Instant;

use self::shared::{CLOSED, STEP, Shared, TOO_MANY, tokens};
pub use self::wait::Drained;
use crate::Ref;
use crate::atomic::{Atomic, AtomicBits, AtomicExt, AtomicPtr, Backend, Native};
#[cfg(target_has_atomic = "64")]
use crate::sharded::{ShardBackend, ShardedRef, default_shards};

/// Waits until all its tokens are dropped: for the shutdown of a server, or of anything that has
/// users.
///
/// Each user holds a [`Token`]. The drop of a token, also by a panic, gives it back. A waiter blocks in
/// [`wait`](Self::wait) or [`wait_timeout`](Self::wait_timeout), or awaits `&drain` or [`drained`](Self::drained). Any
/// number of waiters may wait at the same time, and all are woken.
///
/// | | |
/// |---|---|
/// | no tokens were taken yet | it is drained |
/// | tokens are taken while a waiter waits | they are waited for, too; [`close`](Self::close) first, if they should be refused |
/// | a token is forgotten (`mem::forget`) | it is waited for, forever |
/// | the drain is dropped while there are tokens | nothing: a token keeps its memory |
/// | all tokens are gone, and others are taken | it is not drained any more; a waiter that has not yet looked goes on waiting |
///
/// # Why not wait on a reference count?
///
/// A count tells a caller that it had the last reference, and that caller may destroy the object *in that moment*. A
/// thread that sleeps until the count of an object reaches zero has to be woken by the last put, *after* the count was
/// zero, when nothing keeps the memory that both need for that (FreeBSD's D23723 took such an interface out of its
/// `refcount(9)`). A `Drain` has memory of its own for it, which the drain and the tokens share.
#[cfg_attr(
    feature = "registry",
    doc = "The [chapter](crate::guide::last_drop) of the guide shows the wrong code, and how it breaks."
)]
///
/// # Cost
///
/// A token costs two atomic instructions when it is taken and two when it is dropped, on one cache line. The first token
/// of a drain allocates the shared part; the others allocate nothing. The drop of the last token takes a lock if there is
/// a waiter. Otherwise [`token`](Self::token) and the drop are wait-free, and [`try_token`](Self::try_token) is lock-free.
/// Where many threads take tokens at once, use [`sharded_token`](Self::sharded_token).
///
/// A waiter that has gone to sleep is woken by the thread that dropped the last token. If that thread is stopped before,
/// the waiter sleeps on.
///
/// # Memory ordering
///
/// Whatever was done before the drops of the tokens happens before a wait returns.
///
/// # Examples
///
/// ```
/// use kref::Drain;
/// use std::thread;
///
/// static CONNECTIONS: Drain = Drain::new();
///
/// for _ in 0..3 {
///     let token = CONNECTIONS.token();
///     thread::spawn(move || {
///         // serve a connection, then
///         drop(token);
///     });
/// }
/// CONNECTIONS.wait();
/// assert!(CONNECTIONS.is_drained());
/// ```
// # Invariants
//
// `shared` is null, or came from `Ref::into_raw`, and the reference belongs to the drain. It changes once.
pub struct Drain<B: Backend = Native> {
    shared: B::Ptr<Shared<B>>,
}

/// A user's share of a [`Drain`], which is not drained until every token is dropped.
///
/// A token may outlive its drain, and be dropped in any thread. A clone is another token of the same drain.
#[must_use = "a token that is dropped at once holds nothing up"]
pub struct Token<B: Backend = Native> {
    shared: Ref<Shared<B>, B>,
}

impl Drain<Native> {
    /// Creates a drain without tokens. It allocates nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    ///
    /// static DRAIN: Drain = Drain::new();
    ///
    /// DRAIN.wait(); // there are no tokens
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self {
            shared: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl<B: Backend> Drain<B> {
    /// Like [`new`](Drain::new), for any backend. Not `const`.
    #[must_use]
    pub fn new_in() -> Self {
        Self {
            shared: B::Ptr::new(ptr::null_mut()),
        }
    }

    /// Returns the shared part, if there is one yet.
    fn get(&self) -> Option<&Shared<B>> {
        // Acquire: pairs with the Release of the compare-exchange in `make`.
        let shared = self.shared.load(Acquire);
        // SAFETY: null, or what `make` has put there, which lives as long as the drain.
        unsafe { shared.as_ref() }
    }

    /// Returns another reference to the shared part, and makes it if it is the first.
    fn make(&self) -> Ref<Shared<B>, B> {
        // Acquire: as in `get`.
        let mut shared = self.shared.load(Acquire);
        if shared.is_null() {
            let new = Ref::into_raw(Ref::<_, B>::new_in(Shared::new())).cast_mut();
            // Release: publishes the shared part. Acquire: pairs with that, if another thread was faster.
            let exchanged = self.shared.compare_exchange(shared, new, Release, Acquire);
            shared = match exchanged {
                Ok(_) => new,
                Err(found) => {
                    // SAFETY: nobody else has seen it.
                    drop(unsafe { Ref::<_, B>::from_raw_in(new) });
                    found
                }
            };
        }
        // SAFETY: the drain's reference, which stays its own.
        let own = unsafe { ManuallyDrop::new(Ref::from_raw_in(shared)) };
        Ref::clone(&own)
    }

    /// Takes a token. It succeeds also when the drain is closed, and while others wait.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: what is done with the token is ordered by its drop.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    ///
    /// let drain = Drain::new();
    /// let token = drain.token();
    /// assert!(!drain.is_drained());
    /// drop(token);
    /// assert!(drain.is_drained());
    /// ```
    #[track_caller]
    pub fn token(&self) -> Token<B> {
        let shared = self.make();
        shared.add();
        Token { shared }
    }

    /// Takes a token, unless the drain is closed.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    ///
    /// let drain = Drain::new();
    /// assert!(drain.try_token().is_some());
    /// drain.close();
    /// assert!(drain.try_token().is_none());
    /// ```
    #[must_use = "if it is `None`, the drain is closed"]
    #[track_caller]
    pub fn try_token(&self) -> Option<Token<B>> {
        let shared = self.make();
        // Relaxed: as in `Shared::add`.
        let added = (shared.word).cas_loop(Relaxed, |word| {
            (word & CLOSED == 0).then(|| word.wrapping_add(STEP))
        });
        if added.ok()? >= TOO_MANY {
            shared.saturate();
        }
        Some(Token { shared })
    }

    /// Refuses tokens to [`try_token`](Self::try_token) from now on. Returns `true` if this call closed the drain.
    /// Existing tokens stay valid, and can be cloned.
    ///
    /// # Memory ordering
    ///
    /// Relaxed: the order of the changes of the drain's own word decides which token comes too late.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    ///
    /// let drain = Drain::new();
    /// assert!(drain.close());
    /// assert!(!drain.close());
    /// drain.wait(); // and nobody comes later
    /// ```
    pub fn close(&self) -> bool {
        // Relaxed: the bit guards nothing; the word's own order decides which token comes too late.
        self.make().word.fetch_or(CLOSED, Relaxed) & CLOSED == 0
    }

    /// Returns whether the drain is closed; a hint.
    ///
    /// # Memory ordering
    ///
    /// Relaxed.
    ///
    /// # Examples
    ///
    /// ```
    /// let drain = kref::Drain::new();
    /// assert!(!drain.is_closed());
    /// drain.close();
    /// assert!(drain.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        // Relaxed: a hint.
        self.get()
            .is_some_and(|shared| shared.word.load(Relaxed) & CLOSED != 0)
    }

    /// Returns whether there are no tokens at this moment. More may be taken, unless the program knows that none are.
    ///
    /// # Memory ordering
    ///
    /// Acquire.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(kref::Drain::new().is_drained());
    /// ```
    #[must_use]
    pub fn is_drained(&self) -> bool {
        // Acquire: pairs with the Release of the drops of the tokens.
        self.get()
            .is_none_or(|shared| tokens(shared.word.load(Acquire)) == 0)
    }

    /// Blocks until there are no tokens.
    ///
    /// A thread that holds a token and waits for it to go waits forever.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    /// use std::thread;
    ///
    /// let drain = Drain::new();
    /// let token = drain.token();
    /// let user = thread::spawn(move || drop(token));
    /// drain.wait();
    /// # user.join().unwrap();
    /// ```
    pub fn wait(&self) {
        self.wait_until(None);
    }

    /// Blocks until there are no tokens, or the time is over. Returns `true` if there are no
    /// tokens.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    /// use std::time::Duration;
    ///
    /// let drain = Drain::new();
    /// let token = drain.token();
    /// assert!(!drain.wait_timeout(Duration::from_millis(1)));
    /// drop(token);
    /// assert!(drain.wait_timeout(Duration::ZERO));
    /// ```
    #[must_use = "if it is false, there are tokens left"]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        // A time that no clock shows is no limit.
        self.wait_until(Instant::now().checked_add(timeout))
    }

    /// Like [`wait_timeout`](Self::wait_timeout), until this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    /// use std::time::Instant;
    ///
    /// assert!(Drain::new().wait_deadline(Instant::now()));
    /// ```
    #[must_use = "if it is false, there are tokens left"]
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_until(Some(deadline))
    }

    /// Returns a future that is ready when there are no tokens.
    ///
    /// `&drain` itself is such a future. But when `&drain` is given up before it is ready, its waker stays with the
    /// drain until the next time that there are no tokens, one for each task. A [`Drained`] leaves nothing: use it with
    /// timeouts and in selections.
    ///
    /// # Examples
    ///
    /// ```
    /// use kref::Drain;
    ///
    /// async fn shut_down(drain: &Drain) {
    ///     drain.close();
    ///     drain.drained().await;
    /// }
    /// ```
    pub fn drained(&self) -> Drained<'_, B> {
        Drained {
            drain: self,
            number: None,
        }
    }

    /// Takes a token that many threads clone and drop without waiting for one another: one token in a [`ShardedRef`].
    ///
    /// Each clone is one atomic instruction on a cache line of the thread's own. The handle that this returns is the owner of the
    /// others: as long as it exists, the drain is not drained, and when it is dropped, the last clone gives the token back. So
    /// the end begins with its drop:
    ///
    /// ```
    /// use kref::Drain;
    /// use std::thread;
    ///
    /// let drain = Drain::new();
    /// let running = drain.sharded_token();
    /// for _ in 0..4 {
    ///     let token = running.clone();
    ///     thread::spawn(move || drop(token));
    /// }
    /// drop(running); // from here on the last clone is noticed
    /// drain.wait();
    /// ```
    #[cfg(target_has_atomic = "64")]
    #[track_caller]
    #[must_use = "it is the owner of the tokens that are cloned from it"]
    pub fn sharded_token(&self) -> ShardedRef<Token<B>, B>
    where
        B: ShardBackend,
    {
        ShardedRef::from_ref_in(Ref::new_in(self.token()), default_shards())
    }
}

impl<B: Backend> Drop for Drain<B> {
    fn drop(&mut self) {
        let shared = self.shared.with_mut(|shared| *shared);
        if !shared.is_null() {
            // SAFETY: the drain's reference, and nobody uses the drain any more.
            drop(unsafe { Ref::<_, B>::from_raw_in(shared) });
        }
    }
}

impl<B: Backend> Clone for Token<B> {
    /// Takes another token of the same drain.
    #[track_caller]
    fn clone(&self) -> Self {
        let shared = self.shared.clone();
        shared.add();
        Self { shared }
    }
}

impl<B: Backend> Drop for Token<B> {
    /// Gives the token back. If it was the last, wakes the waiters.
    ///
    /// # Panics
    ///
    /// If a waker panics. All the other wakers are woken first.
    fn drop(&mut self) {
        self.shared.sub();
        // The reference of `shared` is dropped last: until then its memory is there.
    }
}

impl Default for Drain<Native> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Backend> fmt::Debug for Drain<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Relaxed: a hint.
        let word = self.get().map_or(0, |shared| shared.word.load(Relaxed));
        f.debug_struct("Drain")
            .field("tokens", &tokens(word))
            .field("closed", &(word & CLOSED != 0))
            .finish()
    }
}

impl<B: Backend> fmt::Debug for Token<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
