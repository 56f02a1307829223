//! `docs/scoreboard.md`.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::records::{Quartiles, Records, Row};
use super::targets::Judged;
use super::{bars, curves, picture, told_by};
use crate::counts::Baseline;

/// When, on what and with what the times were taken.
#[derive(Serialize, Deserialize)]
pub struct Circumstances {
    quick: bool,
    date: String,
    processor: String,
    cores: usize,
    rustc: String,
    commit: String,
    /// How much else was to be done: the mean number of runnable threads in the minute before, and
    /// after the run, in which the benches' own are counted.
    load: [String; 2],
    /// The benches that have failed.
    pub failed: Vec<String>,
}

impl Circumstances {
    pub fn now(quick: bool) -> Result<Self> {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let model = model.and_then(|line| line.split_once(": "));
        Ok(Self {
            quick,
            date: jiff::Zoned::now().strftime("%Y-%m-%d").to_string(),
            processor: model.map_or("unknown", |(_, model)| model).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            rustc: told_by("rustc", &["--version"]),
            commit: told_by("git", &["describe", "--always", "--dirty"]),
            load: [load(), String::new()],
            failed: Vec::new(),
        })
    }

    pub fn ends(&mut self) {
        self.load[1] = load();
    }
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// What each bench of rows is about; the others show up under their names.
const TITLES: [(&str, &str); 18] = [
    ("refcount", "A reference count"),
    ("put_with_lock", "The put with a lock"),
    (
        "put_with_lock-threads",
        "The put with a lock, beyond the cores",
    ),
    ("atomic", "Conditional operations on atomics"),
    ("refs", "Owning pointers"),
    (
        "chain",
        "Chains of owning pointers, made and dropped, for each node",
    ),
    ("llist", "Lists, for each push"),
    ("clone", "Clone and drop of a handle to an object in a map"),
    (
        "lookup",
        "Maps of live objects: find and drop, 100,000 objects, by Zipf's law",
    ),
    ("lookup-threads", "The same, beyond the cores"),
    ("churn", "Maps of live objects: insert and drop at once"),
    ("churn-threads", "The same, beyond the cores"),
    (
        "hot",
        "Maps of live objects: one key, whose object comes and goes",
    ),
    ("hot-threads", "The same, beyond the cores"),
    (
        "entries",
        "Find and drop, every object equally likely, by the number of objects",
    ),
    (
        "writers",
        "Two threads, by the share of operations that insert and drop an object",
    ),
    (
        "intern",
        "Interned words: find and drop, 100,000 words, by Zipf's law",
    ),
    (
        "intern-long",
        "The same with words of more than seven bytes",
    ),
];

/// Writes the page and its pictures.
pub fn write(
    docs: &Path,
    records: &Records,
    judged: &[Judged],
    seen: &Circumstances,
) -> Result<()> {
    let pictures = docs.join("scoreboard");
    if pictures.exists() {
        std::fs::remove_dir_all(&pictures)?;
    }
    std::fs::create_dir_all(&pictures)?;
    let mut page = head(judged, seen);
    page += "\n## Targets\n\n";
    page += &targets(judged);
    for bench in records.benches() {
        let titles = TITLES.iter().find(|(name, _)| *name == bench);
        let title = titles.map_or(bench, |(_, title)| title);
        write!(
            page,
            "\n## {title}\n\n![{title}](scoreboard/{bench}.svg)\n\n"
        )?;
        let grows = records.rows_of(bench).iter().any(|row| row.axis.is_some());
        let picture = if grows {
            curves::of(bench, records)
        } else {
            bars::of(bench, records)
        };
        picture.write(&pictures.join(format!("{bench}.svg")))?;
        page += &rows(&records.rows_of(bench), records);
    }
    if !records.latencies.is_empty() {
        curves::of_latencies(records).write(&pictures.join("latency.svg"))?;
        page += &latencies(records);
    }
    if !records.memory.is_empty() {
        page += &memory(records, &pictures)?;
    }
    page += &instructions()?;
    let path = docs.join("scoreboard.md");
    std::fs::write(&path, page).with_context(|| path.display().to_string())
}

fn head(judged: &[Judged], seen: &Circumstances) -> String {
    let met = judged.iter().filter(|judged| judged.met).count();
    let Circumstances {
        quick,
        date,
        processor,
        cores,
        rustc,
        commit,
        load,
        failed,
    } = seen;
    let how = if *quick {
        "`cargo xtask scoreboard --quick`, with few rounds"
    } else {
        "`cargo xtask scoreboard`"
    };
    let failed = match &**failed {
        [] => String::new(),
        failed => format!("\n**These benches have failed: {}.**\n", failed.join(", ")),
    };
    format!(
        "# Scoreboard

**{met} of {} targets are met.** Ratios of time, each the median of interleaved rounds, with the
quartiles of the rounds: below 1 is faster. [How the numbers are taken, what they do not say, and how to
repeat them](benchmarks.md).

Written by {how}; do not edit. {date}, {processor}, {cores} cores, {rustc}, commit {commit}; load {} before the
run and {} after it.
{failed}",
        judged.len(),
        load[0],
        load[1],
    )
}

/// The table of targets.
pub fn targets(judged: &[Judged]) -> String {
    let mut table = String::from(
        "| what | against | threads | target | measured | |\n|---|---|---|---|---|---|\n",
    );
    for target in judged {
        let Judged {
            what,
            against,
            threads,
            target,
            measured,
            met,
            reason,
        } = target;
        let threads = threads.map_or(String::new(), |threads| threads.to_string());
        let verdict = match (met, reason) {
            (true, _) => "met".to_owned(),
            (false, Some(reason)) => format!("**not met**: {reason}"),
            (false, None) => "**not met**, not explained".to_owned(),
        };
        let measured = measured.as_deref().unwrap_or("–");
        let (what, against) = (cell(what), cell(against));
        table +=
            &format!("| {what} | {against} | {threads} | {target} | {measured} | {verdict} |\n");
    }
    table
}

/// What stands in a cell as it is: `K` and `V` in angle brackets are no tags.
fn cell(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}

fn rows(rows: &[&Row], records: &Records) -> String {
    let axis = rows.iter().find_map(|row| row.axis.as_deref());
    let axis = axis.filter(|axis| *axis != "threads");
    let mut table = String::from("<details><summary>all rows</summary>\n\n| row | threads |");
    table += &axis.map_or(String::new(), |axis| format!(" {axis} |"));
    table += " ns | best peer | ratio | floor | ratio |\n|---|---|---|---|---|---|---|";
    table += axis.map_or("\n", |_| "---|\n");
    for row in rows {
        let ratio = |other: Option<&Row>| match other {
            Some(other) => format!("{} | {}", cell(&other.name), spread(row.ratio_to(other))),
            None => " | ".to_owned(),
        };
        let name = cell(&row.name);
        let name = if row.is_own() {
            format!("**{name}**")
        } else {
            name
        };
        let at = axis.map_or(String::new(), |_| {
            format!(" {} |", row.at.unwrap_or_default())
        });
        table += &format!(
            "| {name} | {} |{at} {:.2} | {} | {} |\n",
            row.threads,
            row.cost().median,
            ratio(records.best_peer(row)),
            ratio(records.floor(row)),
        );
    }
    table + "\n</details>\n"
}

fn spread(ratio: Quartiles) -> String {
    let Quartiles { low, median, high } = ratio;
    format!("{median:.3} ({low:.3} – {high:.3})")
}

fn latencies(records: &Records) -> String {
    let mut table = String::from(
        "\n## Latency of single operations under churn\n\n![latency](scoreboard/latency.svg)\n\n\
        Two threads have a core each; eight share them, so that a lock's holder may be preempted. \"nothing\" is \
        what it costs to read the clock, which is part of every other row.\n\n\
        | row | threads | operation | p50 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|\n",
    );
    for row in &records.latencies {
        let [p50, p99, p999, max] =
            [row.p50, row.p99, row.p999, row.max].map(|ns| picture::nanoseconds(ns as f64));
        let (name, threads, operation) = (cell(&row.name), row.threads, &row.operation);
        table +=
            &format!("| {name} | {threads} | {operation} | {p50} | {p99} | {p999} | {max} |\n");
    }
    table
}

fn memory(records: &Records, pictures: &Path) -> Result<String> {
    let mut text = String::from(
        "\n## Memory\n\nBytes of the allocator's blocks, as glibc lays them out, from `u64` to `u64`. What a \
        registry has left after a peak is for the objects to come; `Registry::shrink_to_fit` gives it back.\n\n\
        | | | bytes |\n|---|---|---|\n",
    );
    for row in &records.memory {
        let (name, what, bytes) = (cell(&row.name), &row.what, row.bytes);
        text += &format!("| {name} | {what} | {bytes:.1} |\n");
    }
    let mut kinds: Vec<&str> = records.memory.iter().map(|row| &*row.what).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for what in kinds {
        let rows = records.memory.iter().filter(|row| row.what == what);
        let rows: Vec<_> = rows.collect();
        let file = what.replace([' ', ','], "-");
        bars::of_memory(what, &rows).write(&pictures.join(format!("memory-{file}.svg")))?;
        write!(text, "\n![bytes {what}](scoreboard/memory-{file}.svg)\n")?;
    }
    Ok(text)
}

/// What `cargo xtask counts` compares with.
fn instructions() -> Result<String> {
    let baseline = Baseline::read()?;
    let mut table = format!(
        "\n## Instructions\n\nFor one operation, counted under callgrind with rustc {}, the loop's own included \
        (\"nothing\").\n\n| operation | instructions |\n|---|---|\n",
        baseline.rustc
    );
    for (name, count) in &baseline.instructions {
        table += &format!("| {} | {count:.1} |\n", name.replace('_', " "));
    }
    Ok(table)
}
