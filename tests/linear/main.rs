//! Linearizability: whatever threads do with a [`Registry`](kref::Registry) at the same time has the results that it could
//! have had one after the other, each operation at some moment between its beginning and its end.
//!
//! | file | |
//! |---|---|
//! | [`specification`] | what a key does when one operation runs at a time |
//! | [`history`] | what threads did, and the question whether the specification explains it |
//! | [`users`] | threads that do everything that a registry can, and note it |
//! | [`schedules`] | the shipped code under random schedules; maps that are wrong, each of which is rejected |
//! | [`threads`] | the shipped code on the machine's threads |
//! | [`checker`] | histories that are linearizable, and histories that are not |
//!
//! `len`, `is_empty` and `contains_key` are hints and not part of it, and neither is an iteration, which is many lookups.
//!
//! The search for an order is that of Wing and Gong with Lowe's memoization, from the crate `todc-utils`: it takes a specification of
//! any kind and a history that was recorded by any means. (`lincheck` runs its operations itself, on loom's or the
//! machine's threads, without handles that a thread keeps from one operation to the next.)
//!
//! `KREF_SCHEDULES` and `KREF_SCHEDULE` are those of `tests/schedules`, whose scheduler this uses.

#![cfg(all(feature = "registry", not(miri)))] // threads are coroutines, which Miri does not know
#![allow(unreachable_pub)] // the modules of a test are as public to one another as they need

#[allow(dead_code)] // what only tests/schedules uses
#[path = "../schedules/backend.rs"]
mod backend;
#[allow(dead_code)]
#[path = "../schedules/explore.rs"]
mod explore;
#[path = "../schedules/quarantine.rs"]
mod quarantine;

mod checker;
mod history;
mod schedules;
mod specification;
mod threads;
mod users;
