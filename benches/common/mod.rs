//! Ratios that hold on a noisy machine, and criterion's figures next to them.
//!
//! Absolute times drift by more than the differences that matter here, and criterion runs its
//! variants one after another. So [`run`] first times all variants in turns, about a millisecond
//! each, for many rounds; every round yields one ratio for each pair that is compared, and the table
//! shows the median of these ratios and their quartiles. Then criterion measures the same
//! variants and writes its reports. `docs/benchmarks.md` says more, and `cargo xtask scoreboard` runs
//! all of them.
//!
//! What the environment may say:
//!
//! - `KREF_RATIOS`: the table of ratios only, without criterion;
//! - `KREF_RECORDS`: the same as lines of JSON, see [`record`];
//! - `KREF_QUICK`: fewer rounds.

#![allow(dead_code, reason = "not every bench needs everything")]

pub(crate) mod record;
mod timing;

use std::time::Duration;

use criterion::{AxisScale, BenchmarkId, Criterion, PlotConfiguration};
use serde_json::json;

use self::timing::Plan;

/// How many copies of what its threads share a bench should have: one for each round. (With 25, each used in
/// four rounds, the same instructions in two types had medians up to a sixth apart.)
pub(crate) const PLACES: usize = 101;

/// How many turns it takes until the caches are as they stay. After one, a lookup among 100,000 objects
/// takes up to half as long again, more so in those rounds in which it comes after many other variants: then
/// there are two times, and their median is by chance.
pub(crate) const WARM_UPS: usize = 8;

/// One variant: what is timed, on how many threads, and what it is compared with.
pub(crate) struct Row {
    name: &'static str,
    threads: usize,
    body: Body,
    warm_up: bool,
    operations: u64,
    at: Option<u64>,
    against: Vec<&'static str>,
    floor: Option<&'static str>,
}

type Body = Box<dyn Fn(Turn) + Sync>;

/// What one thread has to do.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Which of the [`PLACES`] to use, from zero; see [`Row::warm`].
    pub(crate) place: usize,
    /// Which of the threads this is, from zero.
    pub(crate) thread: usize,
    pub(crate) iterations: u64,
}

impl Row {
    /// `body` runs in each of the threads. Only the iterations should cost time in it.
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
            operations: 1,
            at: None,
            against: Vec::new(),
            floor: None,
        }
    }

    /// Runs [`WARM_UPS`] turns before the one that is timed, so that the caches are as if this variant ran
    /// alone: those that ran in between have driven out what it uses. They are for the places from
    /// [`PLACES`] to `2 * PLACES - 1`.
    pub(crate) fn warm(mut self) -> Self {
        self.warm_up = true;
        self
    }

    /// Says that an iteration is so many operations.
    pub(crate) fn operations(mut self, operations: u64) -> Self {
        self.operations = operations;
        self
    }

    /// Says where on the axis of [`grow`] this is. It is compared with rows at the same place only.
    pub(crate) fn at(mut self, at: u64) -> Self {
        self.at = Some(at);
        self
    }

    /// Compares with the row of a peer, on as many threads. The largest ratio that will do stands in
    /// `benches/targets.toml`.
    pub(crate) fn against(mut self, peer: &'static str) -> Self {
        self.against.push(peer);
        self
    }

    /// Compares with a row that does what cannot be left out, and nothing else.
    pub(crate) fn floor(mut self, floor: &'static str) -> Self {
        self.floor = Some(floor);
        self
    }

    /// The index of the row that this one is compared with.
    fn find(&self, reference: &str, rows: &[Self]) -> Option<usize> {
        let is =
            |row: &Self| row.name == reference && row.threads == self.threads && row.at == self.at;
        rows.iter().position(is)
    }
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

/// Whether `KREF_QUICK` is set: what takes long should be left out.
pub(crate) fn is_quick() -> bool {
    std::env::var_os("KREF_QUICK").is_some()
}

/// Whether times are asked for: not so under `cargo test`.
pub(crate) fn is_timed() -> bool {
    let has = |option: &str| std::env::args().any(|arg| arg == option);
    let others = ["--test", "--list", "--help", "--profile-time"];
    has("--bench") && !others.into_iter().any(has)
}

/// The `main` of a bench: the rounds and their table, then criterion over the same rows.
///
/// Criterion's options work. Under `cargo test`, and with `--test`, every row runs once and nothing
/// is timed.
pub(crate) fn run(bench: &str, rows: Vec<Row>) {
    run_along(bench, None, rows);
}

/// As [`run`], for rows that show how a cost grows: each with its place on the axis, fewer rounds.
pub(crate) fn grow(bench: &str, axis: &str, rows: Vec<Row>) {
    run_along(bench, Some(axis), rows);
}

fn run_along(bench: &str, axis: Option<&str>, rows: Vec<Row>) {
    if !is_asked_for(bench) {
        return;
    }
    if is_timed() {
        ratios(bench, axis, &rows);
        if std::env::var_os("KREF_RATIOS").is_some() || record::is_on() {
            return;
        }
    }
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group(bench);
    if axis.is_some() {
        group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    }
    for row in &rows {
        let id = match row.at {
            Some(at) => BenchmarkId::new(row.name, at),
            None => BenchmarkId::new(row.name, format_args!("{} threads", row.threads)),
        };
        group.bench_function(id, |b| {
            b.iter_custom(|iterations| row.time(0, iterations).0)
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Times all rows in turns, and prints the table or the records.
fn ratios(bench: &str, axis: Option<&str>, rows: &[Row]) {
    let plan = Plan::new(axis.is_some());
    let times = timing::in_turns(bench, &plan, rows);
    if record::is_on() {
        for (row, times) in rows.iter().zip(&times.nanoseconds) {
            record::write(&json!({ "row": {
                "bench": bench,
                "name": row.name,
                "threads": row.threads,
                "axis": axis,
                "at": row.at,
                "against": row.against,
                "floor": row.floor,
                "ns": times,
            }}));
        }
        return;
    }
    println!(
        "\n{:<30} {:>7} {:>9} {:>9}  {:<30} {:>7}  quartiles",
        "row",
        "threads",
        axis.unwrap_or(""),
        "ns/thread",
        "against",
        "ratio"
    );
    for (row, own) in rows.iter().zip(&times.nanoseconds) {
        let cost = quartiles(own.iter().copied())[1];
        let at = row.at.map_or(String::new(), |at| at.to_string());
        let head = format!("{:<30} {:>7} {at:>9} {cost:>9.2}", row.name, row.threads);
        let references = row.against.iter().chain(&row.floor);
        let found = references.filter_map(|name| Some((name, row.find(name, rows)?)));
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            println!("{head}");
        }
        for (reference, other) in found {
            let ratios = own.iter().zip(&times.nanoseconds[other]);
            let [low, median, high] = quartiles(ratios.map(|(own, other)| own / other));
            println!("{head}  {reference:<30} {median:>6.3}x  {low:>6.3} - {high:<6.3}");
        }
    }
    println!(
        "\nMedians of the ratios of {} interleaved rounds; {} of {} times could not be taken without preemption.\n",
        plan.rounds,
        times.preempted,
        rows.len() * plan.rounds
    );
}

/// The lower quartile, the median and the upper quartile.
fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}
