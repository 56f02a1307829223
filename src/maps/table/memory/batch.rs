//! Free slots on their way from or to a shard.

use core::ptr::NonNull;

use crate::lock::LockBackend;
use crate::maps::table::node::Node;

/// Some free slots, which are linked to one another.
pub(in crate::maps::table) struct Batch<B: LockBackend> {
    first: Option<NonNull<Node<B>>>,
    len: usize,
}

impl<B: LockBackend> Batch<B> {
    pub(in crate::maps::table) const fn new() -> Self {
        Self {
            first: None,
            len: 0,
        }
    }

    pub(in crate::maps::table) fn len(&self) -> usize {
        self.len
    }

    /// Adds a slot that is free.
    #[inline]
    pub(in crate::maps::table) fn push(&mut self, node: NonNull<Node<B>>) {
        // SAFETY: a slot is a node.
        unsafe { node.as_ref() }.set_next(self.first);
        self.first = Some(node);
        self.len += 1;
    }

    #[inline]
    pub(in crate::maps::table) fn pop(&mut self) -> Option<NonNull<Node<B>>> {
        let node = self.first?;
        // SAFETY: a slot is a node.
        self.first = unsafe { node.as_ref() }.next();
        self.len -= 1;
        Some(node)
    }

    pub(in crate::maps::table) fn append(&mut self, other: &mut Self) {
        while let Some(node) = other.pop() {
            self.push(node);
        }
    }

    /// Takes all but so many out.
    pub(in crate::maps::table) fn split_off(&mut self, keep: usize) -> Self {
        let mut rest = Self::new();
        while self.len > keep {
            let node = self.pop().expect("there are as many as its length");
            rest.push(node);
        }
        rest
    }
}
