//! `docs/scoreboard.md`.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::circumstances::Circumstances;
use super::records::{Quartiles, Records, Row, Run};
use super::targets::Compared;
use super::{bars, curves, picture};
use crate::counts::Baseline;

/// What each bench of rows is about; the others show up under their names.
const TITLES: [(&str, &str); 25] = [
    ("refcount", "A reference count"),
    ("put_with_lock", "The put with a lock"),
    (
        "put_with_lock-threads",
        "The put with a lock, with more threads than cores",
    ),
    ("atomic", "Conditional operations on atomics"),
    ("refs", "Owning pointers"),
    ("many_cores", "An object that many threads use"),
    (
        "weak",
        "Weak pointers: upgrade, and making and dropping a pair",
    ),
    ("padded", "A count on a line of its own"),
    (
        "lockref",
        "A count and a lock in one word, compared with put_lock",
    ),
    ("contention", "An object that more and more threads use"),
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
    (
        "lookup-threads",
        "Find and drop, with more threads than cores",
    ),
    ("churn", "Maps of live objects: insert and drop at once"),
    (
        "churn-drop",
        "Insert and drop at once, with keys and values that need drop (String to Arc)",
    ),
    ("equal", "A miss among 600 keys with one hash"),
    (
        "churn-threads",
        "Insert and drop at once, with more threads than cores",
    ),
    (
        "hot",
        "Maps of live objects: one key, whose object comes and goes",
    ),
    (
        "hot-threads",
        "One key that comes and goes, with more threads than cores",
    ),
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
    ("intern-long", "Interned words of more than seven bytes"),
];

/// What each number of the memory benches is, in words, and its unit.
const MEMORY: [(&str, &str, &str); 7] = [
    (
        "for each of 1,000,000",
        "An entry of a map of 1,000,000",
        "bytes",
    ),
    (
        "for each of 100,000",
        "An entry of a map of 100,000",
        "bytes",
    ),
    ("for each of 1,000", "A map of one entry", "bytes"),
    (
        "left for each of 1,000,000 that are gone",
        "What a map keeps for each entry when all of 1,000,000 are gone",
        "bytes",
    ),
    (
        "left in a thousand of a peak of which one in a thousand lives",
        "What a map keeps of its peak when one entry in a thousand is left",
        "‰",
    ),
    (
        "left after 4,000 texts of up to 2 MB",
        "What an interner keeps when 4,000 texts of up to 2 MB are gone",
        "bytes",
    ),
    (
        "of counts for each object",
        "The counts of an object",
        "bytes",
    ),
];

/// Writes the page: the targets on all processors, then the rows and pictures of the run `own`.
pub fn write(docs: &Path, runs: &[&Run], own: &Run, compared: &[Compared<'_>]) -> Result<()> {
    let pictures = docs.join("scoreboard");
    remove_pictures(&pictures)?;
    let records = &own.records;
    let mut page = head(compared, runs, own);
    page += "\n## Targets\n\n";
    page += &targets(compared, runs);
    for bench in records.benches() {
        let title = title(bench);
        write!(
            page,
            "\n## {title}\n\n![{title}](scoreboard/{bench}.svg)\n\n"
        )?;
        let grows = records.rows_of(bench).iter().any(|row| row.axis.is_some());
        let picture = if grows {
            curves::of(title, bench, records)
        } else {
            bars::of(title, bench, records)
        };
        picture.write(&pictures.join(format!("{bench}.svg")))?;
        page += &rows(&records.rows_of(bench), records);
    }
    if !records.latencies.is_empty() {
        bars::of_latencies(records).write(&pictures.join("latency.svg"))?;
        page += &latencies(records);
    }
    if !records.memory.is_empty() {
        page += &memory(records, &pictures)?;
    }
    page += &instructions()?;
    let path = docs.join("scoreboard.md");
    std::fs::write(&path, page).with_context(|| path.display().to_string())
}

/// Removes the pictures of an earlier run; the runs themselves stay.
fn remove_pictures(folder: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "svg") {
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn title(bench: &str) -> &str {
    let mut titles = TITLES.iter();
    titles
        .find(|(name, _)| *name == bench)
        .map_or(bench, |(_, title)| title)
}

fn head(compared: &[Compared<'_>], runs: &[&Run], own: &Run) -> String {
    let met = compared.iter().filter(|target| target.met).count();
    let all = compared.len();
    let on = match runs {
        [_] => String::new(),
        runs => format!(" on all {} processors", runs.len()),
    };
    let mut page = format!(
        "# Scoreboard

**{met} of {all} targets are met{on}.** Each number is a ratio of times: the median over interleaved rounds, with
the quartiles of the rounds in brackets. Below 1 is faster. [How the numbers are taken, what they do not say, and
how to repeat them](benchmarks.md).

Written by `cargo xtask scoreboard`; do not edit. The pictures and tables below the targets are of {}.

| run | processor | rustc | commit | rounds | load before and after |
|---|---|---|---|---|---|
",
        own.circumstances.processor,
    );
    for Run { circumstances, .. } in runs {
        let Circumstances {
            quick,
            date,
            processor,
            cores,
            rustc,
            commit,
            load,
            failed,
        } = circumstances;
        let rounds = if *quick { "few (`--quick`)" } else { "all" };
        page += &format!(
            "| {date} | {processor}, {cores} cores | {rustc} | {commit} | {rounds} | {}, {} |\n",
            load[0], load[1]
        );
        if !failed.is_empty() {
            page += &format!(
                "| | **these benches failed: {}** | | | | |\n",
                failed.join(", ")
            );
        }
    }
    page
}

/// The table of targets, with a column for each run.
pub fn targets(compared: &[Compared<'_>], runs: &[&Run]) -> String {
    let mut table = String::from("| what | against | threads | target |");
    let mut line = String::from("|---|---|---|---|");
    for run in runs {
        table += &format!(" {} |", run.circumstances.processor);
        line += "---|";
    }
    table += &format!(" |\n{line}---|\n");
    for Compared {
        target,
        measured,
        met,
        reason,
    } in compared
    {
        let threads = target
            .threads
            .map_or(String::new(), |threads| threads.to_string());
        let (what, against) = (cell(&target.what), cell(&target.against));
        table += &format!("| {what} | {against} | {threads} | {} |", target.target);
        for measured in measured {
            table += &format!(" {} |", measured.unwrap_or("–"));
        }
        table += &match (met, reason) {
            (true, _) => " met |\n".to_owned(),
            (false, Some(reason)) => format!(" **not met**: {reason} |\n"),
            (false, None) => " **not met**, not explained |\n".to_owned(),
        };
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
        "\n## Latency of single operations under churn\n\n![how long single operations took](scoreboard/latency.svg)\n\n\
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
        "\n## Memory\n\nOf maps from `u64` to `u64`: resident memory, each row in a process of its own. Of counts: bytes of the \
        allocator's blocks.\n\n\
        | | | |\n|---|---|---|\n",
    );
    let in_words = |what: &str| {
        let mut all = MEMORY.iter();
        let found = all.find(|(name, ..)| *name == what);
        found.map_or((what.to_owned(), "bytes"), |(_, title, unit)| {
            ((*title).to_owned(), unit)
        })
    };
    for row in &records.memory {
        let (title, unit) = in_words(&row.what);
        let (name, bytes) = (cell(&row.name), row.bytes);
        text += &format!("| {name} | {title} | {bytes:.1} {unit} |\n");
    }
    let mut kinds: Vec<&str> = records.memory.iter().map(|row| &*row.what).collect();
    kinds.sort_unstable();
    kinds.dedup();
    for what in kinds {
        let rows = records.memory.iter().filter(|row| row.what == what);
        let rows: Vec<_> = rows.collect();
        let file = what.replace([' ', ','], "-");
        let (title, unit) = in_words(what);
        bars::of_memory(&title, unit, &rows).write(&pictures.join(format!("memory-{file}.svg")))?;
        write!(text, "\n![{title}](scoreboard/memory-{file}.svg)\n")?;
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
