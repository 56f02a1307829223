//! Copy on write, and the question that CVE-2020-29374 asked of the wrong counter.
//!
//! Two processes share a page until one of them writes to it: then, if the page is shared, the writer gets a
//! copy; if not, it may write in place. *Is it shared?* In Linux a page has two counters: how many processes
//! map it, and how many references there are in all, including those of the kernel's pipes and devices.
//! Until 2020 the kernel asked the first counter.
//!
//! ```text
//! parent                                     child                      maps   references
//! ------                                     -----                      ----   ----------
//! fork                                                                  2      2
//!                                            give the page to a pipe    2      3
//!                                            unmap the page             1      2
//! write the secret: one map, not shared,
//! so write in place
//!                                            read the secret from the pipe
//! ```
//!
//! The next answer was to look at all references, which is the right counter. But a look is out of date when
//! it is used: a thread that finds the page in some table may take a reference between the look and the
//! write. (In Linux it erred on the other side: a passing reference forced a copy, and a device lost the
//! page that it had pinned. Since 5.19 a flag on the page *says* that it is one process's.)
//!
//! This program does it in user space, with threads as processes, in four ways:
//!
//! | | the question | holes |
//! |---|---|---|
//! | `maps` | is there one map? | the CVE |
//! | `look` | is there one reference? | a reference taken between the look and the write |
//! | `claim` | [`RefCount::try_freeze`]: take the only reference, if it is the only one | none |
//! | `Ref` | [`Ref::make_mut`], where all references are `Ref`s | none; the type offers no other way to write |
//!
//! Run it with `cargo run --release --example copy_on_write`; `--help` tells the options. The exit code is 0;
//! 1 if the CVE cannot be shown, or a page changed under a reader where it must not; 2 for a wrong option.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;

use clap::Parser;
use kref::{Ref, RefCount};

/// Shows how copy on write goes wrong if it asks whether a page is shared, and holds if it claims the page.
#[derive(Parser)]
struct Options {
    /// How many pages are written while another thread takes references to them
    #[arg(long, value_name = "N", default_value_t = if cfg!(miri) { 20 } else { 20_000 })]
    rounds: u32,
}

const PUBLIC: u64 = 1;
const SECRET: u64 = 2;

/// A page of memory. (An atomic, so that a write under a reader is seen, and is nothing worse.)
struct Page {
    /// How many processes map it.
    maps: AtomicU32,
    /// All references: the maps, and the pipes.
    refs: RefCount,
    contents: AtomicU64,
}

impl Page {
    fn new() -> Self {
        Self {
            maps: AtomicU32::new(1),
            refs: RefCount::new(1),
            contents: AtomicU64::new(PUBLIC),
        }
    }

    fn read(&self) -> u64 {
        // Relaxed: one word, and nothing else is read because of it.
        self.contents.load(Relaxed)
    }

    fn write(&self) {
        thread::yield_now(); // between the question and the write
        // Relaxed: as in `read`.
        self.contents.store(SECRET, Relaxed);
    }
}

/// A way to find out whether the writer may write in place.
#[derive(Clone, Copy)]
enum Question {
    Maps,
    Look,
    Claim,
}

impl Question {
    const ALL: [Self; 3] = [Self::Maps, Self::Look, Self::Claim];

    fn name(self) -> &'static str {
        match self {
            Self::Maps => "maps",
            Self::Look => "look",
            Self::Claim => "claim",
        }
    }

    /// Writes the secret in place if the page is not shared; returns whether it did. If not, the secret
    /// goes to a copy, which no other process has.
    fn write_fault(self, page: &Page) -> bool {
        match self {
            // Relaxed: wrong in any order.
            Self::Maps if page.maps.load(Relaxed) == 1 => page.write(),
            Self::Look if page.refs.count() == 1 => page.write(),
            Self::Claim => match page.refs.try_freeze(1) {
                // As long as the guard lives no thread gets a reference.
                Some(_frozen) => page.write(),
                None => return false,
            },
            Self::Maps | Self::Look => return false,
        }
        true
    }
}

/// The exploit, a thread for each process; returns what the child reads from its pipe.
fn exploit(question: Question) -> u64 {
    let page = Page::new();
    // Fork: both map the page.
    page.refs.inc();
    page.maps.fetch_add(1, Relaxed);
    let step = Barrier::new(2);
    thread::scope(|scope| {
        let child = scope.spawn(|| {
            page.refs.inc(); // vmsplice: the pipe has a reference
            page.maps.fetch_sub(1, Relaxed); // munmap
            page.refs.dec();
            step.wait();
            step.wait(); // the parent writes
            page.read() // from the pipe
        });
        step.wait();
        question.write_fault(&page);
        step.wait();
        child.join().expect("the child does not panic")
    })
}

/// The same with all references in one type. The parent cannot write before it has asked, and there is
/// nothing else to ask.
fn exploit_ref() -> u64 {
    let mut parent = Ref::new(PUBLIC);
    let child = parent.clone(); // fork
    let (unmapped, wait_unmapped) = channel();
    let (written, wait_written) = channel();
    thread::scope(|scope| {
        let child = scope.spawn(move || {
            let pipe = child.clone();
            drop(child);
            unmapped.send(()).expect("the parent waits");
            wait_written.recv().expect("the parent writes");
            *pipe
        });
        wait_unmapped.recv().expect("the child unmaps");
        *Ref::make_mut(&mut parent) = SECRET;
        assert_eq!(*parent, SECRET);
        written.send(()).expect("the child waits");
        child.join().expect("the child does not panic")
    })
}

/// Writes to pages that one process maps, while another thread finds them in a table and takes a
/// reference, if there still is one. Returns how many pages were written in place, how often a reference
/// was got, and how often the page changed under it.
fn race(question: Question, rounds: u32) -> [u32; 3] {
    let mut totals = [0; 3];
    for _ in 0..rounds.div_ceil(ROUNDS_AT_ONCE) {
        let pages: Vec<_> = (0..ROUNDS_AT_ONCE).map(|_| Page::new()).collect();
        let start = Barrier::new(2);
        let of_these = thread::scope(|scope| {
            let finder = scope.spawn(|| {
                start.wait();
                let (mut got, mut changed) = (0, 0);
                for page in &pages {
                    if page.refs.inc_not_zero() {
                        let before = page.read();
                        thread::yield_now();
                        got += 1;
                        changed += u32::from(page.read() != before);
                        page.refs.dec();
                    }
                }
                (got, changed)
            });
            start.wait();
            let in_place = pages
                .iter()
                .filter(|page| question.write_fault(page))
                .count();
            let (got, changed) = finder.join().expect("the finder does not panic");
            [in_place as u32, got, changed]
        });
        for (total, more) in totals.iter_mut().zip(of_these) {
            *total += more;
        }
    }
    totals
}

/// How many pages the two threads go through before they meet again.
const ROUNDS_AT_ONCE: u32 = 100;

fn run(options: &Options, out: &mut impl Write) -> io::Result<bool> {
    let mut all_well = true;
    let tell = |contents| match contents {
        SECRET => "the SECRET",
        _ => "what it was",
    };
    writeln!(
        out,
        "The child gives the page to a pipe and unmaps it, the parent writes a secret."
    )?;
    writeln!(
        out,
        "What the child reads from its pipe, if the parent asks"
    )?;
    for question in Question::ALL {
        let contents = exploit(question);
        let expected = match question {
            Question::Maps => SECRET,
            Question::Look | Question::Claim => PUBLIC,
        };
        all_well &= contents == expected;
        writeln!(out, "  {:6} {}", question.name(), tell(contents))?;
    }
    let contents = exploit_ref();
    all_well &= contents == PUBLIC;
    writeln!(out, "  {:6} {}", "Ref", tell(contents))?;

    writeln!(
        out,
        "A thread takes references to pages while their only owner writes to them:"
    )?;
    for question in Question::ALL {
        let [in_place, got, changed] = race(question, options.rounds);
        all_well &= changed == 0 || !matches!(question, Question::Claim);
        writeln!(
            out,
            "  {:6} {in_place} written in place, {got} references got, changed under {changed} of them",
            question.name()
        )?;
    }
    writeln!(
        out,
        "  {:6} no such thread can be: a Ref is made from a Ref, and from nothing else",
        "Ref"
    )?;
    if !all_well {
        writeln!(out, "WRONG: that is not what should come out")?;
    }
    Ok(all_well)
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
