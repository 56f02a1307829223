//! `cargo xtask counts`: how many instructions the operations take, against `benches/counts/baseline.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{cargo, root};

/// Count instructions under valgrind, and compare with the baseline.
///
/// Fails if an operation takes more of them than the tolerance allows. Ends with 2 if valgrind is missing, or if the
/// baseline was taken with another compiler.
#[derive(clap::Args)]
pub struct Options {
    /// Write the baseline anew.
    #[arg(long)]
    write: bool,
}

/// `benches/counts/baseline.toml`.
#[derive(Serialize, Deserialize)]
pub struct Baseline {
    /// With which compiler, and for what.
    pub rustc: String,
    /// By which part a count may grow.
    tolerance: f64,
    /// Instructions for one operation.
    pub instructions: BTreeMap<String, f64>,
}

impl Baseline {
    pub fn read() -> Result<Self> {
        let path = root().join(BASELINE);
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }
}

const BASELINE: &str = "benches/counts/baseline.toml";

/// How often each function does its operation: `TIMES` of the bench.
const TIMES: f64 = 1000.0;
const TOLERANCE: f64 = 0.02;
const MISSING: u8 = 2;

pub fn run(options: &Options) -> Result<ExitCode> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("counts: valgrind is missing; on Debian: apt-get install valgrind");
        return Ok(ExitCode::from(MISSING));
    }
    let rustc = compiler()?;
    let path = root().join(BASELINE);
    let baseline = if options.write && !path.exists() {
        None
    } else {
        Some(Baseline::read()?)
    };
    if let Some(baseline) = baseline.as_ref().filter(|_| !options.write)
        && baseline.rustc != rustc
    {
        eprintln!(
            "counts: the baseline is of {}, this is {rustc}; `cargo xtask counts --write` takes another one",
            baseline.rustc
        );
        return Ok(ExitCode::from(MISSING));
    }
    let instructions = count()?;
    if options.write {
        let tolerance = baseline.map_or(TOLERANCE, |baseline| baseline.tolerance);
        let baseline = Baseline {
            rustc,
            tolerance,
            instructions,
        };
        let text = toml::to_string(&baseline)?;
        let head = "# Instructions for one operation, the loop's own included: `nothing`. Written by\n\
                    # `cargo xtask counts --write`.\n";
        std::fs::write(&path, format!("{head}{text}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let baseline = baseline.expect("it was read");
    Ok(compare(&baseline, &instructions))
}

/// Prints what there is, and says whether nothing has grown.
fn compare(baseline: &Baseline, instructions: &BTreeMap<String, f64>) -> ExitCode {
    let mut failed = 0;
    println!("{:<24} {:>10} {:>10}", "instructions", "now", "baseline");
    for (name, &now) in instructions {
        let Some(&before) = baseline.instructions.get(name) else {
            println!("{name:<24} {now:>10.2} {:>10}  not in the baseline", "");
            failed += 1;
            continue;
        };
        let verdict = verdict(now, before, baseline.tolerance);
        failed += usize::from(verdict == Verdict::Grown);
        let told = match verdict {
            Verdict::Grown => "  GROWN",
            Verdict::Shrunk => "  less: write the baseline anew",
            Verdict::Same => "",
        };
        println!("{name:<24} {now:>10.2} {before:>10.2}{told}");
    }
    for name in baseline.instructions.keys() {
        if !instructions.contains_key(name) {
            println!("{name:<24} is in the baseline, and is not counted any more");
            failed += 1;
        }
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        eprintln!(
            "counts: {failed} of {} are not as they were",
            instructions.len()
        );
        ExitCode::FAILURE
    }
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Same,
    Grown,
    Shrunk,
}

fn verdict(now: f64, before: f64, tolerance: f64) -> Verdict {
    if now > before * (1.0 + tolerance) {
        Verdict::Grown
    } else if now < before * (1.0 - tolerance) {
        Verdict::Shrunk
    } else {
        Verdict::Same
    }
}

/// The compiler's release, and the target.
fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let told = String::from_utf8(output.stdout)?;
    let field = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        line.with_context(|| format!("rustc does not tell its {name}"))
    };
    Ok(format!("{} {}", field("release: ")?, field("host: ")?))
}

/// Runs the bench.
fn count() -> Result<BTreeMap<String, f64>> {
    let runner = runner()?;
    // What an earlier run has left there would be compared with.
    let home = root().join("target/counts");
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    let output = cargo()
        .args(["bench", "--quiet", "--manifest-path"])
        .args(["benches/counts/Cargo.toml", "--bench", "counts", "--"])
        .args(["--output-format=json", "--home"])
        .arg(&home)
        .current_dir(root())
        .env("GUNGRAUN_RUNNER", runner)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the bench `counts` has failed");
    let mut counts = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        if !line.starts_with('{') {
            continue;
        }
        let summary: Value = serde_json::from_str(line)?;
        let name = summary["function_name"].as_str().context("no name")?;
        let metrics = &summary["profiles"][0]["data"]["total"]["metrics"];
        let instructions = first_integer(&metrics["Ir"])
            .with_context(|| format!("no instructions of {name}: {metrics}"))?;
        counts.insert(name.to_owned(), instructions as f64 / TIMES);
    }
    ensure!(!counts.is_empty(), "the bench `counts` has told nothing");
    Ok(counts)
}

/// The first number inside.
fn first_integer(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::Array(values) => values.iter().find_map(first_integer),
        Value::Object(members) => members.values().find_map(first_integer),
        _ => None,
    }
}

/// The program that gungraun runs its benches with; installed below `target` if it is not there.
fn runner() -> Result<PathBuf> {
    if let Some(runner) = std::env::var_os("GUNGRAUN_RUNNER") {
        return Ok(runner.into());
    }
    let lock = std::fs::read_to_string(root().join("benches/counts/Cargo.lock"))?;
    let lock: toml::Table = toml::from_str(&lock)?;
    let packages = lock["package"].as_array().context("no packages")?;
    let library = packages
        .iter()
        .find(|p| p["name"].as_str() == Some("gungraun"));
    let Some(version) = library.and_then(|library| library["version"].as_str()) else {
        bail!("benches/counts/Cargo.lock has no gungraun");
    };
    let tools = root().join("target/tools").join(version);
    let runner = tools.join("bin/gungraun-runner");
    if !runner.exists() {
        eprintln!("installing gungraun-runner {version} below target, which takes some minutes");
        let status = cargo()
            .args([
                "install",
                "--quiet",
                "gungraun-runner",
                "--version",
                version,
                "--root",
            ])
            .arg(&tools)
            .status()?;
        ensure!(
            status.success(),
            "gungraun-runner {version} cannot be installed"
        );
    }
    Ok(runner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_is_seen() {
        assert_eq!(verdict(10.3, 10.0, 0.02), Verdict::Grown);
        assert_eq!(verdict(10.1, 10.0, 0.02), Verdict::Same);
        assert_eq!(verdict(9.7, 10.0, 0.02), Verdict::Shrunk);
    }

    #[test]
    fn the_number_is_found_whatever_is_around_it() {
        let value = serde_json::json!({ "New": { "Int": 12_345 } });
        assert_eq!(first_integer(&value), Some(12_345));
    }
}
