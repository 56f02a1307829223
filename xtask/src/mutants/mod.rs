//! `cargo xtask mutants`: breaks every memory ordering and every rule, one at a time, and names the
//! test that notices.

mod orderings;
mod rules;
mod run;
mod table;
mod tree;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use self::rules::List;
use self::run::{Run, until_failure};
use self::table::{Key, SURVIVED, Table};
use self::tree::Tree;
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
    /// Only what has this in its line of --list.
    #[arg(long, value_name = "SUBSTRING")]
    only: Option<String>,
    /// How many copies are worked on at a time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// One change of the source.
struct Mutant {
    key: Key,
    file: String,
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
            Key::Ordering { function, step, .. } => format!("{function}: {step}"),
            Key::Rule { name, .. } => name.clone(),
        };
        format!("{}:{} {what}", self.file, self.line)
    }
}

/// What became of a mutant.
enum Outcome {
    Killed(String),
    Survived,
    /// It does not compile, so that it says nothing.
    Broken(String),
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
    let chosen = choose(&all, &table, options)?;
    if options.list {
        for mutant in &chosen {
            println!("{}", mutant.label());
        }
        return Ok(ExitCode::SUCCESS);
    }

    let start = Instant::now();
    let outcomes = run_all(&chosen, &sources, &table, &list, options.jobs)?;
    println!();
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
        }
    }
    println!();
    for failure in &failures {
        println!("{failure}");
    }
    println!(
        "{} broken, {} noticed, {} not, in {:.0?}",
        chosen.len(),
        chosen.len() - failures.len(),
        failures.len(),
        start.elapsed()
    );

    if options.write {
        let complete = chosen.len() == all.len();
        write(&all, &mut table, noticed, complete, start.elapsed())?;
    }
    Ok(if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The shipped source files and their texts.
fn sources() -> Result<BTreeMap<String, String>> {
    fn walk(folder: &str, sources: &mut BTreeMap<String, String>) -> Result<()> {
        for entry in fs::read_dir(root().join(folder)).context(folder.to_owned())? {
            let entry = entry?;
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
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
                file: file.clone(),
                line: found.line,
                range: found.range,
                replacement: found.replacement,
                test: MODEL.to_owned(),
            });
        }
    }
    for rule in &list.rules {
        let source = sources.get(&rule.file);
        let source = source.with_context(|| format!("{}: no file {}", rule.name, rule.file))?;
        let range = rule.locate(source)?;
        mutants.push(Mutant {
            key: Key::Rule {
                name: rule.name.clone(),
                why: rule.why.clone(),
            },
            file: rule.file.clone(),
            line: 1 + source[..range.start].matches('\n').count(),
            range,
            replacement: rule.replace.clone(),
            test: rule.test.clone(),
        });
    }
    Ok(mutants)
}

/// Compares the table with the source.
fn check(all: &[Mutant], table: &Table) -> Result<ExitCode> {
    let source: BTreeSet<&Key> = all.iter().map(|m| &m.key).collect();
    let mut stale = 0;
    for key in &source {
        match table.rows.get(key).map(String::as_str) {
            Some(SURVIVED) => println!("nothing notices {key:?}"),
            Some(_) => continue,
            None => println!("{TABLE} lacks {key:?}"),
        }
        stale += 1;
    }
    for key in table.rows.keys().filter(|key| !source.contains(key)) {
        println!("{TABLE} has, and the source has not, {key:?}");
        stale += 1;
    }
    if stale == 0 {
        println!("{TABLE} has all {} mutants of the source", source.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{stale} differences; `cargo xtask mutants --changed --write` puts them right");
    Ok(ExitCode::FAILURE)
}

/// The mutants that the options ask for.
fn choose<'a>(all: &'a [Mutant], table: &Table, options: &Options) -> Result<Vec<&'a Mutant>> {
    let changed = options.changed.as_deref().map(changed_files).transpose()?;
    let chosen = all.iter().filter(|mutant| {
        options
            .only
            .as_ref()
            .is_none_or(|only| mutant.label().contains(only))
            && changed.as_ref().is_none_or(|files| {
                is_changed(
                    mutant,
                    table.rows.get(&mutant.key).map(String::as_str),
                    files,
                )
            })
    });
    Ok(chosen.collect())
}

/// The files that differ from the revision, those included that git does not know yet.
fn changed_files(revision: &str) -> Result<Vec<String>> {
    let git = |args: &[&str]| -> Result<String> {
        let output = Command::new("git")
            .args(args)
            .current_dir(root())
            .output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {args:?}: {error}");
        Ok(String::from_utf8(output.stdout)?)
    };
    let differing = git(&["diff", "--name-only", revision])?;
    let unknown = git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(differing
        .lines()
        .chain(unknown.lines())
        .map(str::to_owned)
        .collect())
}

/// Whether something that the mutant's row in the table rests on has changed.
fn is_changed(mutant: &Mutant, killer: Option<&str>, files: &[String]) -> bool {
    let Some(killer) = killer else { return true };
    let tests = format!("tests/{}/", mutant.test);
    files.iter().any(|file| {
        let model = file.strip_prefix(&tests).and_then(|f| f.strip_suffix(".rs"));
        *file == mutant.file
            || *file == format!("tests/{}.rs", mutant.test)
            // A model that has changed may no longer notice; a file that is no model serves all.
            || model.is_some_and(|model| {
                killer.starts_with(&format!("{model}::")) || ["main", "backend", "object"].contains(&model)
            })
    })
}

/// Runs the mutants, and returns what became of each, in their order.
fn run_all(
    chosen: &[&Mutant],
    sources: &BTreeMap<String, String>,
    table: &Table,
    list: &List,
    jobs: usize,
) -> Result<Vec<Outcome>> {
    let folder = root().join("target/mutants");
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("lock"))?;
    if lock.try_lock().is_err() {
        bail!(
            "another `cargo xtask mutants` is at work in {}",
            folder.display()
        );
    }

    let bar = ProgressBar::new(chosen.len() as u64);
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len}, {eta} left: {wide_msg}",
    )?);
    bar.set_message("building the copies");
    bar.tick();
    let queue = Mutex::new(chosen.iter().enumerate());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..jobs.clamp(1, chosen.len().max(1)) {
            let (queue, sender) = (&queue, sender.clone());
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let tree = Tree::new(worker, &list.dev_dependencies)?;
                    let limits = baseline(&tree, chosen)?;
                    loop {
                        let next = queue.lock().expect("no worker panics").next();
                        let Some((i, mutant)) = next else {
                            return Ok(());
                        };
                        let killer = table.rows.get(&mutant.key).map(String::as_str);
                        let source = &sources[&mutant.file];
                        let outcome =
                            run_one(&tree, mutant, source, killer, limits[&*mutant.test])?;
                        // The receiver is gone once another worker has failed.
                        if sender.send(Ok((i, outcome))).is_err() {
                            return Ok(());
                        }
                    }
                };
                if let Err(error) = work() {
                    let _ = sender.send(Err(error));
                }
            });
        }
        drop(sender);
        let mut outcomes: Vec<_> = chosen.iter().map(|_| None).collect();
        for result in receiver {
            let (i, outcome) = result?;
            let label = chosen[i].label();
            bar.inc(1);
            match &outcome {
                Outcome::Killed(_) if bar.is_hidden() => {
                    println!("{}/{} {label}", bar.position(), chosen.len())
                }
                Outcome::Killed(_) => bar.set_message(label),
                Outcome::Survived => bar.suspend(|| println!("{label}: SURVIVES")),
                Outcome::Broken(_) => bar.suspend(|| println!("{label}: DOES NOT COMPILE")),
            }
            outcomes[i] = Some(outcome);
        }
        bar.finish_and_clear();
        let outcomes = outcomes.into_iter().collect::<Option<_>>();
        outcomes.context("a worker ended early")
    })
}

/// Runs each test binary unbroken: it has to pass, and its time says how long a mutant may take.
fn baseline<'a>(tree: &Tree, chosen: &[&'a Mutant]) -> Result<HashMap<&'a str, Duration>> {
    let tests: BTreeSet<&str> = chosen.iter().map(|m| m.test.as_str()).collect();
    let mut limits = HashMap::new();
    for test in tests {
        let binary = match tree.build(test)? {
            Ok(binary) => binary,
            Err(error) => bail!("the test {test} does not compile:\n{error}"),
        };
        let start = Instant::now();
        match until_failure(tree.command(&binary), Duration::from_secs(1800))? {
            Run::Passed => {}
            Run::Failed(name) => bail!("{test}: {name} fails without any change"),
        }
        limits.insert(test, start.elapsed() * 3 + Duration::from_secs(30));
    }
    Ok(limits)
}

fn run_one(
    tree: &Tree,
    mutant: &Mutant,
    source: &str,
    killer: Option<&str>,
    limit: Duration,
) -> Result<Outcome> {
    let mut mutated = source.to_owned();
    mutated.replace_range(mutant.range.clone(), &mutant.replacement);
    tree.write(&mutant.file, &mutated)?;
    let built = tree.build(&mutant.test);
    // The binary is built: from here on the next mutant finds the file as it was.
    tree.write(&mutant.file, source)?;
    let binary = match built? {
        Ok(binary) => binary,
        Err(error) => return Ok(Outcome::Broken(error)),
    };
    // The test that noticed it last time, then all.
    if let Some(name) = killer.and_then(|killer| killer.split(' ').next()) {
        let mut command = tree.command(&binary);
        command.args(["--exact", name]);
        if let Run::Failed(name) = until_failure(command, limit)? {
            return Ok(Outcome::Killed(name));
        }
    }
    match until_failure(tree.command(&binary), limit)? {
        Run::Failed(name) => Ok(Outcome::Killed(name)),
        Run::Passed => Ok(Outcome::Survived),
    }
}

/// Writes the table: what was run replaces its rows, the others stay if the source still has them.
fn write(
    all: &[Mutant],
    table: &mut Table,
    noticed: BTreeMap<Key, String>,
    complete: bool,
    took: Duration,
) -> Result<()> {
    let source: BTreeSet<&Key> = all.iter().map(|m| &m.key).collect();
    table.rows.retain(|key, _| source.contains(key));
    table.rows.extend(noticed);
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let rustc = Command::new("rustc")
        .arg("--version")
        .current_dir(root())
        .output()?;
    let rustc = String::from_utf8(rustc.stdout)?;
    let survivors = table.rows.values().filter(|test| *test == SURVIVED).count();
    let counts = format!(
        "{} mutants, {} noticed, {survivors} survive.",
        table.rows.len(),
        table.rows.len() - survivors
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
