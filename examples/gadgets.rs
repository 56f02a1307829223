//! A gadget and its sub-gadgets: put-with-lock, written by hand with `Kref`.
//!
//! ```text
//! Gadget ───── lists, does not count ─────> SubGadget
//!    ^                                          │
//!    └────────── holds a reference ─────────────┘
//! ```
//!
//! A sub-gadget keeps its gadget alive. The gadget lists its sub-gadgets under a lock, so that they
//! can be found by number, and holds no reference to them: an unused sub-gadget is freed.
//!
//! A lookup may find a sub-gadget in the list while another thread drops the last reference to it. So the last put
//! takes the gadget's lock *before* the count becomes zero, and takes the
//! sub-gadget out of the list before it unlocks. Then a thread that holds the lock finds only live sub-gadgets in
//! the list, and a lookup may simply take a reference. All other puts leave the lock alone.
//!
//! # The lock has to outlive the put
//!
//! The lock is in the gadget, and the gadget lives by the references of its sub-gadgets. So a put of a sub-gadget may end the gadget,
//! and not only the put that is the last:
//!
//! ```text
//! A: put_lock(&gadget.lock)                 B: put_lock(&gadget.lock)
//! -------------------------                 -------------------------
//! count 2 -> 1: not the last
//!                                           count 1 -> 0 under the lock
//!                                           free the sub-gadget
//!                                           put the gadget: the last, free it and the lock
//! return from `put_lock`, which
//! has a reference to the lock
//! ```
//!
//! The same may happen to a thread that has just unlocked and is still inside the drop of the guard.
//! `Kref::put_lock` says that this must not be: the lock has to outlive the call and the drop of the guard. So
//! `sub_gadget_put` takes a reference to the gadget before it puts the sub-gadget, and puts that reference last.
//! (The example `dentry_cache` takes such a reference only when the lock is really taken.)
//!
//! Run it with `cargo run --example gadgets`.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use kref::Kref;

/// Has sub-gadgets.
struct Gadget {
    /// References: those of the program, and one of each sub-gadget.
    kref: Kref,
    /// The sub-gadgets, not counted. A thread that holds the lock may follow the pointers.
    sub_gadgets: Mutex<Vec<NonNull<SubGadget>>>,
}

/// Belongs to a gadget, and keeps it alive.
struct SubGadget {
    /// References: those of the program only. The step to zero is made under the gadget's lock.
    kref: Kref,
    number: u32,
    /// A counted reference, put after the sub-gadget is freed.
    gadget: NonNull<Gadget>,
    uses: AtomicU32,
}

/// What happened, to be printed.
struct Counts {
    added: AtomicU32,
    found: AtomicU32,
    freed: AtomicU32,
    gadgets_freed: AtomicU32,
}

static COUNTS: Counts = Counts {
    added: AtomicU32::new(0),
    found: AtomicU32::new(0),
    freed: AtomicU32::new(0),
    gadgets_freed: AtomicU32::new(0),
};

/// Creates a gadget. The caller has the first reference.
fn gadget_new() -> NonNull<Gadget> {
    NonNull::from(Box::leak(Box::new(Gadget {
        kref: Kref::new(),
        sub_gadgets: Mutex::new(Vec::new()),
    })))
}

/// Takes a reference to a gadget.
///
/// # Safety
///
/// The caller has a reference to it already.
unsafe fn gadget_get(gadget: NonNull<Gadget>) {
    // SAFETY: the caller's reference keeps the gadget alive.
    unsafe { gadget.as_ref() }.kref.get();
}

/// Drops a reference to a gadget, and frees it if that was the last one. No lock is needed: a gadget
/// is in no list, so nobody can find one whose count is zero.
///
/// # Safety
///
/// The caller has a reference, and gives it up.
unsafe fn gadget_put(gadget: NonNull<Gadget>) {
    // SAFETY: the caller's reference keeps the gadget alive until `put` has given it up.
    if unsafe { gadget.as_ref() }.kref.put() {
        // SAFETY: it came from a box, and this was the last reference: nobody else can reach it.
        drop(unsafe { Box::from_raw(gadget.as_ptr()) });
        // Relaxed: only counts.
        COUNTS.gadgets_freed.fetch_add(1, Relaxed);
    }
}

/// Finds the gadget's sub-gadget of this number, or adds one. The caller gets a reference to it.
///
/// # Safety
///
/// The caller has a reference to the gadget.
unsafe fn sub_gadget_find_or_add(gadget: NonNull<Gadget>, number: u32) -> NonNull<SubGadget> {
    // SAFETY: the caller's reference keeps the gadget alive.
    let parent = unsafe { gadget.as_ref() };
    let mut list = parent.sub_gadgets.lock().unwrap();
    for sub_gadget in &*list {
        // SAFETY: it is in the list and we hold the lock, so it is alive.
        let candidate = unsafe { sub_gadget.as_ref() };
        if candidate.number == number {
            // Its count is not zero, for the same reason: this may be `get`.
            candidate.kref.get();
            // Relaxed: only counts.
            COUNTS.found.fetch_add(1, Relaxed);
            return *sub_gadget;
        }
    }
    // The reference that the new sub-gadget holds.
    parent.kref.get();
    let sub_gadget = NonNull::from(Box::leak(Box::new(SubGadget {
        kref: Kref::new(),
        number,
        gadget,
        uses: AtomicU32::new(0),
    })));
    list.push(sub_gadget);
    // Relaxed: only counts.
    COUNTS.added.fetch_add(1, Relaxed);
    sub_gadget
}

/// Drops a reference to a sub-gadget; the last one takes it out of the list, frees it, and puts the
/// gadget.
///
/// It takes a pointer, as a `&SubGadget` argument would promise that the sub-gadget is there until
/// the function returns. The gadget, with the lock, is there until then, by a reference of its own.
///
/// # Safety
///
/// The caller has a reference, and gives it up.
unsafe fn sub_gadget_put(sub_gadget: NonNull<SubGadget>) {
    // SAFETY: the caller's reference keeps the sub-gadget alive.
    let child = unsafe { sub_gadget.as_ref() };
    let gadget = child.gadget;
    // SAFETY: the sub-gadget is alive, and has a reference to the gadget.
    unsafe { gadget_get(gadget) };
    // SAFETY: the reference that was taken just now keeps the gadget alive, and the lock in it, until it is put
    // below. By then `put_lock` has returned, and the guard is dropped.
    let lock = unsafe { &gadget.as_ref().sub_gadgets };

    if let Some(list) = child.kref.put_lock(lock) {
        // SAFETY: the put was the last, and the guard is of its gadget's lock.
        unsafe { sub_gadget_release(sub_gadget, list) };
        // SAFETY: this was the reference of the sub-gadget, which is gone.
        unsafe { gadget_put(gadget) };
    }
    // Otherwise there are other references, or there were: the sub-gadget may be gone already.

    // SAFETY: this is the reference that was taken above, and nothing of the gadget is used any more.
    unsafe { gadget_put(gadget) };
}

/// Takes a sub-gadget out of the list, unlocks, and frees it.
///
/// # Safety
///
/// The count of the sub-gadget is zero, and `list` is that of its gadget, locked since before it became zero. The
/// caller has a reference to the gadget.
unsafe fn sub_gadget_release(
    sub_gadget: NonNull<SubGadget>,
    mut list: MutexGuard<'_, Vec<NonNull<SubGadget>>>,
) {
    // Nobody else has a reference, and nobody finds it while we hold the lock.
    list.retain(|listed| *listed != sub_gadget);
    drop(list);
    // SAFETY: it came from a box, and now it cannot be found any more either.
    drop(unsafe { Box::from_raw(sub_gadget.as_ptr()) });
    // Relaxed: only counts.
    COUNTS.freed.fetch_add(1, Relaxed);
}

/// A reference to a gadget on its way to another thread.
struct Sent(NonNull<Gadget>);

// SAFETY: what is reached through a gadget is atomic, constant, or under its lock, and whichever
// thread puts it last may free it.
unsafe impl Send for Sent {}

impl Sent {
    /// By value, so that a closure takes the whole of `Sent` along and not the pointer in it.
    fn receive(self) -> NonNull<Gadget> {
        self.0
    }
}

fn one_thread() {
    let print = |what: &str| {
        let freed = COUNTS.freed.load(Relaxed);
        let gadgets_freed = COUNTS.gadgets_freed.load(Relaxed);
        println!("  {what:38} {freed} sub-gadgets and {gadgets_freed} gadgets freed");
    };
    println!("one thread:");
    let gadget = gadget_new();
    // SAFETY: the reference to the gadget is ours until we put it below.
    let first = unsafe { sub_gadget_find_or_add(gadget, 7) };
    print("added sub-gadget 7");
    // SAFETY: as above.
    let second = unsafe { sub_gadget_find_or_add(gadget, 7) };
    assert_eq!(first, second);
    print("found sub-gadget 7");
    // SAFETY: we do not use this reference again.
    unsafe { gadget_put(gadget) };
    print("put the gadget, sub-gadget 7 keeps it");
    // SAFETY: we do not use this reference again.
    unsafe { sub_gadget_put(first) };
    print("put sub-gadget 7, there is another");
    // SAFETY: we do not use this reference again.
    unsafe { sub_gadget_put(second) };
    print("put sub-gadget 7, the last");
}

fn many_threads(threads: u32, rounds: u32) {
    println!("{threads} threads, which use a sub-gadget {rounds} times each:");
    let gadget = gadget_new();
    thread::scope(|scope| {
        for thread in 0..threads {
            // SAFETY: we have a reference until the end of this scope's closure. Taken here and not
            // in the thread: a reference is taken before the pointer is handed on.
            unsafe { gadget_get(gadget) };
            let sent = Sent(gadget);
            scope.spawn(move || {
                let gadget = sent.receive();
                for round in 0..rounds {
                    // SAFETY: the reference that was sent is put below.
                    let used = unsafe { sub_gadget_find_or_add(gadget, (thread + round) % 3) };
                    // SAFETY: the reference that we just got keeps it alive. Relaxed: only counts.
                    unsafe { used.as_ref() }.uses.fetch_add(1, Relaxed);
                    // SAFETY: we do not use this reference again.
                    unsafe { sub_gadget_put(used) };
                }
                // SAFETY: as above.
                let last = unsafe { sub_gadget_find_or_add(gadget, 3) };
                // The gadget first: from now on it lives as long as its sub-gadget does.
                // SAFETY: we do not use this reference again.
                unsafe { gadget_put(gadget) };
                // SAFETY: we do not use this reference again.
                unsafe { sub_gadget_put(last) };
            });
        }
        // SAFETY: we do not use this reference again.
        unsafe { gadget_put(gadget) };
    });
    // Relaxed: the end of the scope has joined the threads.
    let [added, found, freed] =
        [&COUNTS.added, &COUNTS.found, &COUNTS.freed].map(|count| count.load(Relaxed));
    let gadgets_freed = COUNTS.gadgets_freed.load(Relaxed);
    println!(
        "  sub-gadgets added {added}, found {found}, freed {freed}; gadgets freed {gadgets_freed}"
    );
    assert_eq!(added, freed, "a sub-gadget leaked");
    assert_eq!(gadgets_freed, 2, "a gadget leaked");
}

fn main() {
    one_thread();
    many_threads(4, if cfg!(miri) { 30 } else { 50_000 });
}
