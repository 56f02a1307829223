//! sled#1289 (also sled#1234, gluesql#1944): a database is opened again while its last user is still closing it.
//!
//! A database has a lock on its file, and can be open once only. Its users share it, and open it when nobody has it open. The
//! last drop returned before the lock was released; a user that opened the database at once got "could not acquire
//! lock". Programs then sleep and try again. A map of weak references has the same window: the entry is dead from
//! the last drop on, and the destructor that closes the file runs after that. So has every map that forgets an object first and
//! destroys it then.
//!
//! ```text
//! last drop                                  open                       file
//! ---------                                  ----                       ----
//! the entry leaves the map                                              locked
//!                                            not found: open, lock      locked: refused
//! destructor: flush, unlock                                             unlocked
//! ```
//!
//! `wrong` is a [`Registry`] of this crate: its keys are vacant from the last drop on. `ours` is one whose keys are exclusive.

use std::sync::Arc as StdArc;
use std::sync::Mutex;
use std::sync::atomic::Ordering::{AcqRel, Release};

use kref::atomic::{Atomic, Backend};
use kref::{Handle, Registry};
use loom::sync::Arc;

use crate::backend::Rmw;
use crate::maps::OneHash;
use crate::object::threads;

/// A lock of the system, for which nobody waits.
type FileLock = StdArc<<Rmw as Backend>::U32>;

struct Database(FileLock);

impl Database {
    fn open(lock: &FileLock) -> Self {
        let was_locked = lock.swap(1, AcqRel) == 1;
        assert!(!was_locked, "could not acquire lock");
        Self(lock.clone())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.store(0, Release);
        }
    }
}

type Map = Registry<u32, Database, OneHash, Rmw>;

struct Users {
    open: Map,
    first: Mutex<Option<Handle<u32, Database, Rmw>>>,
    lock: FileLock,
}

fn close(users: &Users) {
    let first = users.first.lock().unwrap().take();
    drop(first);
}

fn open_and_close(users: &Users) {
    drop(
        users
            .open
            .get_or_insert_with(7, |_| Database::open(&users.lock)),
    );
}

fn reopen(open: Map) {
    let lock = FileLock::new(Atomic::new(0));
    let first = open.get_or_insert_with(7, |_| Database::open(&lock));
    let first = Mutex::new(Some(first));
    let users = Arc::new(Users { open, first, lock });
    threads(&users, [close as fn(&_), open_and_close]);
    assert!(users.open.is_empty());
    drop(users);
}

mod wrong {
    use super::*;

    #[test]
    #[should_panic(expected = "could not acquire lock")]
    fn sled_1289_vacant_while_it_closes() {
        crate::check_bounded(|| reopen(Map::new_in(1, OneHash)));
    }
}

mod ours {
    use super::*;

    /// What opens waits for the destructor, as it waits for a constructor.
    #[test]
    fn sled_1289_exclusive_keys() {
        crate::check_bounded(|| reopen(Map::new_in(1, OneHash).exclusive()));
    }
}
