//! Runs the mutants, several copies of the crate at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::Mutant;
use super::rules::List;
use super::run::{Run, until_failure};
use super::table::Table;
use super::tree::Tree;
use crate::root;

/// What became of a mutant.
pub enum Outcome {
    Killed(String),
    Survived,
    /// It does not compile, so that it says nothing.
    Broken(String),
}

/// How long a test binary may take before it is known how long it takes.
const LONGEST: Duration = Duration::from_secs(1800);

/// Runs the mutants, and returns what became of each, in their order.
pub fn run_all(
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
    let limits = OnceLock::new();
    thread::scope(|scope| {
        for worker in 0..jobs.clamp(1, chosen.len().max(1)) {
            let (queue, limits, sender) = (&queue, &limits, sender.clone());
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let tree = Tree::new(worker, &list.dev_dependencies)?;
                    // The others begin meanwhile; if this fails, what they found does not count.
                    if worker == 0 {
                        let _ = limits.set(baseline(&tree, chosen)?);
                    }
                    loop {
                        let next = queue.lock().expect("no worker panics").next();
                        let Some((i, mutant)) = next else {
                            return Ok(());
                        };
                        let killer = table.rows.get(&mutant.key).map(String::as_str);
                        let source = &sources[&mutant.file];
                        let limit = limits.get().map_or(LONGEST, |all| all[&*mutant.test]);
                        let outcome = run_one(&tree, mutant, source, killer, limit)?;
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
        match until_failure(tree.command(&binary), LONGEST)? {
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
