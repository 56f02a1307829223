//! The code that the guide shows (`src/guide/code`), in a model checker: the checker finds a failing
//! interleaving for what the guide calls wrong, and none for what it calls right (for the registry:
//! none with at most two preemptions).
//!
//! Each file of code is included here as it is, with names from [`names`] in place of std's.

// A model checker, on stacks of its own, and files: nothing for Miri.
#![cfg(all(feature = "registry", not(miri)))]

// The shipped backend names these as the crate does.
use ::kref::{atomic, lock, sharded};

#[allow(dead_code, unreachable_pub, unused_imports)]
#[path = "../model/backend.rs"]
mod backend;
#[allow(dead_code, unreachable_pub)]
#[path = "../model/object.rs"]
mod object;

mod alias;
mod chapters;
// The bytes of the page are those without tokens.
#[cfg(not(feature = "track"))]
mod costs;
mod links;
mod panics;
mod slot;
mod visible_arc;

/// What the code of the guide uses, over the model checker.
mod names {
    #![allow(unused_imports)]
    pub(crate) use std::collections::BTreeMap;
    pub(crate) use std::sync::atomic::Ordering::*;
    pub(crate) use std::sync::{Arc, Weak};

    pub(crate) use kref::atomic::{Atomic, AtomicExt, AtomicInt, Backend};
    pub(crate) use kref::lock::Lock;

    pub(crate) use crate::backend::Rmw;
    pub(crate) use crate::object::{Index, Mutex, RwLock};

    pub(crate) type AtomicU32 = <Rmw as Backend>::U32;
    pub(crate) type RefCount = kref::RefCount<Rmw>;
    pub(crate) type Kref = kref::Kref<Rmw>;
    pub(crate) type Slot = crate::slot::Slot<RefCount>;
    pub(crate) type World = crate::object::World<Kref, Mutex>;
}

/// Checks a model, in all its interleavings.
#[track_caller]
fn check(model: impl Fn() + Send + Sync + 'static) {
    explore(None, model);
}

/// Checks a model of the maps, which have too many interleavings, with two preemptions.
#[track_caller]
fn check_bounded(model: impl Fn() + Send + Sync + 'static) {
    explore(Some(2), model);
}

#[track_caller]
fn explore(bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    kref::report::set_hook(|_| {}); // the wrong versions misuse counts
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = bound;
    builder.max_branches = 20_000;
    builder.check(model);
}
