//! What the two caches have in common.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// A handle to a directory entry, which keeps the entry, and its parents up to the root, alive.
pub(crate) trait Cached: Clone + Send + Sync {
    /// Creates the entry at which paths begin. It lives as long as its handles and its children.
    fn root(path: &Path, metadata: Metadata) -> Self;

    /// Finds a child in the cache.
    fn lookup(&self, name: &OsStr) -> Option<Self>;

    /// Adds a child to the cache, unless another thread has just done so, and returns its handle.
    fn insert(&self, name: &OsStr, metadata: Metadata) -> Self;

    /// The name in the directory; the whole path for the root.
    fn name(&self) -> &OsStr;

    fn metadata(&self) -> &Metadata;

    /// What tells the entry from all others that are alive: its address.
    fn id(&self) -> usize;

    /// Puts together the path of the entry, from its parents' names.
    fn path(&self) -> PathBuf;
}
