//! Random schedules: the shipped code over a scheduler that picks which thread runs next, for
//! scenarios that have too many threads or too many steps to be searched completely (that is
//! `tests/model`).
//!
//! `explore` says how a failure is run again.
//!
//! What is looked for: uses after a free and concurrently with one (see `quarantine` and `backend`),
//! leaks, deadlocks, misused counts, and whatever the scenario itself asserts. Memory orderings are
//! not: every operation is sequentially consistent here. `wrong` shows that what is looked for is
//! found.

#![cfg(all(feature = "registry", not(miri)))] // threads are coroutines, which Miri does not know
#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

mod backend;
mod explore;
mod quarantine;

mod interner;
mod kref;
mod llist;
mod places;
mod registry;
mod wrong;

use explore::{explore, finds, pick, shards, threads};
