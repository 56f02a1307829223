//! A table of connections, of which there may be so many and no more.
//!
//! An example of a crate that others depend on: users write `Connections` and get the atomics of the
//! processor; the models in `tests/models.rs` write `Connections<_, Loom>` and get loom's.

#![forbid(unsafe_code)]

use std::hash::BuildHasher;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use kref::atomic::{Atomic, AtomicExt, AtomicInt, Backend, Native};
use kref::lock::LockBackend;
use kref::registry::DefaultHashBuilder;
use kref::{Handle, Ref, Registry};

/// Connections by the address of the other side: one for each, as long as anybody uses it.
pub struct Connections<S = DefaultHashBuilder, B: LockBackend = Native> {
    open: Registry<u32, Connection<B>, S, B>,
    limit: Limit<B>,
}

impl Connections {
    /// Creates a table for at most `limit` connections.
    pub fn new(limit: u32) -> Self {
        Self::new_in(limit, 0, DefaultHashBuilder)
    }
}

impl<S: BuildHasher, B: LockBackend> Connections<S, B> {
    /// Does what `new` does, over any backend.
    pub fn new_in(limit: u32, shards: usize, hasher: S) -> Self {
        Self {
            open: Registry::new_in(shards, hasher),
            limit: Limit::new(limit),
        }
    }

    /// Joins the connection to this address, or opens it.
    pub fn connect(&self, address: u32) -> Result<Handle<u32, Connection<B>, B>, Full> {
        let open = |_: &u32| Ok(Connection::new(self.limit.take()?));
        self.open.get_or_try_insert_with(address, open)
    }

    /// Returns how many connections there are.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns whether there is no connection.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One connection; closed with its last handle.
pub struct Connection<B: Backend = Native> {
    requests: B::U32,
    _slot: Slot<B>,
}

impl<B: Backend> Connection<B> {
    /// Opens a connection.
    pub fn new(slot: Slot<B>) -> Self {
        Self {
            requests: Atomic::new(0),
            _slot: slot,
        }
    }

    /// Makes a request; returns how many there were before.
    pub fn request(&self) -> u32 {
        // Relaxed: a number, which orders nothing.
        self.requests.fetch_add(1, Relaxed)
    }
}

/// Says that there are as many connections as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// What is left of a number of slots.
pub struct Limit<B: Backend = Native> {
    left: Ref<B::U32, B>,
}

impl<B: Backend> Limit<B> {
    /// Creates so many slots.
    pub fn new(slots: u32) -> Self {
        Self {
            left: Ref::new_in(Atomic::new(slots)),
        }
    }

    /// Takes a slot, if there is one.
    pub fn take(&self) -> Result<Slot<B>, Full> {
        // Acquire: pairs with the Release in `drop`, so that what the last owner of the slot did with
        // what the slots are for happens before what this one does.
        self.left.dec_if_positive(Acquire).map_err(|_| Full)?;
        Ok(Slot(self.left.clone()))
    }

    /// Returns how many slots are left.
    pub fn left(&self) -> u32 {
        self.left.load(Relaxed)
    }
}

/// Owns one slot, and gives it back when dropped.
pub struct Slot<B: Backend = Native>(Ref<B::U32, B>);

impl<B: Backend> Drop for Slot<B> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `take`.
        self.0.fetch_add(1, Release);
    }
}
