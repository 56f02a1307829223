//! The iteration over the listed nodes of a table, one chain at a time.
//!
//! The iteration goes by hash: it remembers up to which hash it has come, locks the shard of that hash, takes references to
//! the nodes of the next chain that has any, and unlocks. A chain has the nodes of a range of hashes, whatever the
//! number of chains is. So it does not matter that the array of heads doubles or shrinks in between:
//! a node's hash is passed once. A node that is listed during the whole iteration is seen exactly once; one that comes
//! or goes in between at most once for each time it was listed.
//!
//! In memory there are the references to the nodes of one chain: a few, unless many keys have one hash.

use alloc::vec::Vec;
use core::iter::FusedIterator;

use super::{Counted, Hash, Payload, Table};
use crate::lock::LockBackend;

/// An iteration over the listed nodes of a table, which holds no lock between two of them.
pub(crate) struct Iter<'a, P: Payload, B: LockBackend> {
    table: Option<&'a Table<B>>,
    /// All hashes below were passed.
    from: u64,
    /// Nodes of the last chain that are still to be returned.
    found: Vec<Counted<P, B>>,
}

impl<'a, P: Payload, B: LockBackend> Iter<'a, P, B> {
    /// # Safety
    ///
    /// The nodes of the table have payloads of the type `P`.
    pub(super) unsafe fn new(table: Option<&'a Table<B>>) -> Self {
        Self {
            table,
            from: 0,
            found: Vec::new(),
        }
    }
}

impl<P: Payload, B: LockBackend> Iterator for Iter<'_, P, B> {
    type Item = Counted<P, B>;

    fn next(&mut self) -> Option<Counted<P, B>> {
        loop {
            if let Some(node) = self.found.pop() {
                return Some(node);
            }
            if self.from >= Hash::END {
                return None;
            }
            let mut guard = self.table?.lock(Hash::from_number(self.from));
            // SAFETY: as `new` was promised.
            let step = unsafe { guard.listed_from(self.from, &mut self.found) };
            drop(guard);
            match step {
                Ok(from) => self.from = from,
                Err(nodes) => self.found.reserve(nodes),
            }
        }
    }
}

impl<P: Payload, B: LockBackend> FusedIterator for Iter<'_, P, B> {}
