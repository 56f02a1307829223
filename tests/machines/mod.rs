//! State machines: the public operations of a type as an alphabet, a sequential model that says what
//! each of them does, and the shipped code, which must do the same.
//!
//! | file | what it drives |
//! |---|---|
//! | `refcount.rs` | `RefCount`, `Frozen`, `Kref` |
//! | `handback.rs` | `HandBack` |
//! | `rcuref.rs` | `RcuRef` |
//! | `refs.rs` | `Ref`, `UniqueRef`, of values, slices, strings and trait objects; `IntrusiveRef` |
//! | `weak.rs` | `WeakRef`, `Weak` |
//! | `sharded.rs`, `sharded_ref.rs` | `ShardedCount`; `ShardedRef` |
//! | `drain.rs` | `Drain`, its tokens and futures |
//! | `registry.rs` | `Registry`, `Handle` |
//! | `key_lock.rs` | `KeyLock`, its guards and futures |
//! | `interner.rs` | `Interner`, `Interned`, of `str`, slices and sized values |
//! | `llist.rs` | `LList`, its chains and its consumer |
//! | `intrusive.rs` | the intrusive lists and chains, over every kind of pointer |
//! | `values.rs`, `panics.rs`, `owned.rs`, `wakers.rs`, `backend.rs` | what the machines need |
//!
//! Two drivers use them, and nothing here knows of either: the property tests (`tests/properties`),
//! which shrink what fails, and the fuzz targets (`fuzz`), which run under a sanitizer.
//!
//! An operation names what it is about by numbers, modulo how many there are, so that every sequence
//! of operations is a valid one and may be shortened anywhere.

pub mod backend;
pub mod drain;
pub mod handback;
pub mod interner;
pub mod intrusive;
pub mod key_lock;
pub mod llist;
pub mod owned;
pub mod panics;
pub mod rcuref;
pub mod refcount;
pub mod refs;
pub mod registry;
pub mod sharded;
pub mod sharded_ref;
pub mod values;
pub mod wakers;
pub mod weak;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher};

/// The sequential model: what is alive, which handles hold it, and what the last operation had to
/// return.
pub trait Model: Clone + Debug + Default + 'static {
    type Op: Clone + Debug + 'static;

    fn apply(&mut self, op: &Self::Op);
}

/// The shipped code, driven by the same operations.
pub trait Machine: Sized + 'static {
    type Model: Model;

    /// Every operation, made of two numbers; the more often, the more there is to find.
    const ALPHABET: &'static [Letter<Self>];

    fn new() -> Self;

    fn apply(&mut self, op: OpOf<Self>);

    /// Compares all that can be asked with the model after the same operations.
    fn check(&self, model: &Self::Model);

    /// Drops everything, and looks whether anything is left.
    fn finish(self, model: &Self::Model);
}

pub type OpOf<M> = <<M as Machine>::Model as Model>::Op;
pub type Letter<M> = fn(u16, u16) -> OpOf<M>;

/// An index into something of this length; nothing if it is empty.
pub fn pick(number: u16, len: usize) -> Option<usize> {
    usize::from(number).checked_rem(len)
}

/// How often each of them is there.
pub fn counts(ids: impl Iterator<Item = u32>) -> BTreeMap<u32, usize> {
    let mut counts = BTreeMap::new();
    ids.for_each(|id| *counts.entry(id).or_default() += 1);
    counts
}

/// A size in bytes, every order of magnitude as likely: from nothing to some 4 KiB.
pub fn size(number: u16) -> usize {
    usize::from(number / 14) % (1 << (number % 14))
}

/// Hashes everything to one of two numbers, which are far apart once the table has spread them.
#[derive(Clone, Copy, Default)]
pub struct TwoHashes(u64);

impl BuildHasher for TwoHashes {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for TwoHashes {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, byte| sum.wrapping_add(u64::from(*byte)));
    }
    fn finish(&self) -> u64 {
        self.0 % 2
    }
}
