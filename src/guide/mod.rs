//! The guide: recipes, the patterns one by one, and reference pages.
//!
//! <div style="overflow-x:auto">
#![doc = include_str!("layers.svg")]
//! </div>
//!
//! # Start here
//!
//! | to do | page |
//! |---|---|
//! | solve a common task with a whole program | [`recipes`] |
//! | decide whether to use this crate at all | [`alternatives`] |
//! | know what is guaranteed, and what is not | [`limits`] |
//! | find what replaces a method of `Arc` or `Weak` | [`arc`] |
//! | come from the kernel | [`kernel_developers`], [`kernel`] |
//! | understand the patterns in an hour | chapters [3](reference_counting), [6](weak_pointers), [7](put_lock) and [13](registry) |
//!
//! # The chapters
//!
//! Each chapter shows what goes wrong, why, and what to write instead. The chapters of the short path are in
//! bold.
//!
//! Patterns of the kernel:
//!
//! 1. [`raise_to`]: the compare-and-swap loop, by the example of a maximum
//! 2. [`inc_not_zero`]: increment a count unless it is zero
//! 3. **[`reference_counting`]: who may take a reference, and when**
//! 4. [`orderings`]: why get is Relaxed and put is not
//! 5. [`parents`]: objects that keep their parents alive
//! 6. **[`weak_pointers`]: an index that does not count, under a lock**
//! 7. **[`put_lock`]: the put that takes the lock**
//! 8. [`read_write_semaphore`]: the same with readers that share the lock
//! 9. [`no_common_lock`]: no lock covers both the lookup and the put
//! 10. [`saturation`]: what a count does when it overflows
//! 11. [`lists`]: handing over without a lock
//!
//! Patterns of this crate:
//!
//! 12. [`hand_back`]: the put without a loop
//! 13. **[`registry`]: all of it as one safe type**
//! 14. [`uniqueness`]: exclusive access
//! 15. [`leaks`]: what makes an object leak
//! 16. [`many_cores`]: counts that many processors touch
//! 17. [`last_drop`]: waiting until all users are gone
//! 18. [`how_we_know`]: why a put is right for any number of threads
//! 19. [`upgrade`]: a `Weak` that is upgraded by one addition
//! 20. [`who_holds`]: which part of the program has a reference
//!
//! # Reference pages
//!
//! | to find | page |
//! |---|---|
//! | a function of the kernel | [`kernel`] |
//! | orderings in the words of the kernel's memory model, and lkdtm's tests | [`kernel_developers`] |
//! | a method of `Arc` or `Weak` | [`arc`] |
//! | which operation takes which lock | [`locks`] |
//! | what a type costs in bytes and atomic instructions | [`costs`] |
//! | what state is left after a panic | [`panics`] |
//!
//! # How to read the chapters
//!
//! All code is compiled and run as the documentation's tests. The same files run in a model checker
//! (`tests/guide`): the checker must find a failing interleaving for the wrong code, and none for the right code
//! (for the registry: none with at most two preemptions).
//!
//! In a picture of an interleaving, time runs downwards, and each column is a thread.
//!
//! The code uses two helpers, so that it shows only the pattern:
//!
//! - `World` is one object and an index that lists it *without counting it*: `w.count` is the object's count,
//!   `w.lock` the index's lock. `w.touch()` uses the object, `w.unlist(&held)` removes it from the index,
//!   `w.is_listed(&held)` looks it up, and `w.free()` frees it: in your program, `drop(Box::from_raw(object))`.
//! - `Slot` is memory that always contains a count and a value, whichever object is in it: `s.refs` is the count,
//!   `s.read()` and `s.write(value)` use the object.

// rustdoc shows modules in the order of this file where it may (see `package.metadata.docs.rs` in Cargo.toml).
pub mod recipes;

pub mod alternatives;
pub mod limits;

pub mod raise_to;

pub mod inc_not_zero;

pub mod reference_counting;

pub mod orderings;

pub mod parents;

pub mod weak_pointers;

pub mod put_lock;

pub mod read_write_semaphore;

pub mod no_common_lock;

pub mod saturation;

pub mod lists;

pub mod hand_back;

pub mod registry;

pub mod uniqueness;

pub mod leaks;

pub mod many_cores;

pub mod last_drop;

pub mod how_we_know;

pub mod upgrade;

pub mod who_holds;

pub mod kernel;

pub mod kernel_developers;

pub mod arc;

pub mod locks;

pub mod costs;

pub mod panics;
