//! Runs the mutants, several copies of the crate at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::Mutant;
use super::rules::List;
use super::table::{Key, Row, Table};
use super::tree::Tree;
use crate::binary::{Run, until_failure};
use crate::root;

/// What became of a mutant.
pub enum Outcome {
    Killed(String),
    Survived,
    /// It does not compile, so that it says nothing.
    Broken(String),
    /// The time was over before its turn.
    NotRun,
}

/// How long a test may take that nothing was changed for.
const LONGEST: Duration = Duration::from_secs(1800);
/// How long a test may take before it is known how long they take.
const LONGEST_SO_FAR: Duration = Duration::from_secs(180);

/// Runs the mutants, and returns what became of each, in their order.
pub fn run_all(
    chosen: &[&Mutant],
    sources: &BTreeMap<String, String>,
    table: &Table,
    list: &List,
    jobs: usize,
    end: Option<Instant>,
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
    let limits = OnceLock::new();
    thread::scope(|scope| {
        for worker in 0..jobs.clamp(1, chosen.len().max(1)) {
            let (queue, limits, sender) = (&queue, &limits, sender.clone());
            scope.spawn(move || {
                let is_over = || end.is_some_and(|end| Instant::now() >= end);
                let work = || -> Result<()> {
                    if is_over() {
                        return Ok(()); // with no minutes the page is only made to fit the source
                    }
                    let tree = Tree::new(worker, &list.dev_dependencies)?;
                    // The others begin at the same time; if this fails, what they found does not
                    // count.
                    if worker == 0 {
                        let _ = limits.set(baseline(&tree, chosen)?);
                    }
                    loop {
                        if is_over() {
                            return Ok(());
                        }
                        let next = queue.lock().expect("no worker panics").next();
                        let Some((i, mutant)) = next else {
                            return Ok(());
                        };
                        let source = &sources[mutant.key.file()];
                        let limit = limits
                            .get()
                            .map_or(LONGEST_SO_FAR, |all| all[&*mutant.test]);
                        let outcome = run_one(&tree, mutant, source, table, limit)?;
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
                    let left = HumanDuration(bar.eta());
                    println!("{}/{}, {left} left: {label}", bar.position(), chosen.len())
                }
                Outcome::Killed(_) => bar.set_message(label),
                Outcome::Survived => bar.suspend(|| println!("{label}: SURVIVES")),
                Outcome::Broken(_) => bar.suspend(|| println!("{label}: DOES NOT COMPILE")),
                Outcome::NotRun => {}
            }
            outcomes[i] = Some(outcome);
        }
        bar.finish_and_clear();
        let was_run = |outcome: Option<Outcome>| outcome.or(end.map(|_| Outcome::NotRun));
        let outcomes = outcomes.into_iter().map(was_run).collect::<Option<_>>();
        outcomes.context("a worker ended early")
    })
}

/// Runs each test binary unbroken: it has to pass, and its slowest test says how long one may take.
fn baseline<'a>(tree: &Tree, chosen: &[&'a Mutant]) -> Result<HashMap<&'a str, Duration>> {
    let tests: BTreeSet<&str> = chosen.iter().map(|m| m.test.as_str()).collect();
    let mut limits = HashMap::new();
    for test in tests {
        let binary = match tree.build(test)? {
            Ok(binary) => binary,
            Err(error) => bail!("the test {test} does not compile:\n{error}"),
        };
        match until_failure(tree.command(&binary), LONGEST)? {
            Run::Passed(longest) => limits.insert(test, longest * 4 + Duration::from_secs(20)),
            Run::Failed(name) => bail!("{test}: {name} fails without any change"),
        };
    }
    Ok(limits)
}

fn run_one(
    tree: &Tree,
    mutant: &Mutant,
    source: &str,
    table: &Table,
    limit: Duration,
) -> Result<Outcome> {
    let mut mutated = source.to_owned();
    mutated.replace_range(mutant.range.clone(), &mutant.replacement);
    tree.write(mutant.key.file(), &mutated)?;
    let built = tree.build(&mutant.test);
    // The binary is built: from here on the next mutant finds the file as it was.
    tree.write(mutant.key.file(), source)?;
    let binary = match built? {
        Ok(binary) => binary,
        Err(error) => return Ok(Outcome::Broken(error)),
    };
    for tests in likely(&mutant.key, table) {
        let mut command = tree.command(&binary);
        command.arg("--exact").args(tests);
        if let Run::Failed(name) = until_failure(command, limit)? {
            return Ok(Outcome::Killed(name));
        }
    }
    match until_failure(tree.command(&binary), limit)? {
        Run::Failed(name) => Ok(Outcome::Killed(name)),
        Run::Passed(_) => Ok(Outcome::Survived),
    }
}

/// The tests to run before all: the one that noticed this last time, then those that noticed something
/// else in the same file.
fn likely<'a>(key: &Key, table: &'a Table) -> Vec<BTreeSet<&'a str>> {
    let same_file = table.rows.iter().filter(|row| row.0.file() == key.file());
    let steps = [
        table
            .rows
            .get(key)
            .and_then(Row::killer)
            .into_iter()
            .collect(),
        same_file.filter_map(|row| row.1.killer()).collect(),
    ];
    // Without a name, it would be all of them.
    let named = steps
        .into_iter()
        .filter(|step: &BTreeSet<_>| !step.is_empty());
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::SURVIVED;
    use super::*;

    #[test]
    fn the_likely_tests_are_run_first() {
        let rule = |name: &str, file: &str| Key::Rule {
            name: name.to_owned(),
            file: file.to_owned(),
            why: String::new(),
        };
        let rows = [
            ("1", "src/a.rs", "kref::x"),
            ("2", "src/a.rs", "kref::y (abort)"),
            ("3", "src/a.rs", SURVIVED),
            ("4", "src/b.rs", "refs::z"),
        ];
        let table = Table {
            taken: Vec::new(),
            rows: rows
                .map(|(name, file, test)| {
                    let test = test.to_owned();
                    (rule(name, file), Row { line: 1, test })
                })
                .into(),
        };
        let likely = |name, file| likely(&rule(name, file), &table);
        let [x, y, z] = ["kref::x", "kref::y", "refs::z"];
        assert_eq!(likely("2", "src/a.rs"), [[y].into(), [x, y].into()]);
        assert_eq!(likely("3", "src/a.rs"), [[x, y].into()]);
        assert_eq!(likely("new", "src/b.rs"), [[z].into()]);
        assert!(likely("new", "src/c.rs").is_empty());
    }
}
