//! `cargo xtask figures`: the numbers in the prose come from the records.
//!
//! `docs/figures.toml` says what each figure is: a ratio of two rows of a bench, bytes, or something that stands in
//! another file of the repository. A ratio is told as the lowest and the highest of all runs that are kept, which is one for
//! each processor: so no processor on which kref is slower is left out. Where a text has a figure it has a pair of
//! marks, which no reader sees:
//!
//! ```text
//! a hit takes <!--f:hit-dashmap-1-->0.58 to 0.65<!--f--> of the time
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
    figure: BTreeMap<String, Figure>,
}

/// What a figure is.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Figure {
    /// The median of the ratios of two rows: the lowest and the highest of all runs.
    Ratio {
        bench: String,
        row: String,
        against: String,
        threads: u32,
    },
    /// The highest of all runs.
    Bytes { row: String, what: String },
    /// How many targets of the scoreboard are met on all processors, how many are missed on one at least, or all.
    Targets(Verdict),
    /// How many lines of a file of the repository begin so.
    Lines { file: String, begin: String },
    /// What the group of a regular expression matches in a file of the repository.
    Captured { file: String, pattern: String },
    /// The processors of the runs.
    Processors,
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
    let runs = Run::read_all(&scoreboard::folder())?;
    let mut values = BTreeMap::new();
    for (name, figure) in &file.figure {
        let value = figure
            .value(&runs)
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
    fn value(&self, runs: &[Run]) -> Result<String> {
        Ok(match self {
            Self::Ratio {
                bench,
                row,
                against,
                threads,
            } => {
                let of = |run: &Run| {
                    let own = run.records.row(bench, row, *threads)?;
                    let other = run.records.row(bench, against, *threads)?;
                    Some(own.ratio_to(other).median)
                };
                let ratios: Vec<_> = runs.iter().filter_map(of).collect();
                range(&ratios).with_context(|| {
                    format!("no run has `{row}` and `{against}` in {bench} on {threads} threads")
                })?
            }
            Self::Bytes { row, what } => {
                let rows = runs.iter().flat_map(|run| &run.records.memory);
                let own = rows.filter(|other| other.name == *row && other.what == *what);
                let highest = own.map(|row| row.bytes).max_by(f64::total_cmp);
                format!("{:.1}", highest.context("there is no such row of memory")?)
            }
            Self::Targets(verdict) => {
                let [met, all] = scoreboard::targets_met(runs)?;
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
            Self::Processors => {
                let names: Vec<_> = runs
                    .iter()
                    .map(|run| &*run.circumstances.processor)
                    .collect();
                names.join(", ")
            }
        })
    }
}

/// `lowest to highest`, or one number if the two look the same.
fn range(ratios: &[f64]) -> Option<String> {
    let shown = |ratio: Option<f64>| ratio.map(|ratio| format!("{ratio:.2}"));
    let lowest = shown(ratios.iter().copied().min_by(f64::total_cmp))?;
    let highest = shown(ratios.iter().copied().max_by(f64::total_cmp))?;
    Some(match lowest == highest {
        true => lowest,
        false => format!("{lowest} to {highest}"),
    })
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
    fn a_ratio_is_told_with_the_worst_run() {
        assert_eq!(range(&[0.701, 1.2, 0.6]).unwrap(), "0.60 to 1.20");
        assert_eq!(range(&[0.701, 0.699]).unwrap(), "0.70");
        assert!(range(&[]).is_none());
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
            [figure]
            a.ratio = { bench = "b", row = "r", against = "o", threads = 1 }
            c.bytes = { row = "r", what = "w" }
            e.targets = "not-met"
            f.lines = { file = "README.md", begin = "# " }
            g = "processors"
            i.captured = { file = "README.md", pattern = '(\d+)' }
            "##,
        )
        .unwrap();
        assert_eq!(file.figure.len(), 6);
    }
}
