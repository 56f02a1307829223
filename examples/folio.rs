//! Folios: pages that share one reference count, taken apart and put together while others use them.
//!
//! A folio is a run of pages that belong together, 2^order of them, as in the Linux kernel. Its first
//! page is the head and carries the count for all; the others say which page is their head. The page
//! cache has one reference for each page.
//!
//! ```text
//! folio of 4 pages     0 <- 1    2    3         count of page 0: 4, and one for each user
//!                      ^---------'    |
//!                      ^--------------'
//! split                0    1    2    3         count of each: 1, and one for each user
//! ```
//!
//! Threads find pages without a lock: read the page's head, *try to get* a reference to it, and look again
//! whether it still is the page's head. To split a folio, or to collapse pages into one, a thread must
//! have the only reference, and no other thread may get one until it is done. A look at the count cannot
//! promise that. [`RefCount::try_freeze`] does: if the count is exactly what is expected it becomes zero,
//! so that every try-get fails, and it gets its new value when the work is done. Here the pages are also
//! rewritten while they are frozen, by ordinary writes to memory that all threads read: if a freeze let
//! another thread in, it would see half of the write.
//!
//! The kernel's names: `folio_try_get`, `folio_get`, `folio_put`, `folio_ref_freeze`,
//! `folio_ref_unfreeze`, `split_folio`; khugepaged collapses.
//!
//! Run it with `cargo run --release --example folio`; `--help` tells the options. The exit code is 0; 1 if
//! a reference is missing, left over, or to another folio, a count was misused, or a thread saw a page half
//! written; 2 for a wrong option.

use std::cell::UnsafeCell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use clap::Parser;
use kref::{RefCount, report};

/// Splits and collapses folios while other threads find and read their pages, and checks all of it.
#[derive(Parser)]
struct Options {
    /// How many threads find and read pages
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=256))]
    readers: u16,

    /// How many threads split and collapse folios
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    splitters: u16,

    /// How many folios there are
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    folios: u16,

    /// A folio has 2^N pages
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    order: u8,

    /// How often each thread does what it does
    #[arg(long, value_name = "N", default_value_t = if cfg!(miri) { 100 } else { 20_000 })]
    rounds: u32,
}

/// A page of memory.
struct Page {
    /// The number of the first page of its folio.
    head: AtomicUsize,
    /// The references to the folio, if this is its head; zero if not.
    refs: RefCount,
    /// Its own number and how often it was written, all words alike.
    words: UnsafeCell<[(usize, u64); 16]>,
}

// SAFETY: `words` are read by a thread that has a reference to the page's folio, and written by a thread
// that has frozen the counts of all folios that the page belongs to before and after.
unsafe impl Sync for Page {}

/// A reference to the folio with this head, to be put.
#[must_use = "a reference has to be put"]
struct Folio(usize);

/// Why there is no reference.
#[derive(Clone, Copy, Debug, PartialEq)]
enum TryAgain {
    /// The folio is being split or collapsed, or the page that was its head is no longer a head.
    Frozen,
    /// The page belongs to another folio by now.
    Moved,
}

/// Lets the other threads run where it is most likely to do harm.
fn worst_moment() {
    thread::yield_now();
}

/// All pages, in runs of `size` that are one folio or `size` folios of one page.
struct Memory {
    pages: Vec<Page>,
    size: usize,
}

impl Memory {
    /// Pages in folios of `size`, all in the page cache.
    fn new(folios: usize, size: usize) -> Self {
        let page = |number: usize| {
            let head = number - number % size;
            let cached = if number == head { size as u32 } else { 0 };
            Page {
                head: AtomicUsize::new(head),
                refs: RefCount::new(cached),
                words: UnsafeCell::new([(number, 0); 16]),
            }
        };
        Self {
            pages: (0..folios * size).map(page).collect(),
            size,
        }
    }

    /// Finds the folio of a page and takes a reference to it.
    fn try_get(&self, number: usize) -> Result<Folio, TryAgain> {
        let page = &self.pages[number];
        // Relaxed: it is looked at again below.
        let head = page.head.load(Relaxed);
        worst_moment();
        if !self.pages[head].refs.inc_not_zero() {
            return Err(TryAgain::Frozen);
        }
        let folio = Folio(head);
        // Relaxed: `inc_not_zero` is Acquire, and pairs with the Release by which a split or a collapse
        // has set the count: a thread that got a reference after that sees what was written before.
        if page.head.load(Relaxed) != head {
            self.put(folio);
            return Err(TryAgain::Moved);
        }
        Ok(folio)
    }

    /// Takes one more reference to a folio that the caller has one to.
    fn get(&self, folio: &Folio) -> Folio {
        self.pages[folio.0].refs.inc();
        Folio(folio.0)
    }

    fn put(&self, folio: Folio) {
        let last = self.pages[folio.0].refs.dec_and_test();
        assert!(!last, "the page cache keeps its references");
    }

    /// Checks a page. The reference is to its folio.
    fn read(&self, number: usize, folio: &Folio) {
        // Relaxed: as in `try_get`; while there is a reference, a folio stays as it is.
        let head = self.pages[number].head.load(Relaxed);
        assert_eq!(head, folio.0, "a reference to another folio");
        // SAFETY: while there is a reference, nobody freezes the folio, so nobody writes.
        let words = unsafe { *self.pages[number].words.get() };
        assert!(
            words.iter().all(|word| *word == words[0]),
            "half written: {words:?}"
        );
        assert_eq!(words[0].0, number);
    }

    /// Writes the pages of a run.
    ///
    /// # Safety
    ///
    /// The caller has frozen what counts the references to them.
    unsafe fn write(&self, run: usize) {
        for page in &self.pages[run..run + self.size] {
            // SAFETY: no thread has a reference to the page, and no thread can get one.
            for word in unsafe { &mut *page.words.get() } {
                word.1 += 1;
            }
            worst_moment();
        }
    }

    /// Makes a folio of `size` pages from its first page on into `size` folios; returns `true` if it
    /// was one, and no other thread was using it.
    fn split(&self, run: usize) -> bool {
        let Ok(folio) = self.try_get(run) else {
            return false;
        };
        // Relaxed: as in `read`.
        if self.pages[run + 1].head.load(Relaxed) != run {
            self.put(folio); // it is one page already
            return false;
        }
        // The page cache's references, and ours: any other, and it is not the time.
        let Some(frozen) = self.pages[run].refs.try_freeze(self.size as u32 + 1) else {
            self.put(folio);
            return false;
        };
        // SAFETY: the count of their only folio is frozen.
        unsafe { self.write(run) };
        for number in run + 1..run + self.size {
            // Relaxed: published by the count, which is set next.
            self.pages[number].head.store(number, Relaxed);
            self.pages[number].refs.set_release(1);
        }
        frozen.unfreeze(2); // the page cache's reference to what is left of it, and ours
        self.put(folio);
        true
    }

    /// Makes `size` folios of one page into one; returns `true` if no other thread was using any of
    /// them.
    fn collapse(&self, run: usize) -> bool {
        let mut frozen = Vec::with_capacity(self.size);
        for page in &self.pages[run..run + self.size] {
            match page.refs.try_freeze(1) {
                Some(guard) => frozen.push(guard),
                None => return false, // the guards unfreeze what was frozen
            }
        }
        // SAFETY: each is a folio of its own, as otherwise its count would be zero or `size`, and they
        // are all frozen.
        unsafe { self.write(run) };
        for page in &self.pages[run + 1..run + self.size] {
            // Relaxed: published by the count of the head, which is set last.
            page.head.store(run, Relaxed);
        }
        let mut frozen = frozen.into_iter();
        let head = frozen.next().expect("a folio has pages");
        for tail in frozen {
            tail.unfreeze(0); // what has no count cannot be got
        }
        head.unfreeze(self.size as u32);
        true
    }

    /// Returns how many folios there are, after checking that the page cache's references are the only
    /// ones.
    fn check(&self) -> Result<usize, String> {
        let mut expected = vec![0; self.pages.len()];
        for page in &self.pages {
            // Relaxed: the threads have been joined.
            expected[page.head.load(Relaxed)] += 1;
        }
        for (number, (page, expected)) in self.pages.iter().zip(&expected).enumerate() {
            let found = page.refs.count();
            if found != *expected {
                return Err(format!("page {number}: count {found}, not {expected}"));
            }
        }
        Ok(expected.iter().filter(|pages| **pages > 0).count())
    }
}

/// What the threads did.
#[derive(Default)]
struct Tally {
    reads: AtomicUsize,
    frozen: AtomicUsize,
    moved: AtomicUsize,
    splits: AtomicUsize,
    collapses: AtomicUsize,
    busy: AtomicUsize,
    /// Whether a thread panicked.
    failed: AtomicBool,
}

/// Tells the other threads if this one panics: they might wait for it.
struct Watch<'a>(&'a Tally);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            // Relaxed: it orders nothing.
            self.0.failed.store(true, Relaxed);
        }
    }
}

fn count(cell: &AtomicUsize) {
    // Relaxed: a number to be printed when the threads have been joined.
    cell.fetch_add(1, Relaxed);
}

/// Numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        // Xorshift; the seed is not zero.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % bound
    }
}

fn reader(memory: &Memory, tally: &Tally, rounds: u32, mut random: Random) {
    let _watch = Watch(tally);
    for round in 0..rounds {
        let number = random.below(memory.pages.len());
        let folio = loop {
            match memory.try_get(number) {
                Ok(folio) => break folio,
                // Relaxed: as in `Watch`.
                Err(_) if tally.failed.load(Relaxed) => return,
                Err(TryAgain::Frozen) => count(&tally.frozen),
                Err(TryAgain::Moved) => count(&tally.moved),
            }
        };
        memory.read(number, &folio);
        if round % 4 == 0 {
            // A second user, as if it were handed to another thread; the first one goes first.
            let second = memory.get(&folio);
            memory.put(folio);
            worst_moment();
            memory.read(number, &second);
            memory.put(second);
        } else {
            memory.put(folio);
        }
        count(&tally.reads);
    }
}

fn splitter(memory: &Memory, tally: &Tally, rounds: u32, mut random: Random) {
    let _watch = Watch(tally);
    for _ in 0..rounds {
        let run = random.below(memory.pages.len() / memory.size) * memory.size;
        if memory.split(run) {
            count(&tally.splits);
        } else if memory.collapse(run) {
            count(&tally.collapses);
        } else {
            count(&tally.busy);
            thread::yield_now();
        }
    }
}

/// One folio, step by step.
fn step_by_step(out: &mut impl Write) -> io::Result<()> {
    let memory = Memory::new(1, 4);
    let counts = || {
        let counts = memory
            .pages
            .iter()
            .map(|page| page.refs.count().to_string());
        counts.collect::<Vec<_>>().join(" ")
    };
    writeln!(out, "a folio of four pages, and the count of each page:")?;
    let mut line = |what: &str| writeln!(out, "  {what:58} {}", counts());
    line("in the page cache: one reference for each page, at the head")?;
    let user = memory.try_get(3).expect("nothing is frozen");
    line("try to get page 3: it is the head that is counted")?;
    assert!(!memory.split(0));
    line("try to split: refused, there is a user")?;
    memory.put(user);
    let frozen = memory.pages[0].refs.try_freeze(4).expect("nobody else");
    line("the user puts it; freeze at four")?;
    assert_eq!(memory.try_get(3).err(), Some(TryAgain::Frozen));
    line("try to get page 3: refused, it is frozen")?;
    drop(frozen);
    assert!(memory.split(0));
    line("unfreeze; split: four folios")?;
    let user = memory.try_get(3).expect("nothing is frozen");
    line("try to get page 3: it is its own head now")?;
    assert!(!memory.collapse(0));
    line("try to collapse: refused, and what was frozen is unfrozen")?;
    memory.put(user);
    assert!(memory.collapse(0));
    line("the user puts it; collapse: one folio")
}

fn run(options: &Options, out: &mut impl Write) -> io::Result<bool> {
    static MISUSES: AtomicUsize = AtomicUsize::new(0);
    report::set_hook(|_| count(&MISUSES));
    step_by_step(out)?;

    let memory = Memory::new(usize::from(options.folios), 1 << options.order);
    let tally = Tally::default();
    let random = |thread: u16| Random(0x9E37_79B9_7F4A_7C15 ^ u64::from(thread));
    writeln!(
        out,
        "{} folios of {} pages, {} threads that read and {} that split and collapse:",
        options.folios, memory.size, options.readers, options.splitters
    )?;
    let scope = AssertUnwindSafe(|| {
        thread::scope(|scope| {
            let (memory, tally) = (&memory, &tally);
            for thread in 0..options.readers {
                scope.spawn(move || reader(memory, tally, options.rounds, random(thread)));
            }
            for thread in 0..options.splitters {
                let random = random(options.readers + thread);
                scope.spawn(move || splitter(memory, tally, options.rounds, random));
            }
        });
    });
    // A thread panics because of what it saw, and then so does the scope.
    let all_well = catch_unwind(scope).is_ok();
    // Relaxed: the threads have been joined.
    let [reads, frozen, moved, splits, collapses, busy] = [
        &tally.reads,
        &tally.frozen,
        &tally.moved,
        &tally.splits,
        &tally.collapses,
        &tally.busy,
    ]
    .map(|cell| cell.load(Relaxed));
    writeln!(
        out,
        "  pages read {reads}, tried again {frozen} times as frozen, {moved} as moved"
    )?;
    writeln!(
        out,
        "  splits {splits}, collapses {collapses}, in use {busy} times"
    )?;
    let misuses = MISUSES.load(Relaxed);
    match memory.check() {
        Ok(folios) => writeln!(
            out,
            "  {folios} folios left, no reference too few or too many"
        )?,
        Err(problem) => {
            writeln!(out, "  WRONG: {problem}")?;
            return Ok(false);
        }
    }
    if misuses != 0 || !all_well {
        writeln!(out, "  WRONG: {misuses} misuses of counts; see above")?;
    }
    Ok(misuses == 0 && all_well)
}

fn main() -> ExitCode {
    let mut out = Vec::new();
    let all_well = run(&Options::parse(), &mut out).expect("there is room");
    // A closed stdout changes nothing about the exit code.
    let _ = io::stdout().write_all(&out);
    if all_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
