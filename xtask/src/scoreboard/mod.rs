//! `cargo xtask scoreboard`: runs the benches, compares what they tell with the targets, and writes
//! `docs/scoreboard.md` with its pictures.

mod bars;
pub mod circumstances;
pub mod curves;
mod page;
pub mod picture;
pub mod records;
mod targets;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use self::circumstances::Circumstances;
use self::records::{Progress, Record, Records, Run};
use self::targets::{Compared, Judged, Missing};
use crate::{cargo, root};

/// Run all benches, and write `docs/scoreboard.md` and its pictures.
///
/// It takes a quarter of an hour, on a machine that should have nothing else to do; two cores at least.
/// A target that is not met is shown as such, and is no error.
#[derive(clap::Args)]
pub struct Options {
    /// Fewer rounds, at most a million entries: three minutes, and wider spreads.
    #[arg(long)]
    quick: bool,
    /// Measure nothing: write the page again from the runs that are kept in `docs/scoreboard`.
    #[arg(long, conflicts_with_all = ["quick", "only"])]
    again: bool,
    /// Run these benches only, and print what they tell about the targets; write nothing.
    #[arg(long, value_name = "BENCH")]
    only: Vec<String>,
}

/// A bench: of which package, its name, and how many seconds it takes about, quick and in full.
struct Bench {
    package: &'static str,
    name: &'static str,
    seconds: [u64; 2],
}

const fn bench(package: &'static str, name: &'static str, quick: u64, full: u64) -> Bench {
    Bench {
        package,
        name,
        seconds: [quick, full],
    }
}

const KREF: &str = "Cargo.toml";
const PEERS: &str = "benches/peers/Cargo.toml";

const BENCHES: [Bench; 12] = [
    bench(KREF, "refcount", 2, 6),
    bench(KREF, "atomic", 4, 12),
    bench(KREF, "put_with_lock", 8, 30),
    bench(KREF, "refs", 12, 60),
    bench(KREF, "many_cores", 20, 90),
    bench(KREF, "weak", 10, 40),
    bench(KREF, "llist", 6, 20),
    bench(PEERS, "registry", 35, 160),
    bench(PEERS, "interner", 10, 30),
    bench(PEERS, "growth", 30, 150),
    bench(PEERS, "latency", 7, 45),
    bench(PEERS, "memory", 4, 4),
];

/// The folder that keeps a run for each processor, and the pictures of the last one.
pub fn folder() -> PathBuf {
    root().join("docs/scoreboard")
}

pub fn run(options: &Options) -> Result<ExitCode> {
    if options.again {
        let runs = Run::read_all(&folder())?;
        let newest = runs
            .iter()
            .max_by(|a, b| a.circumstances.date.cmp(&b.circumstances.date));
        write_page(&runs, newest.context("no run is kept")?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let scratch = root().join("target/scoreboard");
    std::fs::create_dir_all(&scratch)?;
    let lines = scratch.join("records.jsonl");
    let circumstances = run_benches(options, &lines)?;
    let run = Run {
        circumstances,
        records: Records::read(&lines)?,
    };
    let targets = root().join("benches/targets.toml");
    if !options.only.is_empty() {
        let judged = [targets::judge(&targets, &run.records, Missing::Refused)?];
        print!("{}", page::targets(&targets::compare(&judged), &[&run]));
        return Ok(ExitCode::SUCCESS);
    }
    targets::judge(&targets, &run.records, Missing::Refused)?;
    run.write(&folder())?;
    let runs = Run::read_all(&folder())?;
    let own = runs
        .iter()
        .find(|other| other.circumstances.slug() == run.circumstances.slug());
    write_page(&runs, own.context("the run was written just now")?)?;
    let failed = &run.circumstances.failed;
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("These benches have failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// How many targets all runs meet, and how many there are.
pub fn targets_met(runs: &[Run]) -> Result<[usize; 2]> {
    let judged = judge(runs)?;
    Ok(met(&targets::compare(&judged)))
}

fn met(compared: &[Compared<'_>]) -> [usize; 2] {
    let met = compared.iter().filter(|target| target.met).count();
    [met, compared.len()]
}

fn judge<'r>(runs: impl IntoIterator<Item = &'r Run>) -> Result<Vec<Vec<Judged>>> {
    let targets = root().join("benches/targets.toml");
    let runs = runs.into_iter();
    runs.map(|run| targets::judge(&targets, &run.records, Missing::LeftOut))
        .collect()
}

/// Writes `docs/scoreboard.md` of all runs, with the pictures of `own`, whose column is the first.
fn write_page(runs: &[Run], own: &Run) -> Result<()> {
    let others = runs.iter().filter(|run| !std::ptr::eq(*run, own));
    let runs: Vec<&Run> = std::iter::once(own).chain(others).collect();
    let judged = judge(runs.iter().copied())?;
    let compared = targets::compare(&judged);
    page::write(&root().join("docs"), &runs, own, &compared)?;
    let [met, all] = met(&compared);
    println!("docs/scoreboard.md: {met} of {all} targets are met.");
    Ok(())
}

/// Runs the benches; their records go to `path`. What one that fails has told until then is kept.
fn run_benches(options: &Options, path: &Path) -> Result<Circumstances> {
    let is_wanted =
        |bench: &&Bench| options.only.is_empty() || options.only.iter().any(|o| o == bench.name);
    let benches = || BENCHES.iter().filter(is_wanted);
    ensure!(
        benches().next().is_some(),
        "there is no such bench; there are {}",
        BENCHES.map(|bench| bench.name).join(", ")
    );
    for package in [KREF, PEERS] {
        if benches().any(|bench| bench.package == package) {
            build(package)?;
        }
    }
    let mut seen = Circumstances::now(options.quick)?;
    let mut records = File::create(path)?;
    let clock = Clock::new(benches().map(|b| seconds(b, options.quick)).sum());
    for bench in benches() {
        if let Err(error) = run_bench(bench, options.quick, &clock, &mut records) {
            clock.says(&format!("{}: {error:#}", bench.name));
            seen.failed.push(bench.name.to_owned());
        }
    }
    clock.ends();
    seen.ends();
    Ok(seen)
}

fn run_bench(bench: &Bench, quick: bool, clock: &Clock, records: &mut File) -> Result<()> {
    clock.begins(bench.name);
    let end = clock.bar.position() + seconds(bench, quick);
    let mut child = cargo()
        .args(["bench", "--quiet", "--manifest-path", bench.package])
        .args(["--bench", bench.name])
        .current_dir(root())
        .env("KREF_RECORDS", "1")
        .envs(quick.then_some(("KREF_QUICK", "1")))
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().expect("it is piped");
    for line in BufReader::new(output).lines() {
        let line = line?;
        if !line.starts_with('{') {
            clock.says(&line);
            continue;
        }
        if let Record::Progress(Progress { bench, done, of }) = records::parse(&line)? {
            clock.bar.set_message(format!("{bench} {done}/{of}"));
            clock.tick(end);
        } else {
            writeln!(records, "{line}")?;
        }
    }
    let status = child.wait()?;
    ensure!(status.success(), "{status}");
    clock.bar.set_position(end);
    Ok(())
}

fn seconds(bench: &Bench, quick: bool) -> u64 {
    bench.seconds[usize::from(!quick)]
}

fn build(package: &str) -> Result<()> {
    eprintln!("building the benches of {package}");
    let status = cargo()
        .args(["bench", "--no-run", "--quiet", "--manifest-path", package])
        .current_dir(root())
        .status()?;
    ensure!(status.success(), "the benches of {package} do not build");
    Ok(())
}

/// Shows how far the run has come, and how much time it will take from here: what the rest took elsewhere, in
/// the proportion of what the beginning took here.
struct Clock {
    bar: ProgressBar,
    start: Instant,
}

impl Clock {
    fn new(seconds: u64) -> Self {
        let style = "{elapsed_precise} {wide_bar} {percent} %, {eta} left: {msg}";
        let bar = ProgressBar::new(seconds)
            .with_style(ProgressStyle::with_template(style).expect("the template is valid"));
        bar.enable_steady_tick(Duration::from_millis(500));
        let start = Instant::now();
        Self { bar, start }
    }

    /// A line for each bench, for logs.
    fn begins(&self, bench: &str) {
        let (done, all) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let elapsed = self.start.elapsed().as_secs();
        let left = (elapsed * (all - done)).checked_div(done).unwrap_or(all);
        self.says(&format!(
            "{:>3} %, {}:{:02} gone, about {}:{:02} left: {bench}",
            done * 100 / all.max(1),
            elapsed / 60,
            elapsed % 60,
            left / 60,
            left % 60
        ));
    }

    fn says(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    /// Moves on by the time that has gone, but not beyond the end of this bench.
    fn tick(&self, end: u64) {
        let elapsed = self.start.elapsed().as_secs();
        self.bar
            .set_position(elapsed.clamp(self.bar.position(), end));
    }

    fn ends(&self) {
        self.bar.finish_and_clear();
        let elapsed = self.start.elapsed().as_secs();
        eprintln!("100 %, {}:{:02}", elapsed / 60, elapsed % 60);
    }
}

/// What a command prints, on one line; nothing if it cannot be had.
pub fn told_by(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command)
        .args(arguments)
        .current_dir(root())
        .output();
    let output = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
