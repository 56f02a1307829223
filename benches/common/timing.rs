//! Takes the times: all rows in turns, each thread on a core of its own, preempted times thrown
//! away.
//!
//! What contention costs depends on where in memory the shared word is, by half as much again on some
//! processors. So in a round all variants use one of [`PLACES`] cache lines, and in the next round
//! another.
//!
//! Each thread of a variant is bound to a core of its own, and all start together; its time is from
//! the first start to the last end. Where the system tells (Linux), a time during which a thread was
//! preempted is thrown away and taken again, a few times.
//!
//! Where there are more threads than cores they share them evenly, and preemption is what is to be
//! seen: such a time is as long as several time slices, and is never thrown away.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Barrier, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use core_affinity::CoreId;

use super::{PLACES, Row, Turn, WARM_UPS, is_quick, record};

/// How long a time should be, and how often it is taken.
pub(super) struct Plan {
    pub(super) rounds: usize,
    tries: u32,
}

const SLICE: Duration = Duration::from_millis(1);
/// Of threads that share a core.
const SHARED_SLICE: Duration = Duration::from_millis(30);

static CORES: LazyLock<Vec<CoreId>> =
    LazyLock::new(|| core_affinity::get_core_ids().unwrap_or_default());

impl Plan {
    pub(super) fn new(many_rows: bool) -> Self {
        Self {
            rounds: match (is_quick(), many_rows) {
                (false, false) => PLACES,
                (false, true) => 25,
                (true, false) => 15,
                (true, true) => 5,
            },
            tries: if is_quick() { 3 } else { 10 },
        }
    }
}

/// Nanoseconds for one operation in each thread, by row and round.
pub(super) struct Times {
    pub(super) nanoseconds: Vec<Vec<f64>>,
    /// How many of them could not be had without preemption.
    pub(super) preempted: usize,
}

/// Times all rows in turns.
pub(super) fn in_turns(bench: &str, plan: &Plan, rows: &[Row]) -> Times {
    if !record::is_on() {
        println!("{bench}: {} variants in {} rounds", rows.len(), plan.rounds);
    }
    let iterations: Vec<u64> = rows.iter().map(Row::calibrated).collect();
    let mut times = Times {
        nanoseconds: vec![Vec::with_capacity(plan.rounds); rows.len()],
        preempted: 0,
    };
    let mut turns: Vec<usize> = (0..rows.len()).collect();
    for round in 0..plan.rounds {
        record::progress(bench, round, plan.rounds);
        for &turn in &turns {
            let (row, iterations) = (&rows[turn], iterations[turn]);
            let (time, undisturbed) = row.time_undisturbed(plan, round, iterations);
            times.preempted += usize::from(!undisturbed);
            let operations = iterations * row.operations;
            times.nanoseconds[turn].push(time.as_nanos() as f64 / operations as f64);
        }
        // So that no row always comes after the same other one.
        turns.reverse();
    }
    times
}

impl Row {
    /// Runs `iterations` in each thread; from the first start to the last end, and whether no thread was
    /// preempted.
    pub(super) fn time(&self, place: usize, iterations: u64) -> (Duration, bool) {
        let runs = self.runs(place, iterations);
        let start = runs.iter().map(|run| run.0).min().unwrap();
        let end = runs.iter().map(|run| run.1).max().unwrap();
        (end - start, runs.iter().all(|run| run.2))
    }

    /// Runs `iterations` in each thread: when each began and ended, and whether it was left alone.
    fn runs(&self, place: usize, iterations: u64) -> Vec<(Instant, Instant, bool)> {
        let shared = self.shares_cores();
        let waiting = AtomicUsize::new(self.threads);
        let barrier = Barrier::new(self.threads);
        thread::scope(|scope| {
            let spawn = |thread: usize| {
                let turn = Turn {
                    place,
                    thread,
                    iterations,
                };
                let (body, waiting, barrier) = (&self.body, &waiting, &barrier);
                scope.spawn(move || {
                    if !CORES.is_empty() {
                        core_affinity::set_for_current(CORES[thread % CORES.len()]);
                    }
                    if self.warm_up {
                        // Those that share a core run for so long that one is enough.
                        for warm_up in 1..=if shared { 1 } else { WARM_UPS } {
                            let place = PLACES + (place + 3 * warm_up) % PLACES;
                            body(Turn { place, ..turn });
                        }
                    }
                    let preemptions = preemptions();
                    if shared {
                        barrier.wait();
                    } else {
                        waiting.fetch_sub(1, Release);
                        while waiting.load(Acquire) > 0 {
                            std::hint::spin_loop();
                        }
                    }
                    let start = Instant::now();
                    body(turn);
                    let end = Instant::now();
                    (start, end, shared || preemptions == self::preemptions())
                })
            };
            let threads: Vec<_> = (0..self.threads).map(spawn).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        })
    }

    /// Whether there are more threads than cores.
    fn shares_cores(&self) -> bool {
        self.threads > CORES.len().max(1)
    }

    /// Runs until no thread was preempted, if that can be had; see [`time`](Self::time).
    fn time_undisturbed(&self, plan: &Plan, place: usize, iterations: u64) -> (Duration, bool) {
        (1..plan.tries)
            .map(|_| self.time(place, iterations))
            .find(|&(_, undisturbed)| undisturbed)
            .unwrap_or_else(|| self.time(place, iterations))
    }

    /// How many iterations take about a slice.
    fn calibrated(&self) -> u64 {
        let slice = if self.shares_cores() {
            SHARED_SLICE
        } else {
            SLICE
        };
        let mut iterations = 1;
        loop {
            // Of the fastest thread of a few times: one that was disturbed would yield too few iterations.
            let runs = (0..5).flat_map(|place| self.runs(place, iterations));
            let time = runs.map(|(start, end, _)| end - start).min();
            let time = time.unwrap_or_default();
            if time >= slice / 4 {
                let scale = slice.as_secs_f64() / time.as_secs_f64();
                return ((iterations as f64 * scale) as u64).max(1);
            }
            iterations *= if time < slice / 64 { 8 } else { 2 };
        }
    }
}

/// How often the calling thread was preempted, if the system tells.
fn preemptions() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("nonvoluntary"))?;
    line.split_whitespace().last()?.parse().ok()
}
