//! `cargo xtask figures`: the numbers in the prose come from the records.
//!
//! `docs/figures.toml` says what each figure is: a ratio of two rows of a bench, bytes, instructions, or something
//! that stands in another file of the repository. Where a text has a figure it has a pair of marks, which no reader sees:
//!
//! ```text
//! a hit takes <!--f:hit-dashmap-1-->0.65<!--f--> of the time
//! ```
//!
//! The command writes what is between the marks; `--check` changes nothing and fails where a text and the records
//! differ. It fails too where a text on costs has a time or a ratio without marks, as such a number is right on the
//! day when it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde::Deserialize;

use crate::counts::Baseline;
use crate::root;
use crate::scoreboard::{self, records::Run};

/// Write the figures of the records into the texts.
#[derive(clap::Args)]
pub struct Options {
    /// Change nothing; exit code 1 if a text differs from the records.
    #[arg(long)]
    check: bool,
}

#[derive(Deserialize)]
struct File {
    /// The run whose figures the texts have: the name of its file in `docs/scoreboard`, without the ending.
    run: String,
    figure: BTreeMap<String, Figure>,
}

/// What a figure is.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Figure {
    /// The median of the ratios of two rows.
    Ratio {
        bench: String,
        row: String,
        against: String,
        threads: u32,
    },
    /// The median time of one operation.
    Ns {
        bench: String,
        row: String,
        threads: u32,
    },
    Bytes {
        row: String,
        what: String,
    },
    Latency {
        row: String,
        threads: u32,
        operation: String,
        percentile: Percentile,
    },
    /// Of one operation, from the baseline of `cargo xtask counts`.
    Instructions(String),
    /// How many targets of the scoreboard there are.
    Targets(Verdict),
    /// How many lines of a file of the repository begin so.
    Lines {
        file: String,
        begin: String,
    },
    /// What the group of a regular expression matches in a file of the repository.
    Captured {
        file: String,
        pattern: String,
    },
    /// Processor, cores and compiler of the run.
    Machine,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Percentile {
    P50,
    P99,
    P999,
    Max,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Met,
    NotMet,
    All,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let path = root().join("docs/figures.toml");
    let file = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let file: File = toml::from_str(&file).with_context(|| path.display().to_string())?;
    let record = scoreboard::folder().join(&file.run).with_extension("json");
    let run = Run::read(&record)?;
    let mut values = BTreeMap::new();
    for (name, figure) in &file.figure {
        let value = figure
            .value(&run)
            .with_context(|| format!("the figure `{name}`"))?;
        values.insert(&**name, value);
    }
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for path in texts()? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let name = path
            .strip_prefix(root())
            .unwrap_or(&path)
            .display()
            .to_string();
        let written = write(&text, &values, &mut used).with_context(|| name.clone())?;
        if written != text {
            if options.check {
                wrong.push(format!(
                    "{name}: a figure differs from the records; `cargo xtask figures` mends it"
                ));
            } else {
                std::fs::write(&path, written)?;
                println!("{name}: written");
            }
        }
        if is_about_costs(&name) {
            let bare = bare_figures(&text);
            wrong.extend(bare.into_iter().map(|(line, bare)| {
                format!("{name}:{line}: `{bare}` has no mark that says where it comes from")
            }));
        }
    }
    let unused = values.keys().filter(|name| !used.contains(**name));
    wrong.extend(unused.map(|name| format!("docs/figures.toml: no text has the figure `{name}`")));
    for line in &wrong {
        println!("{line}");
    }
    Ok(match wrong.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

impl Figure {
    fn value(&self, run: &Run) -> Result<String> {
        let records = &run.records;
        let row = |bench: &str, row: &str, threads| {
            let found = records.row(bench, row, threads);
            found
                .with_context(|| format!("there is no row `{row}` in {bench} on {threads} threads"))
        };
        Ok(match self {
            Self::Ratio {
                bench,
                row: own,
                against,
                threads,
            } => {
                let ratio = row(bench, own, *threads)?.ratio_to(row(bench, against, *threads)?);
                format!("{:.2}", ratio.median)
            }
            Self::Ns {
                bench,
                row: own,
                threads,
            } => scoreboard::picture::nanoseconds(row(bench, own, *threads)?.cost().median),
            Self::Bytes { row, what } => {
                let mut rows = records.memory.iter();
                let row = rows.find(|other| other.name == *row && other.what == *what);
                format!(
                    "{:.1}",
                    row.context("there is no such row of memory")?.bytes
                )
            }
            Self::Latency {
                row,
                threads,
                operation,
                percentile,
            } => {
                let mut rows = records.latencies.iter();
                let row = rows.find(|other| {
                    (&other.name, &other.operation, other.threads) == (row, operation, *threads)
                });
                let row = row.context("there is no such row of latencies")?;
                let ns = match percentile {
                    Percentile::P50 => row.p50,
                    Percentile::P99 => row.p99,
                    Percentile::P999 => row.p999,
                    Percentile::Max => row.max,
                };
                scoreboard::picture::nanoseconds(ns as f64)
            }
            Self::Instructions(name) => {
                let baseline = Baseline::read()?;
                let count = baseline.instructions.get(name);
                format!(
                    "{:.0}",
                    count.context("the baseline has no such operation")?
                )
            }
            Self::Targets(verdict) => {
                let [met, all] = scoreboard::targets_met(&run.records)?;
                let count = match verdict {
                    Verdict::Met => met,
                    Verdict::NotMet => all - met,
                    Verdict::All => all,
                };
                count.to_string()
            }
            Self::Lines { file, begin } => {
                let text =
                    std::fs::read_to_string(root().join(file)).with_context(|| file.clone())?;
                let count = text.lines().filter(|line| line.starts_with(begin)).count();
                if count == 0 {
                    bail!("no line of {file} begins with `{begin}`");
                }
                count.to_string()
            }
            Self::Captured { file, pattern } => {
                let text =
                    std::fs::read_to_string(root().join(file)).with_context(|| file.clone())?;
                let found = Regex::new(pattern)?.captures(&text);
                let group = found.as_ref().and_then(|found| found.get(1));
                let group = group.with_context(|| format!("{file} has no `{pattern}`"))?;
                group.as_str().to_owned()
            }
            Self::Machine => run.circumstances.machine(),
        })
    }
}

const BEGIN: &str = "<!--f:";
const END: &str = "<!--f-->";

/// The text with the values between its marks; the names go into `used`.
fn write<'v>(
    text: &str,
    values: &BTreeMap<&'v str, String>,
    used: &mut BTreeSet<&'v str>,
) -> Result<String> {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, mark)) = rest.split_once(BEGIN) {
        let (name, after) = mark.split_once("-->").context("a mark does not end")?;
        let (_, after) = after
            .split_once(END)
            .filter(|(between, _)| !between.contains(['\n', '<']))
            .with_context(|| format!("the mark of `{name}` has no end on its line"))?;
        let (name, value) = values
            .get_key_value(name)
            .with_context(|| format!("`{name}` is not in docs/figures.toml"))?;
        used.insert(name);
        written += &format!("{before}{BEGIN}{name}-->{value}{END}");
        rest = after;
    }
    Ok(written + rest)
}

/// Times, ratios and shares that stand in no mark, with their lines. Code is left out, and lines with the mark
/// `<!--fact-->`, for numbers that no run changes.
fn bare_figures(text: &str) -> Vec<(usize, String)> {
    let marked = Regex::new(r"<!--f:[^>]*-->[^<]*<!--f-->").expect("the pattern is valid");
    let bare =
        Regex::new(r"\b\d+(\.\d+)? ?(ns|µs|us|×|%)( |[.,;:)|]|$)").expect("the pattern is valid");
    let mut in_code = false;
    let mut found = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if line.trim_start_matches(['/', '!', ' ']).starts_with("```") {
            in_code = !in_code;
        }
        if in_code || line.contains("<!--fact-->") {
            continue;
        }
        let line = marked.replace_all(line, "");
        found.extend(
            bare.find_iter(&line)
                .map(|bare| (n + 1, bare.as_str().trim().to_owned())),
        );
    }
    found
}

/// The texts that may tell costs by marked figures only.
fn is_about_costs(name: &str) -> bool {
    ["README.md", "src/lib.rs"].contains(&name) || name.starts_with("src/guide/")
}

/// All files that may have marks.
fn texts() -> Result<Vec<PathBuf>> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                walk(&path, files)?;
            } else if path
                .extension()
                .is_some_and(|ending| ending == "md" || ending == "rs")
            {
                files.push(path);
            }
        }
        Ok(())
    }
    let mut files: Vec<_> = ["README.md", "CONTRIBUTING.md"]
        .map(|name| root().join(name))
        .into();
    for folder in ["docs", "src", "proofs"] {
        let folder = root().join(folder);
        if folder.exists() {
            walk(&folder, &mut files)?;
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<String> {
        let values = BTreeMap::from([("a", "0.50".to_owned()), ("b", "7".to_owned())]);
        write(text, &values, &mut BTreeSet::new())
    }

    #[test]
    fn values_go_between_the_marks() {
        let text = "x <!--f:a-->0.65<!--f-->, y <!--f:b--><!--f-->.";
        let expected = "x <!--f:a-->0.50<!--f-->, y <!--f:b-->7<!--f-->.";
        assert_eq!(written(text).unwrap(), expected);
        assert_eq!(written(expected).unwrap(), expected);
    }

    #[test]
    fn a_mark_that_leads_nowhere_is_an_error() {
        for text in [
            "<!--f:c-->1<!--f-->",
            "<!--f:a-->1",
            "<!--f:a",
            "<!--f:a-->1\n<!--f-->",
            "<!--f:a-->1<!--f:b-->2<!--f-->",
        ] {
            assert!(written(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_figure_without_a_mark_is_found() {
        let text = "//! takes 14 ns.\n<!--f:a-->0.50<!--f--> of 4 bytes, 99.4 % of\n\
            ```\n5 ns\n```\n2 µs is what it is <!--fact-->\n0.65×";
        let found = bare_figures(text);
        let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 7]);
    }

    #[test]
    fn every_kind_of_figure_can_be_written_down() {
        let file: File = toml::from_str(
            r##"
            run = "r"
            [figure]
            a.ratio = { bench = "b", row = "r", against = "o", threads = 1 }
            b.ns = { bench = "b", row = "r", threads = 2 }
            c.bytes = { row = "r", what = "w" }
            d.instructions = "x"
            e.targets = "not-met"
            f.lines = { file = "README.md", begin = "# " }
            g = "machine"
            i.captured = { file = "README.md", pattern = '(\d+)' }
            h.latency = { row = "r", threads = 2, operation = "o", percentile = "p999" }
            "##,
        )
        .unwrap();
        assert_eq!(file.figure.len(), 9);
    }
}
