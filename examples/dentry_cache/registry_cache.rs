//! The cache on `Registry`: the same as `dcache`, and no more `unsafe`, locks, or invariants to keep.
//!
//! A directory has a registry of its children, which holds no references to them. A child has a handle
//! of its directory. When the last handle of an entry is dropped, it leaves the registry; then the
//! handle that it holds is dropped, and so on, up to the root.

#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use kref::{Handle, Registry};

use crate::cache::Cached;
use crate::counts::{LIVE, count};

type Children = Registry<Box<OsStr>, Entry>;

/// A directory entry.
struct Entry {
    parent: Option<Dentry>,
    metadata: Metadata,
    children: Children,
}

/// A handle to an entry.
#[derive(Clone)]
pub(crate) struct Dentry(Handle<Box<OsStr>, Entry>);

impl Entry {
    fn new(parent: Option<Dentry>, metadata: Metadata) -> Self {
        LIVE.add();
        count(|counts| counts.created += 1);
        Self {
            parent,
            metadata,
            children: new_children(),
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        LIVE.remove();
    }
}

/// While it is empty it allocates nothing, and with few entries it is small.
const fn new_children() -> Children {
    Children::new()
}

impl Cached for Dentry {
    fn root(path: &Path, metadata: Metadata) -> Self {
        // No lookup has to find the root, so its registry is dropped at once.
        let root = Entry::new(None, metadata);
        Self(new_children().get_or_insert_with(path.as_os_str().into(), |_| root))
    }

    fn lookup(&self, name: &OsStr) -> Option<Self> {
        self.0.children.get(name).map(Self)
    }

    fn insert(&self, name: &OsStr, metadata: Metadata) -> Self {
        let mut inserted = false;
        let child = self.0.children.get_or_insert_with(name.into(), |_| {
            inserted = true;
            Entry::new(Some(self.clone()), metadata)
        });
        count(|counts| counts.inserted_by_others += u64::from(!inserted));
        Self(child)
    }

    fn name(&self) -> &OsStr {
        Handle::key(&self.0).as_ref()
    }

    fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    fn id(&self) -> usize {
        Handle::as_ptr(&self.0).addr()
    }

    fn path(&self) -> PathBuf {
        match &self.0.parent {
            None => self.name().into(),
            Some(parent) => parent.path().join(self.name()),
        }
    }
}
