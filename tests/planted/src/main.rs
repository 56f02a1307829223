//! Three bugs, made on purpose with what the crate offers, one for each sanitizer.
//!
//! `scripts/sanitizers.sh` runs them before the tests, and fails if a sanitizer does not report its bug: what
//! cannot see these sees nothing in the tests either. Each bug is one that somebody makes, and each
//! is in one line, which says what should be there.

use std::cell::UnsafeCell;
use std::mem;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use kref::atomic::AtomicExt;
use kref::{Kref, Ref};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("race") => race(),
        Some("use_after_free") => use_after_free(),
        Some("leak") => leak(),
        _ => {
            eprintln!("usage: planted race | use_after_free | leak");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// A count of one's own, whose put publishes nothing: the last one destroys the value while, for all that
/// it knows, the other still writes.
fn race() {
    struct Shared {
        refs: AtomicU32,
        uses: UnsafeCell<[u32; 2]>,
    }

    // SAFETY: none; this is the bug.
    unsafe impl Sync for Shared {}

    let shared = Shared {
        refs: AtomicU32::new(2),
        uses: UnsafeCell::new([0; 2]),
    };
    // The sanitizer may take a thread for one that has ended before.
    let both = Barrier::new(2);
    thread::scope(|scope| {
        for user in 0..2 {
            let (shared, both) = (&shared, &both);
            scope.spawn(move || {
                both.wait();
                // SAFETY: each thread has an element to itself.
                unsafe { (*shared.uses.get())[user] += 1 };
                // The bug: AcqRel.
                if shared.refs.dec_and_test(Relaxed) {
                    // SAFETY: the last reference would exclude the others, if they had released theirs.
                    unsafe { *shared.uses.get() = [0; 2] };
                }
            });
        }
    });
}

/// An object that is freed with its last put, and still in the index: `get_unless_zero` asks a count that is
/// gone.
fn use_after_free() {
    struct Object {
        kref: Kref,
    }

    let object = NonNull::from(Box::leak(Box::new(Object { kref: Kref::new() })));
    let index = [object];
    // SAFETY: there is a reference.
    if unsafe { object.as_ref() }.kref.put() {
        // The bug: it leaves the index first, under the index's lock.
        // SAFETY: made from a box.
        drop(unsafe { Box::from_raw(object.as_ptr()) });
    }
    for found in index {
        // SAFETY: none; this is the bug.
        let alive = unsafe { found.as_ref() }.kref.get_unless_zero();
        println!("{}", if alive { "alive" } else { "dying" });
    }
}

/// References that are given up without a put.
fn leak() {
    for number in 0..100 {
        let object = Ref::new([number; 16]);
        let user = Ref::clone(&object);
        // The bug: drop.
        mem::forget(user);
    }
}
