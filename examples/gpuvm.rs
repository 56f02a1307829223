//! The deferred cleanup of drm/gpuvm (fourth version of the patch, October 2025): a last put on a path that must not free.
//!
//! ```text
//! Gem ───── lists, does not count ─────> VmBo ──── when its last reference is put ────> DEFERRED ──> the cleaner
//!  ^    under a mutex in the Gem          │
//!  └───────── holds a reference ──────────┘
//! ```
//!
//! A *GEM object* is a buffer of a graphics card. A *vm_bo* is the use of a buffer in an address space. The buffer lists its
//! vm_bos under its mutex and does not count them. Each vm_bo holds a reference to its buffer.
//!
//! Jobs of the card use vm_bos. When a job is done, its reference is put, on a path that must neither free nor wait for
//! memory. So the last put takes the vm_bo out of the list, and puts it on a lock-free list. The list is intrusive: a push
//! allocates nothing. A cleaner frees what is there later, and then puts the vm_bo's reference to the buffer.
//!
//! # Unlock, then push
//!
//! As soon as the vm_bo is on the lock-free list, the cleaner may free it, and put the reference to the buffer. If that is the last,
//! the buffer is freed, with the mutex in it. So the mutex is unlocked before the push:
//!
//! ```text
//! wrong: put_deferred                       the cleaner
//! -------------------                       -----------
//! put_lock: the last, mutex locked
//! remove from the list
//! push
//!                                           free the vm_bo
//!                                           put the buffer: the last, free it and the mutex
//! unlock: uses freed memory
//! ```
//!
//! A put that was *not* the last has no reference left that keeps the buffer, and may still be inside the lock: see the example
//! `gadgets`. So each job also holds a reference to the buffer, until its put has returned. That reference is put elsewhere, on a
//! path that may free. (`tests/model/gpuvm.rs` shows that both are needed.)
//!
//! Run it with `cargo run --example gpuvm`. It exits with status 1 if something is left.

use std::cell::Cell;
use std::process::ExitCode;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{
    AtomicBool, AtomicU32, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::thread::{self, Thread};

use kref::Kref;
use kref::llist::intrusive::{Linked, List, Node};

/// A buffer.
struct Gem {
    /// References: those of the program and its jobs, and one of each vm_bo.
    kref: Kref,
    /// The vm_bos, not counted. A thread that holds the lock may follow the pointers.
    vm_bos: Mutex<Vec<NonNull<VmBo>>>,
}

/// The use of a buffer in an address space.
struct VmBo {
    /// References: those of the jobs. The step to zero is made under the buffer's lock.
    kref: Kref,
    /// On the list of those that are to be freed.
    deferred: Node<VmBo>,
    address_space: u32,
    /// A counted reference, put after the vm_bo is freed.
    gem: NonNull<Gem>,
    jobs: AtomicU32,
}

// SAFETY: what is reached through a vm_bo is atomic, constant, or under its buffer's lock.
unsafe impl Send for VmBo {}

// SAFETY: always the same field.
unsafe impl Linked for VmBo {
    fn node(&self) -> &Node<Self> {
        &self.deferred
    }
}

/// What the cleaner is to free.
static DEFERRED: List<Box<VmBo>> = List::new();
/// Nothing will be pushed any more.
static IS_OVER: AtomicBool = AtomicBool::new(false);

static VM_BOS_MADE: AtomicU32 = AtomicU32::new(0);
static VM_BOS_FREED: AtomicU32 = AtomicU32::new(0);
static GEMS_FREED: AtomicU32 = AtomicU32::new(0);
static JOBS: AtomicU32 = AtomicU32::new(0);

thread_local! {
    /// Whether this thread is on a path that must not free.
    static MUST_NOT_FREE: Cell<bool> = const { Cell::new(false) };
}

fn may_free() {
    assert!(!MUST_NOT_FREE.get(), "freed on a path that must not free");
}

fn gem_new() -> NonNull<Gem> {
    NonNull::from(Box::leak(Box::new(Gem {
        kref: Kref::new(),
        vm_bos: Mutex::new(Vec::new()),
    })))
}

/// Drops a reference to a buffer, and frees it if that was the last one. Nobody can find a buffer, so no lock is needed.
///
/// # Safety
///
/// The caller has a reference, and gives it up.
unsafe fn gem_put(gem: NonNull<Gem>) {
    may_free();
    // SAFETY: the caller's reference keeps the buffer alive until `put` has given it up.
    if unsafe { gem.as_ref() }.kref.put() {
        // SAFETY: it came from a box, and nobody else can reach it.
        drop(unsafe { Box::from_raw(gem.as_ptr()) });
        // Relaxed: only counts, here and below.
        GEMS_FREED.fetch_add(1, Relaxed);
    }
}

/// Finds the use of the buffer in an address space, or makes one. The caller gets a reference to it.
///
/// # Safety
///
/// The caller has a reference to the buffer.
unsafe fn vm_bo_obtain(gem: NonNull<Gem>, address_space: u32) -> NonNull<VmBo> {
    // SAFETY: the caller's reference keeps the buffer alive.
    let buffer = unsafe { gem.as_ref() };
    let mut list = buffer.vm_bos.lock().unwrap();
    for vm_bo in &*list {
        // SAFETY: it is in the list and we hold the lock, so it is alive.
        let candidate = unsafe { vm_bo.as_ref() };
        if candidate.address_space == address_space {
            candidate.kref.get();
            return *vm_bo;
        }
    }
    buffer.kref.get(); // the vm_bo's
    let vm_bo = NonNull::from(Box::leak(Box::new(VmBo {
        kref: Kref::new(),
        deferred: Node::new(),
        address_space,
        gem,
        jobs: AtomicU32::new(0),
    })));
    list.push(vm_bo);
    VM_BOS_MADE.fetch_add(1, Relaxed);
    vm_bo
}

/// Drops a reference to a vm_bo, and frees nothing: the last one hands the vm_bo to the cleaner.
///
/// # Safety
///
/// The caller has a reference to the vm_bo, and gives it up; and one to its buffer, which it keeps until this has returned.
unsafe fn vm_bo_put_deferred(vm_bo: NonNull<VmBo>, cleaner: &Thread) {
    // SAFETY: the caller's reference keeps the vm_bo alive until the put.
    let object = unsafe { vm_bo.as_ref() };
    // SAFETY: the caller's reference to the buffer keeps the lock until this returns.
    let lock = unsafe { &object.gem.as_ref().vm_bos };
    let Some(mut list) = object.kref.put_lock(lock) else {
        return; // it may be gone already
    };
    list.retain(|listed| *listed != vm_bo);
    // Before the push, after which the cleaner may free the buffer.
    drop(list);
    // SAFETY: it came from a box, its count is zero, and it cannot be found any more.
    let zombie = unsafe { Box::from_raw(vm_bo.as_ptr()) };
    if DEFERRED.push(zombie) {
        cleaner.unpark();
    }
}

/// Frees what is deferred, until nothing more will come.
fn clean_up() {
    loop {
        // Acquire: pairs with the Release in `main`: what was pushed before it is in the list.
        let is_over = IS_OVER.load(Acquire);
        let zombies = DEFERRED.take_all();
        let is_idle = zombies.is_empty();
        for zombie in zombies {
            let gem = zombie.gem;
            JOBS.fetch_add(zombie.jobs.load(Relaxed), Relaxed);
            drop(zombie);
            VM_BOS_FREED.fetch_add(1, Relaxed);
            // SAFETY: this was the vm_bo's reference.
            unsafe { gem_put(gem) };
        }
        if is_over {
            return;
        }
        if is_idle {
            thread::park();
        }
    }
}

/// A reference to a buffer on its way to another thread.
struct Sent(NonNull<Gem>);

// SAFETY: what is reached through a buffer is atomic or under its lock, and whichever thread puts it last may free it.
unsafe impl Send for Sent {}

impl Sent {
    /// By value, so that a closure takes the whole of `Sent` along and not the pointer in it.
    fn receive(self) -> NonNull<Gem> {
        self.0
    }
}

/// Runs jobs on a buffer, to which the caller gives up a reference.
fn run_jobs(sent: Sent, thread: u32, jobs: u32, cleaner: &Thread) {
    let gem = sent.receive();
    let done = |vm_bo| {
        MUST_NOT_FREE.set(true); // the interrupt says that the job is done
        // SAFETY: we do not use this reference again, and have one to the buffer.
        unsafe { vm_bo_put_deferred(vm_bo, cleaner) };
        MUST_NOT_FREE.set(false);
    };
    let mut running = None;
    for job in 0..jobs {
        // SAFETY: the reference that was sent is put below.
        let vm_bo = unsafe { vm_bo_obtain(gem, (thread + job / 4) % 2) };
        // SAFETY: the reference that we just got keeps it alive.
        unsafe { vm_bo.as_ref() }.jobs.fetch_add(1, Relaxed);
        // The job before ends when this one has begun.
        running.replace(vm_bo).into_iter().for_each(done);
    }
    running.into_iter().for_each(done);
    // SAFETY: we do not use this reference again.
    unsafe { gem_put(gem) };
}

fn main() -> ExitCode {
    const THREADS: u32 = 4;
    let (buffers, jobs) = if cfg!(miri) { (3, 10) } else { (200, 500) };
    let cleaner = thread::spawn(clean_up);
    for _ in 0..buffers {
        let gem = gem_new();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                // SAFETY: we have a reference until it is put below.
                unsafe { gem.as_ref() }.kref.get();
                let (sent, cleaner) = (Sent(gem), cleaner.thread());
                scope.spawn(move || run_jobs(sent, thread, jobs, cleaner));
            }
            // SAFETY: we do not use this reference again.
            unsafe { gem_put(gem) };
        });
    }
    // Release: pairs with the Acquire of the cleaner.
    IS_OVER.store(true, Release);
    cleaner.thread().unpark();
    cleaner.join().unwrap();

    // Relaxed: the threads were joined.
    let [made, freed, gems, done] =
        [&VM_BOS_MADE, &VM_BOS_FREED, &GEMS_FREED, &JOBS].map(|count| count.load(Relaxed));
    println!("jobs        {done} of {}", buffers * THREADS * jobs);
    println!("vm_bos      {made} made, {freed} put on the list and freed by the cleaner");
    println!("GEM objects {buffers} made, {gems} freed");
    if (made, buffers, buffers * THREADS * jobs) == (freed, gems, done) {
        ExitCode::SUCCESS
    } else {
        println!("something is left");
        ExitCode::FAILURE
    }
}
