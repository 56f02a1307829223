//! The cache itself: entries that keep their parents alive, and are found through them.
//!
//! All the `unsafe` of the example is here. The kernel's names: `dget` is [`Dentry::clone`], `dput`
//! is the drop of a [`Dentry`], `d_lookup` is [`Dentry::lookup`], `d_add` is [`Dentry::insert`], and
//! `d_path` is [`Dentry::path`].
//!
//! ```text
//! Dentry (a handle) ── counted ──> Entry ── counted ──> parent's Entry ──> ... ──> root
//!                                    ^                        │
//!                                    └──── not counted ───────┘  in the parent's table, under its lock
//! ```
//!
//! # Invariants
//!
//! 1. An entry is in its parent's table from the moment it is published until its count has become
//!    zero. The count becomes zero, and the entry leaves the table, in one critical section of the
//!    parent's lock. So a thread that holds that lock finds only live entries in the table.
//! 2. An entry holds one counted reference to its parent until it has been freed. So a thread that
//!    has a reference to an entry may read all the entries up to the root.
//! 3. `parent`, `name` and `metadata` never change.
//! 4. At most one lock is held at a time, and no reference is put under a lock.
//!
//! The root is in no table, so no thread can find it when its count is zero, and its last put needs
//! no lock.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard};

use kref::Kref;
use kref::lock::Lock;

use crate::cache::Cached;
use crate::counts::{LIVE, count};

type Children = HashMap<Box<OsStr>, NonNull<Entry>>;

/// A directory entry; see the invariants of the module.
struct Entry {
    kref: Kref,
    /// Counted. None for the root.
    parent: Option<NonNull<Entry>>,
    /// The name in the parent's table; the whole path for the root.
    name: Box<OsStr>,
    metadata: Metadata,
    /// Not counted.
    children: Mutex<Children>,
}

/// A handle: a counted reference to an entry. The entry, and its parents up to the root, live as long
/// as it does.
pub(crate) struct Dentry {
    entry: NonNull<Entry>,
}

// SAFETY: an entry is constant but for its count, which is atomic, and its table, which is under a
// lock; and any thread may free it, as names and metadata belong to no thread.
unsafe impl Send for Dentry {}
// SAFETY: as above.
unsafe impl Sync for Dentry {}

impl Dentry {
    /// Makes a live entry of a new one; the handle is its first reference.
    fn publish(entry: Box<Entry>) -> Self {
        LIVE.add();
        count(|counts| counts.created += 1);
        Self {
            entry: NonNull::from(Box::leak(entry)),
        }
    }

    /// Takes a reference to an entry.
    ///
    /// # Safety
    ///
    /// The caller has a reference to it, or found it in its parent's table and still holds the lock.
    unsafe fn get(entry: NonNull<Entry>) -> Self {
        // SAFETY: the caller's reference keeps it alive, or it is in the table (invariant 1).
        unsafe { entry.as_ref() }.kref.get();
        Self { entry }
    }

    fn entry(&self) -> &Entry {
        // SAFETY: our reference keeps it alive for as long as `self` is borrowed, and nobody has it
        // by a mutable reference.
        unsafe { self.entry.as_ref() }
    }
}

impl Cached for Dentry {
    fn root(path: &Path, metadata: Metadata) -> Self {
        let root = Entry::new(None, path.as_os_str(), metadata);
        Self::publish(root)
    }

    fn lookup(&self, name: &OsStr) -> Option<Self> {
        let children = self.entry().children();
        let child = *children.get(name)?;
        // SAFETY: it is in the table, and we hold the lock.
        Some(unsafe { Self::get(child) })
    }

    fn insert(&self, name: &OsStr, metadata: Metadata) -> Self {
        // Allocated before the lock is taken and, if it is not wanted, freed after it is released.
        let child = Entry::new(Some(self.entry), name, metadata);
        let key = child.name.clone();
        let mut children = self.entry().children();
        match children.entry(key) {
            hash_map::Entry::Occupied(present) => {
                count(|counts| counts.inserted_by_others += 1);
                // SAFETY: it is in the table, and we hold the lock.
                unsafe { Self::get(*present.get()) }
            }
            hash_map::Entry::Vacant(place) => {
                // The child's reference to its parent. We have one, so this may be `get`.
                self.entry().kref.get();
                let child = Self::publish(child);
                place.insert(child.entry);
                child
            }
        }
    }

    fn name(&self) -> &OsStr {
        &self.entry().name
    }

    fn metadata(&self) -> &Metadata {
        &self.entry().metadata
    }

    fn id(&self) -> usize {
        self.entry.addr().get()
    }

    fn path(&self) -> PathBuf {
        let mut names = Vec::new();
        let mut entry = self.entry();
        while let Some(parent) = entry.parent {
            names.push(&*entry.name);
            // SAFETY: our reference keeps all the parents alive (invariant 2).
            entry = unsafe { parent.as_ref() };
        }
        let mut path = PathBuf::from(&entry.name);
        path.extend(names.into_iter().rev());
        path
    }
}

impl Clone for Dentry {
    fn clone(&self) -> Self {
        // SAFETY: `self` is a reference.
        unsafe { Self::get(self.entry) }
    }
}

impl Drop for Dentry {
    fn drop(&mut self) {
        // SAFETY: `self` was a reference and is not used again.
        unsafe { put(self.entry) }
    }
}

impl Entry {
    fn new(parent: Option<NonNull<Self>>, name: &OsStr, metadata: Metadata) -> Box<Self> {
        Box::new(Self {
            kref: Kref::new(),
            parent,
            name: name.into(),
            metadata,
            children: Mutex::default(),
        })
    }

    fn children(&self) -> MutexGuard<'_, Children> {
        Lock::lock(&self.children)
    }
}

/// Puts a reference to an entry; the last one takes it out of its parent's table, frees it, and goes
/// on with the reference that it held to its parent. A loop, as a tree may be deeper than the stack.
///
/// # Safety
///
/// The caller has a reference to the entry, and gives it up.
unsafe fn put(mut entry: NonNull<Entry>) {
    loop {
        // SAFETY: the reference that is being put keeps it alive.
        let current = unsafe { entry.as_ref() };
        let Some(parent) = current.parent else {
            // SAFETY: the reference is given up, and the entry is a root.
            unsafe { put_root(entry) };
            return;
        };
        // SAFETY: `put_lock` calls `lock` before it has put the reference, which keeps the entry and
        // therefore the parent alive.
        let lock = unsafe { ParentLock::new(parent) };
        match current.kref.put_lock(&lock) {
            None if !lock.is_taken() => {
                // Neither the entry nor its parent may be touched again: both may be gone.
                count(|counts| counts.puts_without_lock += 1);
                return;
            }
            None => {
                // A lookup came first and the entry lives on. The parent's lock has been released,
                // and the parent is still here by the reference that `lock` took.
                count(|counts| counts.races_lost += 1);
            }
            Some(mut children) => {
                count(|counts| counts.last_puts += 1);
                let listed = children.remove(&current.name);
                assert_eq!(listed, Some(entry), "not the entry that the parent lists");
                drop(children);
                // SAFETY: the count became zero and the entry left the table before the lock was
                // released (invariant 1): nobody has it and nobody finds it. It came from a box.
                drop(unsafe { Box::from_raw(entry.as_ptr()) });
                LIVE.remove();
                // SAFETY: `lock` took a reference to the parent, which is put in the next round.
                let parent = unsafe { parent.as_ref() };
                // The reference that the entry held; so it cannot be the last.
                parent.kref.as_ref().dec();
            }
        }
        entry = parent;
    }
}

/// Puts a reference to a root.
///
/// # Safety
///
/// The caller has a reference to the entry, which has no parent, and gives it up.
unsafe fn put_root(root: NonNull<Entry>) {
    count(|counts| counts.puts_without_lock += 1);
    // SAFETY: the reference that is being put keeps it alive.
    if unsafe { root.as_ref() }.kref.put() {
        // SAFETY: this was the last reference, and a root is in no table. It came from a box.
        drop(unsafe { Box::from_raw(root.as_ptr()) });
        LIVE.remove();
    }
}

/// The lock of a parent, as the put of a child needs it.
///
/// It is not simply `&parent.children`, because the parent may be gone before `put_lock` returns: our
/// put was not the last one, another thread made the last one, and that was the parent's last child.
/// So it is a pointer, followed only to take the lock. And a thread that takes the lock first takes a
/// reference to the parent, so that the lock is there until it has been released, whatever another
/// thread does as soon as it can be taken again. `taken` says that there is such a reference to be
/// put.
struct ParentLock {
    parent: NonNull<Entry>,
    taken: Cell<bool>,
}

impl ParentLock {
    /// # Safety
    ///
    /// Whenever `lock` is called, a child keeps the parent alive; and the reference that it takes is
    /// put after its guard is dropped.
    unsafe fn new(parent: NonNull<Entry>) -> Self {
        Self {
            parent,
            taken: Cell::new(false),
        }
    }

    fn is_taken(&self) -> bool {
        self.taken.get()
    }
}

// SAFETY: the guard is that of the parent's mutex.
unsafe impl Lock for ParentLock {
    type Guard<'a> = MutexGuard<'a, Children>;

    fn lock(&self) -> Self::Guard<'_> {
        // SAFETY: the child keeps it alive, and from the next line on our reference does, as was
        // promised to `new`.
        let parent = unsafe { self.parent.as_ref() };
        parent.kref.get();
        self.taken.set(true);
        parent.children()
    }
}
