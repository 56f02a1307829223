//! Ratios that hold on a noisy machine, and criterion's figures beside them.
//!
//! Absolute times drift by more than the differences that matter here, and criterion runs its
//! variants one after another. So [`run`] first times all variants in turns, about a millisecond
//! each, for many rounds; every round yields one ratio for each pair that is compared, and the table
//! shows the median of these ratios and their quartiles. Then criterion measures the same
//! variants and writes its reports.
//!
//! What contention costs depends on where in memory the shared word is, by half as much again on some
//! processors. So in a round all variants use the same one of [`PLACES`] cache lines, and in the next
//! round another.
//!
//! The threads of a variant are pinned to cores of their own and start together; its time is from the
//! first start to the last end. Where the system tells (Linux), a time during which a thread was
//! preempted is thrown away and taken again, as often as [`TRIES`] says.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};

/// How many copies of what its threads share a bench should have; no multiple of two, as the order of
/// the variants alternates.
pub(crate) const PLACES: usize = 25;
const ROUNDS: usize = 4 * PLACES + 1;
const SLICE: Duration = Duration::from_millis(1);
const TRIES: u32 = 10;

/// One variant: what is timed, on how many threads, and what it is compared with.
pub(crate) struct Row {
    name: &'static str,
    threads: usize,
    body: Body,
    warm_up: bool,
    against: Vec<(&'static str, Option<f64>)>,
}

type Body = Box<dyn Fn(Turn) + Sync>;

/// What one thread has to do.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Which of the [`PLACES`] to use, from zero; see [`Row::warm`].
    pub(crate) place: usize,
    /// Which of the threads this is, from zero.
    #[allow(dead_code, reason = "not every bench needs it")]
    pub(crate) thread: usize,
    pub(crate) iterations: u64,
}

impl Row {
    /// `body` runs in each of the threads. Nothing but the iterations should cost time in it.
    pub(crate) fn new(
        name: &'static str,
        threads: usize,
        body: impl Fn(Turn) + Sync + 'static,
    ) -> Self {
        Self {
            name,
            threads,
            body: Box::new(body),
            warm_up: false,
            against: Vec::new(),
        }
    }

    /// Runs each turn twice and times the second run, in which the caches have what the variants that
    /// ran in between have driven out. The first run is for the place `PLACES + place`.
    #[allow(dead_code, reason = "not every bench needs it")]
    pub(crate) fn warm(mut self) -> Self {
        self.warm_up = true;
        self
    }

    /// Compares with the row of that name on as many threads. The target, if there is one, is the
    /// largest ratio that will do.
    pub(crate) fn against(
        mut self,
        reference: &'static str,
        target: impl Into<Option<f64>>,
    ) -> Self {
        self.against.push((reference, target.into()));
        self
    }

    /// Runs `iterations` in each thread; from the first start to the last end, and whether no thread was
    /// preempted.
    fn time(&self, place: usize, iterations: u64) -> (Duration, bool) {
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let waiting = AtomicUsize::new(self.threads);
        let runs: Vec<(Instant, Instant, bool)> = thread::scope(|scope| {
            let spawn = |thread: usize| {
                let core = cores.get(thread).copied();
                let turn = Turn {
                    place,
                    thread,
                    iterations,
                };
                let (body, waiting, warm_up) = (&self.body, &waiting, self.warm_up);
                scope.spawn(move || {
                    core.map(core_affinity::set_for_current);
                    if warm_up {
                        let place = PLACES + place;
                        body(Turn { place, ..turn });
                    }
                    let preemptions = preemptions();
                    waiting.fetch_sub(1, Release);
                    while waiting.load(Acquire) > 0 {
                        std::hint::spin_loop();
                    }
                    let start = Instant::now();
                    body(turn);
                    (start, Instant::now(), preemptions == self::preemptions())
                })
            };
            let threads: Vec<_> = (0..self.threads).map(spawn).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let start = runs.iter().map(|run| run.0).min().unwrap();
        let end = runs.iter().map(|run| run.1).max().unwrap();
        (end - start, runs.iter().all(|run| run.2))
    }

    /// Runs until no thread was preempted, if that can be had; see [`time`](Self::time).
    fn time_undisturbed(&self, place: usize, iterations: u64) -> (Duration, bool) {
        (1..TRIES)
            .map(|_| self.time(place, iterations))
            .find(|&(_, undisturbed)| undisturbed)
            .unwrap_or_else(|| self.time(place, iterations))
    }

    /// How many iterations take about a [`SLICE`].
    fn calibrated(&self) -> u64 {
        let mut iterations = 64;
        loop {
            // The least of three, as a time that was disturbed would yield too few iterations.
            let times = [0; 3].map(|place| self.time_undisturbed(place, iterations).0);
            let time = times.into_iter().min().unwrap_or_default();
            if time >= SLICE / 4 {
                let scale = SLICE.as_secs_f64() / time.as_secs_f64();
                return ((iterations as f64 * scale) as u64).max(1);
            }
            iterations *= 2;
        }
    }
}

/// How often the calling thread was preempted, if the system tells.
fn preemptions() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("nonvoluntary"))?;
    line.split_whitespace().last()?.parse().ok()
}

/// Whether a filter on the command line, if there is one, lets any row of this bench through. A filter is a
/// part of the bench's name, or begins with the whole of it and a slash.
pub(crate) fn is_asked_for(bench: &str) -> bool {
    let mut filters = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .peekable();
    filters.peek().is_none()
        || filters.any(|filter| {
            let row = filter.strip_prefix(bench);
            bench.contains(&filter) || row.is_some_and(|row| row.starts_with('/'))
        })
}

/// The `main` of a bench: the rounds and their table, then criterion over the same rows.
///
/// Criterion's options work. If `KREF_RATIOS` is set in the environment, there is the table only. Under `cargo test`, and with `--test`, every row runs once and nothing
/// is timed.
pub(crate) fn run(bench: &str, rows: Vec<Row>) {
    if !is_asked_for(bench) {
        return;
    }
    let has = |option: &str| std::env::args().any(|arg| arg == option);
    if has("--bench")
        && !["--test", "--list", "--help", "--profile-time"]
            .into_iter()
            .any(has)
    {
        ratios(bench, &rows);
        if std::env::var_os("KREF_RATIOS").is_some() {
            return;
        }
    }
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group(bench);
    for row in &rows {
        let id = BenchmarkId::new(row.name, format_args!("{} threads", row.threads));
        group.bench_function(id, |b| {
            b.iter_custom(|iterations| row.time(0, iterations).0)
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Times all rows in turns and prints the table.
fn ratios(bench: &str, rows: &[Row]) {
    let mut preempted = 0;
    println!("{bench}: {} variants in {ROUNDS} rounds", rows.len());
    let iterations: Vec<u64> = rows.iter().map(Row::calibrated).collect();
    // Nanoseconds for one iteration in each thread, by row and round.
    let mut times = vec![Vec::with_capacity(ROUNDS); rows.len()];
    let mut turns: Vec<usize> = (0..rows.len()).collect();
    for round in 0..ROUNDS {
        let place = round % PLACES;
        for &turn in &turns {
            let iterations = iterations[turn];
            let (time, undisturbed) = rows[turn].time_undisturbed(place, iterations);
            preempted += usize::from(!undisturbed);
            times[turn].push(time.as_nanos() as f64 / iterations as f64);
        }
        // So that no row always comes after the same other one.
        turns.reverse();
    }

    println!(
        "\n{:<30} {:>7} {:>9}  {:<30} {:>7}  {:<15} {:>7}",
        "row", "threads", "ns/thread", "against", "ratio", "quartiles", "target"
    );
    for (row, own) in rows.iter().zip(&times) {
        let cost = quartiles(own.iter().copied())[1];
        let head = format!("{:<30} {:>7} {:>9.2}", row.name, row.threads, cost);
        if row.against.is_empty() {
            println!("{head}");
        }
        for &(reference, target) in &row.against {
            let other = rows
                .iter()
                .position(|other| other.name == reference && other.threads == row.threads)
                .unwrap_or_else(|| panic!("there is no row `{reference}`"));
            let ratios = own
                .iter()
                .zip(&times[other])
                .map(|(own, other)| own / other);
            let [low, median, high] = quartiles(ratios);
            let verdict = target.map_or(String::new(), |target| {
                // As exact as the targets are.
                let met = (median * 100.0).round() <= target * 100.0;
                format!("{target:>7.2}  {}", if met { "met" } else { "NOT MET" })
            });
            println!("{head}  {reference:<30} {median:>6.3}x  {low:>6.3} - {high:<6.3} {verdict}");
        }
    }
    println!(
        "\nMedians of the ratios of {ROUNDS} interleaved rounds; {} of {} times could not be taken without preemption.\n",
        preempted,
        rows.len() * ROUNDS
    );
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}
