//! `cargo xtask mutants`: breaks every memory ordering and every rule, one at a time, and names the
//! test that notices.

mod changed;
mod orderings;
mod rules;
mod table;
mod tree;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::rules::{List, Rule};
use self::table::{Key, NOT_RUN, Row, SURVIVED, Table};
use self::work::{Outcome, run_all};
use crate::root;

/// The test binary that the orderings are for.
const MODEL: &str = "model";
const TABLE: &str = "docs/orderings.md";
const LIST: &str = "xtask/mutants.toml";

/// Break every memory ordering and every rule, one at a time; name the test that fails.
///
/// The orderings are found in src/ and weakened by one step; the rules are listed in
/// xtask/mutants.toml. Each is changed in a copy of the crate (target/mutants), and the tests that
/// failed last time (docs/orderings.md) are run, then all, up to the first failure. Exit code 1 if a
/// change survives.
#[derive(clap::Args)]
pub struct Options {
    /// List what would be broken, and do nothing.
    #[arg(long)]
    list: bool,
    /// Fail if docs/orderings.md does not have every mutant of the source, or has another; run
    /// nothing.
    #[arg(long, conflicts_with_all = ["list", "write"])]
    check: bool,
    /// Write what was found to docs/orderings.md.
    #[arg(long)]
    write: bool,
    /// Only what docs/orderings.md does not have, or what lies in a source file, or is noticed by a
    /// model, that was changed since this revision.
    #[arg(long, value_name = "REVISION", num_args = 0..=1, default_missing_value = "HEAD")]
    #[arg(require_equals = true)]
    changed: Option<String>,
    /// Only what has one of these in its line of --list.
    #[arg(long, value_name = "SUBSTRING", num_args = 1..)]
    only: Vec<String>,
    /// Begin no mutant after so many minutes. Those that were never run begin first; those that are left keep
    /// the row that they have, or are shown as not run yet.
    #[arg(long)]
    minutes: Option<u64>,
    /// How many copies are worked on at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// One change of the source.
struct Mutant {
    key: Key,
    line: usize,
    range: Range<usize>,
    replacement: String,
    /// The test binary to run.
    test: String,
}

impl Mutant {
    /// The line of --list.
    fn label(&self) -> String {
        let what = match &self.key {
            Key::Ordering {
                function,
                operation,
                step,
                ..
            } => format!("{function}: {operation}: {step}"),
            Key::Rule { name, .. } => name.clone(),
        };
        format!("{}:{} {what}", self.key.file(), self.line)
    }
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let sources = sources()?;
    let list = List::parse(&fs::read_to_string(root().join(LIST)).context(LIST)?)?;
    let all = mutants(&sources, &list)?;
    let old = fs::read_to_string(root().join(TABLE)).unwrap_or_default();
    let mut table = Table::from_markdown(&old);

    if options.check {
        return check(&all, &table);
    }
    let mut chosen = choose(&all, &table, options)?;
    if options.minutes.is_some() {
        let is_known =
            |mutant: &&Mutant| table.rows.get(&mutant.key).and_then(Row::killer).is_some();
        chosen.sort_by_key(|mutant| (is_known(mutant), mutant.test == MODEL));
    }
    if options.list {
        for mutant in &chosen {
            println!("{}", mutant.label());
        }
        return Ok(ExitCode::SUCCESS);
    }

    let start = Instant::now();
    let end = options
        .minutes
        .map(|minutes| start + Duration::from_secs(60 * minutes));
    let outcomes = run_all(&chosen, &sources, &table, &list, options.jobs, end)?;
    println!();
    let mut not_run = 0;
    let mut failures = Vec::new();
    let mut noticed = BTreeMap::new();
    for (mutant, outcome) in chosen.iter().zip(outcomes) {
        match outcome {
            Outcome::Killed(test) => {
                println!("{} -> {test}", mutant.label());
                noticed.insert(mutant.key.clone(), test);
            }
            Outcome::Survived => {
                failures.push(format!("{}: survives", mutant.label()));
                noticed.insert(mutant.key.clone(), SURVIVED.to_owned());
            }
            Outcome::Broken(error) => {
                failures.push(format!("{}: does not compile\n{error}", mutant.label()));
            }
            Outcome::NotRun => not_run += 1,
        }
    }
    println!();
    for failure in &failures {
        println!("{failure}");
    }
    println!(
        "{} broken, {} noticed, {} not, {not_run} not run, in {:.0?}",
        chosen.len() - not_run,
        chosen.len() - not_run - failures.len(),
        failures.len(),
        start.elapsed()
    );

    if options.write {
        let complete = chosen.len() == all.len() && not_run == 0;
        write(&all, &mut table, noticed, complete, start.elapsed())?;
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The shipped source files and their texts. The code that the guide shows is not part of what ships:
/// half of it is wrong on purpose, and `tests/guide` says which half.
fn sources() -> Result<BTreeMap<String, String>> {
    fn walk(folder: &str, sources: &mut BTreeMap<String, String>) -> Result<()> {
        for entry in fs::read_dir(root().join(folder)).context(folder.to_owned())? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if path == "src/guide" {
                continue;
            }
            if entry.file_type()?.is_dir() {
                walk(&path, sources)?;
            } else if path.ends_with(".rs") {
                sources.insert(path, fs::read_to_string(entry.path())?);
            }
        }
        Ok(())
    }
    let mut sources = BTreeMap::new();
    walk("src", &mut sources)?;
    Ok(sources)
}

fn mutants(sources: &BTreeMap<String, String>, list: &List) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for (file, source) in sources {
        let mut seen: HashMap<Key, usize> = HashMap::new();
        for found in orderings::find(source).context(file.clone())? {
            let key = |operation| Key::Ordering {
                file: file.clone(),
                function: found.function.clone(),
                operation,
                step: format!("{} -> {}", found.from, found.to),
            };
            let number = seen.entry(key(found.operation.clone())).or_default();
            *number += 1;
            let operation = match *number {
                1 => found.operation.clone(),
                n => format!("{} #{n}", found.operation),
            };
            mutants.push(Mutant {
                key: key(operation),
                line: found.line,
                range: found.range,
                replacement: found.replacement,
                test: MODEL.to_owned(),
            });
        }
    }
    let mut stale = Vec::new();
    for rule in &list.rules {
        match rule_mutant(rule, sources) {
            Ok(mutant) => mutants.push(mutant),
            Err(error) => stale.push(format!("{error:#}")),
        }
    }
    ensure!(stale.is_empty(), "{LIST}: {}", stale.join("\n"));
    Ok(mutants)
}

fn rule_mutant(rule: &Rule, sources: &BTreeMap<String, String>) -> Result<Mutant> {
    let source = sources.get(&rule.file);
    let source = source.with_context(|| format!("{}: no file {}", rule.name, rule.file))?;
    let range = rule.locate(source)?;
    Ok(Mutant {
        key: Key::Rule {
            name: rule.name.clone(),
            file: rule.file.clone(),
            why: rule.why.clone(),
        },
        line: 1 + source[..range.start].matches('\n').count(),
        range,
        replacement: rule.replace.clone(),
        test: rule.test.clone(),
    })
}

/// Compares the table with the source.
fn check(all: &[Mutant], table: &Table) -> Result<ExitCode> {
    let source: BTreeSet<&Key> = all.iter().map(|m| &m.key).collect();
    let (mut stale, mut not_run) = (0, 0);
    for key in &source {
        match table.rows.get(key) {
            Some(row) if row.test == NOT_RUN => not_run += 1,
            Some(row) if row.killer().is_some() => {}
            Some(_) => {
                println!("nothing notices {key}");
                stale += 1;
            }
            None => {
                println!("{TABLE} lacks {key}");
                stale += 1;
            }
        }
    }
    for key in table.rows.keys().filter(|key| !source.contains(key)) {
        println!("{TABLE} has, and the source has not, {key}");
        stale += 1;
    }
    if stale == 0 {
        println!(
            "{TABLE} has all {} mutants of the source; {not_run} were not run yet",
            source.len()
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("{stale} differences; `cargo xtask mutants --changed --write` puts them right");
    Ok(ExitCode::FAILURE)
}

/// The mutants that the options ask for.
fn choose<'a>(all: &'a [Mutant], table: &Table, options: &Options) -> Result<Vec<&'a Mutant>> {
    let changed = options.changed.as_deref().map(changed::files).transpose()?;
    let chosen = all.iter().filter(|mutant| {
        let label = mutant.label();
        let named = options.only.is_empty() || options.only.iter().any(|only| label.contains(only));
        let touched = |files: &Vec<String>| changed::rests_on(mutant, table, files);
        named && changed.as_ref().is_none_or(touched)
    });
    Ok(chosen.collect())
}

/// Writes the table: what was run replaces its rows, the others stay if the source still has them.
fn write(
    all: &[Mutant],
    table: &mut Table,
    noticed: BTreeMap<Key, String>,
    complete: bool,
    took: Duration,
) -> Result<()> {
    let mut old = std::mem::take(&mut table.rows);
    for Mutant { key, line, .. } in all {
        let test = noticed.get(key).cloned();
        let test = test.or_else(|| Some(old.remove(key)?.test));
        let test = test.unwrap_or_else(|| NOT_RUN.to_owned());
        table.rows.insert(key.clone(), Row { line: *line, test });
    }
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let rustc = Command::new("rustc")
        .arg("--version")
        .current_dir(root())
        .output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    let with = |test: &str| table.rows.values().filter(|row| row.test == test).count();
    let (survivors, not_run) = (with(SURVIVED), with(NOT_RUN));
    let counts = format!(
        "{} mutants, {} noticed, {survivors} survive, {not_run} not run yet.",
        table.rows.len(),
        table.rows.len() - survivors - not_run
    );
    let run = format!("{today}, {}: ", rustc.trim());
    let minutes = took.as_secs_f64() / 60.0;
    match complete {
        true => {
            let run =
                format!("{run}all, by `cargo xtask mutants --write`, in {minutes:.1} minutes.");
            table.taken = vec![counts, run];
        }
        false => {
            let run = format!("{run}what had changed, by `cargo xtask mutants --changed --write`.");
            table.taken.truncate(2);
            match table.taken.first_mut() {
                Some(first) => *first = counts,
                None => table.taken.push(counts),
            }
            table.taken.push(run);
        }
    }
    let path = root().join(TABLE);
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    fs::write(&path, table.to_markdown()).context(TABLE)
}
