//! Multi-producer lists after the kernel's `llist`: any thread pushes without a lock, and any thread
//! takes the whole contents in one swap.
//!
//! ```text
//! head ──> newest ──> older ──> oldest ──> END
//!   │
//!   └ push:      newest = (object, what head was)    compare-and-swap, or a swap and then the link
//!     take_all:  swap END into it                    the whole chain has one owner then
//! ```
//!
//! The list is one word, for handing values to another thread: a push is one atomic operation, and
//! so is a take, however much there is to take. Values come out newest first. [`Chain::reverse`]
//! turns each batch into a queue.
//!
//! | type | holds | push |
//! |---|---|---|
//! | [`LList`] | values, in nodes that it allocates a kilobyte at a time | lock-free |
//! | [`intrusive::List`] | objects that carry their node; allocates nothing | lock-free |
//! | [`intrusive::SwapList`] | the same | wait-free; the taker may have to wait |
//!
//! # What needs a lock
//!
//! | concurrently with → | push | take_all | pop |
//! |---|---|---|---|
//! | **push**, push_all, push_chain | – | – | – |
//! | **take_all** | | – | – |
//! | **pop** of the [`Consumer`] | | | there is only one |
//!
//! "–" means that no lock is needed. The kernel's matrix has locks in two places: for a second
//! `llist_del_first`, and for an `llist_del_all` that runs concurrently with one, as
//! `llist_del_first` reads an object that `llist_del_all` may give away. Here a consumer pops from a
//! chain that it has taken for itself, so no lock is needed for memory safety anywhere. The type
//! [`Consumer`] allows one consumer at a time.
//!
//! # The wake-up edge
//!
//! A push returns `true` if the list was empty. Of all the producers since the last take, exactly
//! one gets `true`, and that one has to wake the consumer. A consumer that does it the wrong way
//! round loses a wake-up:
//!
//! ```text
//! consumer                               producer
//! --------                               --------
//! the list is empty
//!                                        push: it was empty, so wake the consumer
//!                                        it is not asleep: nothing to do
//! go to sleep, forever
//! ```
//!
//! Thread parking remembers an `unpark` that comes too early, so that nothing else is needed:
//!
//! ```
//! use kref::LList;
//! use std::thread;
//!
//! static JOBS: LList<u32> = LList::new();
//!
//! let consumer = thread::spawn(|| {
//!     let mut sum = 0;
//!     while sum < 6 {
//!         let jobs = JOBS.take_all();
//!         if jobs.is_empty() {
//!             thread::park();
//!         }
//!         sum += jobs.sum::<u32>();
//!     }
//! });
//! for job in [1, 2, 3] {
//!     if JOBS.push(job) {
//!         consumer.thread().unpark();
//!     }
//! }
//! consumer.join().unwrap();
//! ```
//!
//! If waking is expensive and the consumer is usually awake, let the consumer set a flag before it
//! sleeps, and have the producers check the flag first. Then each of the two writes one variable and
//! reads the other: *set the flag, look at the list* runs concurrently with *push, look at the
//! flag*. It must not happen that both read what was there before. Release and Acquire do not
//! exclude that, if the consumer only looks: a load may see the list as it was before the push,
//! while the producer sees the flag as it was before the store, on x86 too. Either both sides need a
//! `fence(SeqCst)` in the middle, or both must *write* the list, as there is one order of all writes
//! to it:
//!
//! ```
//! # use kref::LList;
//! # use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
//! # fn wait_until_woken() {}
//! # fn wake() {}
//! # fn consumer(list: &LList<u32>, asleep: &AtomicBool) {
//! // The consumer, when there was nothing:
//! asleep.store(true, Relaxed);
//! let mut jobs = list.take_all(); // writes the list: not `is_empty`
//! if jobs.is_empty() {
//!     wait_until_woken();
//!     jobs = list.take_all();
//! }
//! asleep.store(false, Relaxed);
//! # drop(jobs);
//! # }
//! # fn producer(list: &LList<u32>, asleep: &AtomicBool, job: u32) {
//! // A producer:
//! if list.push(job) && asleep.load(Relaxed) {
//!     wake();
//! }
//! # }
//! # consumer(&LList::new(), &AtomicBool::new(false));
//! # producer(&LList::new(), &AtomicBool::new(true), 1);
//! ```
//!
//! If the push comes first, the take finds the job. If the take comes first, the push is Acquire to
//! its Release, and the producer sees the flag. (A [`Consumer::pop`] that returns `None` has done a
//! take, so it serves as well.) Waking must be remembered if it comes before the waiting, as it is
//! by a parked thread, a futex on the flag, or a condition variable.
//!
//! # The kernel's functions and ours
//!
//! | `llist.h` | here |
//! |---|---|
//! | `LLIST_HEAD`, `init_llist_head` | [`LList::new`], [`List::new`] |
//! | `init_llist_node`, `llist_on_list` | [`Node::new`], [`Node::is_linked`] |
//! | `llist_entry`, `member_address_is_nonnull` | [`Linked`]; lists and chains hold objects, not nodes |
//! | `llist_add` | [`LList::push`], [`List::push`]; [`List::try_push`] where other handles exist, which refuses an object that is on a list |
//! | `llist_add_batch` | [`LList::push_all`], [`List::push_all`], [`List::push_chain`] |
//! | `llist_del_all` | [`LList::take_all`], [`List::take_all`] |
//! | `llist_del_first`, `llist_del_first_init` | [`Consumer::pop`]; off-list at once, always |
//! | `llist_del_first_this` | left out: it serves callers that know that no other thread takes concurrently |
//! | `llist_empty` | [`LList::is_empty`], [`List::is_empty`]; a hint |
//! | `llist_reverse_order` | [`Chain::reverse`] |
//! | `llist_for_each`, `llist_for_each_entry`, `llist_next` | [`Chain::iter`] |
//! | `llist_for_each_safe`, `llist_for_each_entry_safe` | [`Chain`] itself is the iterator |
//! | `__llist_add`, `__llist_add_batch`, `__llist_del_all` | [`intrusive::Chain`], the list of one owner: [`push`](intrusive::Chain::push), and the chain as a value |
//!
//! [`List::new`]: intrusive::List::new
//! [`List::push`]: intrusive::List::push
//! [`List::try_push`]: intrusive::List::try_push
//! [`List::push_all`]: intrusive::List::push_all
//! [`List::push_chain`]: intrusive::List::push_chain
//! [`List::take_all`]: intrusive::List::take_all
//! [`List::is_empty`]: intrusive::List::is_empty
//! [`Linked`]: intrusive::Linked
//! [`Node::new`]: intrusive::Node::new
//! [`Node::is_linked`]: intrusive::Node::is_linked

#[cfg(feature = "alloc")]
mod block;
pub mod intrusive;
#[cfg(doctest)]
mod misuse;
#[cfg(feature = "alloc")]
mod owning;

#[cfg(feature = "alloc")]
pub use owning::{Chain, Consumer, Iter, LList};
