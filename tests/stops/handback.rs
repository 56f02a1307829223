//! `HandBack`.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kref::HandBack;
use kref::lock::Lock;

use crate::backend::{Stops, behind, everywhere, raw, stopped, trace};
use crate::{MAX, SATURATED, UNNOTICED, edges, quiet};

type Count = HandBack<Stops>;

struct Table(Mutex<()>);

// SAFETY: the guard is the mutex's own.
unsafe impl Lock for Table {
    type Guard<'a> = MutexGuard<'a, ()>;

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn table() -> Table {
    Table(Mutex::new(()))
}

fn at(word: u32) -> Count {
    let count = Count::new_in(0);
    raw(&count).store(word, Relaxed);
    count
}

/// Whether a put was the last; the lock is released, after which nobody finds the object.
fn put(count: &Count, table: &Table) -> bool {
    count.put_lock(table).is_some()
}

#[test]
fn a_put_that_was_not_the_last_touches_nothing_afterwards() {
    quiet();
    let table = table();
    for word in edges() {
        let count = at(word);
        let (last, steps) = trace(|| put(&count, &table));
        assert_eq!(last, word == 1, "{word:#x}");
        let left = word.wrapping_sub(1);
        let far = (0x9000_0000..0xF000_0000).contains(&left) && left.abs_diff(SATURATED) >= 1 << 28;
        assert!(steps.len() == 1 || word <= 1 || far, "{word:#x}: {steps:?}");
    }
}

/// Issue 12, A1, with the count of the handles.
#[test]
fn a_put_is_not_the_last_because_of_what_others_put_while_it_stands() {
    quiet();
    let table = table();
    for drops in [1, 1 << 30, MAX - 1, MAX] {
        for word in [MAX, UNNOTICED, UNNOTICED + 1] {
            let count = at(word);
            let run = stopped(
                behind(1),
                || put(&count, &table),
                || raw(&count).fetch_sub(drops, Relaxed),
            );
            assert!(!run.result, "{word:#x}, {drops:#x} others");
            assert_eq!(run.after, [], "{word:#x}, {drops:#x} others");
        }
    }
}

/// The pending owner stands anywhere. A lookup finds the object, and takes so many clones that the count is pinned: the
/// object is not dead, now or ever.
#[test]
fn a_put_that_is_pending_for_any_time_does_not_free_what_saturated_meanwhile() {
    quiet();
    let table = table();
    everywhere(|place| {
        let count = Count::new_in(1);
        let run = stopped(
            place,
            || put(&count, &table),
            || {
                let found = table.0.try_lock().is_ok_and(|_held| {
                    count.get_locked();
                    true
                });
                // As many clones as there may be, and two more, which pin the count.
                raw(&count).store(MAX, Relaxed);
                count.get();
                count.get();
                found
            },
        );
        if run.meanwhile == Some(true) && run.before.len() < 2 {
            assert!(!run.result, "{place:?}: {run:?}");
            let now = raw(&count).load(Relaxed);
            assert!(now.abs_diff(SATURATED) < 5, "{place:?}: {now:#x}");
        }
        run.meanwhile.is_some()
    });
}

/// The put stands anywhere before it has the lock; a lookup finds the object, and drops its reference or keeps it. One
/// put is the last, the lookup's or the one that stood.
#[test]
fn one_put_is_the_last_wherever_the_pending_one_stands() {
    quiet();
    let table = table();
    for stays in [true, false] {
        everywhere(|place| {
            let count = Count::new_in(1);
            let run = stopped(
                place,
                || put(&count, &table),
                || {
                    let Ok(held) = table.0.try_lock() else {
                        return None;
                    };
                    count.get_locked();
                    drop(held);
                    Some(!stays && put(&count, &table))
                },
            );
            let Some(meanwhile) = run.meanwhile else {
                return false;
            };
            // While the put holds the lock nobody can come.
            let Some(finder) = meanwhile else {
                assert!(run.result);
                return true;
            };
            assert!(!finder, "the pending reference counts: {place:?}");
            if run.before.len() < 2 {
                assert_eq!(run.result, !stays, "{place:?}");
                assert_eq!(raw(&count).load(Relaxed), u32::from(stays), "{place:?}");
            }
            true
        });
    }
}
