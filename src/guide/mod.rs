//! The patterns, one by one: what goes wrong, why, and what to write instead.
//!
#![doc = include_str!("layers.svg")]
//!
//! # How to read it
//!
//! Each chapter has the same parts: the problem; code that looks right and is not, with the
//! interleaving that breaks it; the right code; the tests that prove it; what it costs. Nothing is
//! taken on trust. All code is compiled and run as the documentation's tests, and the same files
//! are run in a model checker, by `tests/guide`: there the wrong code must fail and the right code
//! must not, in any interleaving (of the registry: in any with two preemptions at most).
//!
//! In an interleaving time runs downwards, and each column is a thread.
//!
//! # What the code stands on
//!
//! Your objects have names, contents, and an index of their own. Here they have as little as
//! possible:
//!
//! - `World` is one object and an index that lists it *without counting it*: `w.count` is the
//!   object's count, `w.lock` the index's lock. `w.touch()` uses the object, `w.unlist(&held)`
//!   takes it out of the index, `w.is_listed(&held)` looks it up, and `w.free()` is the end of it:
//!   in your program `drop(Box::from_raw(object))`.
//! - `Slot` is memory that is a count and a value at all times, whichever object lives in it:
//!   `s.refs` is the count, `s.read()` and `s.write(value)` use the object.
//!
//! # The chapters
//!
//! The old ones, from the kernel:
//!
//! 1. [`raise_to`]: the compare-and-swap loop, by the example of a maximum
//! 2. [`inc_not_zero`]: one more, unless there is none
//! 3. [`reference_counting`]: who may take a reference, and when
//! 4. [`orderings`]: why get is Relaxed and put is not
//! 5. [`parents`]: objects that keep their parents
//! 6. [`weak_pointers`]: an index that does not count, under a lock
//! 7. [`put_lock`]: the put that takes the lock
//! 8. [`read_write_semaphore`]: the same with finders that share the lock
//! 9. [`no_common_lock`]: when no lock covers both the lookup and the put
//! 10. [`saturation`]: what a count does when it overflows
//! 11. [`lists`]: handing over without a lock
//!
//! And ours:
//!
//! 12. [`hand_back`]: the put without a loop
//! 13. [`registry`]: all of it as one safe type
//! 14. [`uniqueness`]: knowing that nobody else has it
//! 15. [`leaks`]: what keeps an object for ever
//!
//! # The maps
//!
//! | to find | page |
//! |---|---|
//! | what to use for what | [the map on the front page](crate#map-of-the-crate) |
//! | a function of the kernel | [`kernel`] |
//! | a method of `Arc` or `Weak` | [`arc`] |
//! | which lock is taken when, and by whom | [`locks`] |
//! | what a type costs in bytes and atomic instructions | [`costs`] |
//! | what is left after a panic | [`panics`] |

// The chapters and the maps. Their order is that of the page above.
pub mod hand_back;
pub mod inc_not_zero;
pub mod leaks;
pub mod lists;
pub mod no_common_lock;
pub mod orderings;
pub mod parents;
pub mod put_lock;
pub mod raise_to;
pub mod read_write_semaphore;
pub mod reference_counting;
pub mod registry;
pub mod saturation;
pub mod uniqueness;
pub mod weak_pointers;

pub mod arc;
pub mod costs;
pub mod kernel;
pub mod locks;
pub mod panics;
