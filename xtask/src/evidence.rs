//! `cargo xtask evidence`: everything that is checked beyond `.ci/run`, one step after the other.
//!
//! A step is a command that can be run by itself. Exit code 2 is how the scripts say that a tool is
//! missing, after they have said which. `.github/workflows/evidence.yml` runs the same steps.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use indicatif::FormattedDuration;

use crate::scoreboard::circumstances::Circumstances;
use crate::scoreboard::told_by;
use crate::{cargo, root};

/// One check.
struct Step {
    name: &'static str,
    what: &'static str,
    /// The environment, the program and its arguments, with single spaces between them.
    command: &'static str,
}

const STEPS: [Step; 18] = [
    Step {
        name: "mutants",
        what: "each memory ordering weakened, each rule broken: a test notices",
        command: "cargo xtask mutants",
    },
    Step {
        name: "models",
        what: "all interleavings, as far as a minute for each model leads",
        command: "cargo xtask models --limit 60",
    },
    Step {
        name: "proofs",
        what: "the protocols are proven for any number of threads, and no theorem rests on an axiom",
        command: "scripts/proofs.sh",
    },
    Step {
        name: "traces",
        what: "ten million steps of the shipped code are steps of the proven protocols",
        command: "KREF_TRACE_STEPS=2000000 cargo test --release --test traces",
    },
    Step {
        name: "schedules",
        what: "random schedules of many threads, and linearizability",
        command: "KREF_SCHEDULES=200000 cargo test --release --test schedules --test linear",
    },
    Step {
        name: "machines",
        what: "long random sequences of all operations, against sequential models",
        command: "PROPTEST_CASES=20000 cargo test --release --test properties",
    },
    Step {
        name: "repeat",
        what: "the whole suite passes fifty times in a row while every processor has other work",
        command: "cargo xtask repeat --rounds 50",
    },
    Step {
        name: "dependent",
        what: "a crate that depends on this one model-tests itself",
        command: "cargo test --manifest-path tests/dependent/Cargo.toml",
    },
    Step {
        name: "portable",
        what: "the operations are atomic where a lock of portable-atomic makes them so",
        command: "scripts/portable.sh",
    },
    Step {
        name: "thread",
        what: "ThreadSanitizer finds a planted race, and nothing else",
        command: "scripts/sanitizers.sh thread",
    },
    Step {
        name: "address",
        what: "AddressSanitizer finds a planted use after free, and nothing else",
        command: "scripts/sanitizers.sh address",
    },
    Step {
        name: "leak",
        what: "LeakSanitizer finds a planted leak, and nothing else",
        command: "scripts/sanitizers.sh leak",
    },
    Step {
        name: "miri",
        what: "no undefined behaviour in the tests that Miri can run",
        command: "scripts/miri.sh",
    },
    Step {
        name: "coverage",
        what: "the lines that no test runs are those of docs/coverage.md",
        command: "scripts/coverage.sh",
    },
    Step {
        name: "counts",
        what: "no operation takes more instructions than it did",
        command: "cargo xtask counts",
    },
    Step {
        name: "codegen",
        what: "one atomic instruction and no call on the fast paths, on x86-64 and aarch64",
        command: "scripts/codegen.sh",
    },
    Step {
        name: "fuzz",
        what: "ten minutes of fuzzing for each target",
        command: "scripts/fuzz.sh 600",
    },
    Step {
        name: "planted",
        what: "the fuzzer finds a planted bug of the registry's memory, with each of ten seeds",
        command: "scripts/fuzz_planted.py",
    },
];

/// Run everything that is checked beyond .ci/run.
///
/// Hours in all; each step can be chosen, and its command run by itself. Exit code 1 if a step failed,
/// or could not be run because a tool is missing.
#[derive(clap::Args)]
pub struct Options {
    /// List the steps and their commands, and run nothing.
    #[arg(long)]
    list: bool,
    /// Only these steps.
    #[arg(long, value_name = "STEP", num_args = 1.., value_delimiter = ',')]
    #[arg(value_parser = PossibleValuesParser::new(STEPS.map(|step| step.name)))]
    only: Vec<String>,
    /// A step whose tools are missing is no failure.
    #[arg(long)]
    skip_missing: bool,
    /// Write each result into docs/evidence.md, as soon as the step has ended.
    #[arg(long)]
    write: bool,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Missing,
}

impl End {
    fn describe(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Missing => "a tool is missing",
        }
    }

    fn is_good(self, skip_missing: bool) -> bool {
        self == Self::Passed || self == Self::Missing && skip_missing
    }
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let chosen =
        |step: &&Step| options.only.is_empty() || options.only.iter().any(|n| n == step.name);
    let steps: Vec<_> = STEPS.iter().filter(chosen).collect();
    if options.list {
        for Step {
            name,
            what,
            command,
        } in steps
        {
            println!("{name:<10} {what}\n           {command}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut page = options.write.then(Page::read).transpose()?;
    let mut summary = String::new();
    let mut good = true;
    for (
        i,
        Step {
            name,
            what,
            command,
        },
    ) in steps.iter().enumerate()
    {
        println!(
            "\n== {} of {}: {name}: {what}\n== {command}",
            i + 1,
            steps.len()
        );
        let start = Instant::now();
        let end = run_step(command);
        let took = FormattedDuration(start.elapsed());
        println!("== {name}: {}, after {took}", end.describe());
        summary += &format!("{name:<10} {took}  {}\n", end.describe());
        if let Some(page) = &mut page {
            page.note(name, end, start.elapsed());
            page.write()?;
        }
        good &= end.is_good(options.skip_missing);
    }
    print!("\n{summary}");
    Ok(match good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn run_step(command: &str) -> End {
    let mut words = command.split(' ').peekable();
    let mut environment = Vec::new();
    while let Some(pair) = words.next_if(|word| word.contains('=')) {
        environment.extend(pair.split_once('='));
    }
    let mut process = match words.next() {
        Some("cargo") => cargo(),
        // A relative path would be looked for in the current directory by some systems only.
        Some(script) if script.starts_with("scripts/") => Command::new(root().join(script)),
        program => Command::new(program.unwrap_or_default()),
    };
    let status = process
        .args(words)
        .envs(environment)
        .current_dir(root())
        .status();
    match status {
        Ok(status) if status.success() => End::Passed,
        Ok(status) if status.code() == Some(2) => End::Missing,
        Ok(_) => End::Failed,
        Err(error) => {
            println!("cannot run {command}: {error}");
            End::Failed
        }
    }
}

/// `docs/evidence.md`: how each step ended when it was last run.
struct Page {
    /// The cells of the last run of each step: result, time, date, machine and commit.
    last: BTreeMap<String, String>,
}

impl Page {
    fn path() -> PathBuf {
        root().join("docs/evidence.md")
    }

    /// Reads what earlier runs have written.
    fn read() -> Result<Self> {
        match std::fs::read_to_string(Self::path()) {
            Ok(page) => Ok(Self::parse(&page)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::parse("")),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(page: &str) -> Self {
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows = rows.filter_map(|row| {
            let (step, rest) = row.split_once("` | ")?;
            // The step's description may change; the rest is of the run.
            let (_, run) = rest.split_once(" | ")?;
            Some((step.to_owned(), run.trim_end_matches(" |").to_owned()))
        });
        Self {
            last: rows.collect(),
        }
    }

    fn note(&mut self, step: &str, end: End, took: Duration) {
        let seconds = took.as_secs();
        let run = format!(
            "{} | {}:{:02} | {} | {} | {}",
            end.describe(),
            seconds / 60,
            seconds % 60,
            jiff::Zoned::now().strftime("%Y-%m-%d"),
            Circumstances::now(false).map_or_else(|_| String::new(), |seen| seen.machine()),
            told_by("git", &["describe", "--always", "--dirty"]),
        );
        self.last.insert(step.to_owned(), run);
    }

    fn render(&self) -> String {
        let mut page = String::from(
            "# Evidence

How each step of `cargo xtask evidence` ended when it was last run. Written by `cargo xtask evidence --write`; do not
edit. `cargo xtask evidence --list` shows the command of each step; each can be run by itself.

| step | what it shows | result | minutes | date | machine | commit |
|---|---|---|--:|---|---|---|
",
        );
        for Step { name, what, .. } in &STEPS {
            let run = self.last.get(*name);
            let run = run.map_or("never run | | | |", |run| run.as_str());
            page += &format!("| `{name}` | {what} | {run} |\n");
        }
        page
    }

    fn write(&self) -> Result<()> {
        std::fs::write(Self::path(), self.render())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_keeps_what_was_not_run_again() {
        let mut page = Page::parse("");
        page.note("models", End::Passed, Duration::from_secs(75));
        page.note("miri", End::Missing, Duration::ZERO);
        let text = page.render();
        assert!(text.contains(" | passed | 1:15 | "));
        assert!(text.contains("| never run | | | | |"));
        let mut again = Page::parse(&text);
        assert_eq!(again.last["models"], page.last["models"]);
        again.note("miri", End::Failed, Duration::ZERO);
        assert!(again.render().contains("| FAILED | 0:00 | "));
        assert_eq!(again.render().matches("never run").count(), STEPS.len() - 2);
    }

    #[test]
    fn the_exit_code_says_how_it_ended() {
        assert_eq!(run_step("true"), End::Passed);
        assert_eq!(run_step("false"), End::Failed);
        assert_eq!(run_step("sh -c exit\t2"), End::Missing);
        assert_eq!(run_step("scripts/no-such-script.sh"), End::Failed);
    }

    #[test]
    fn a_step_has_its_environment_and_runs_in_the_root() {
        assert_eq!(run_step("A=1 B=x=y printenv A B"), End::Passed);
        assert_eq!(run_step("printenv A"), End::Failed);
        assert_eq!(run_step("test -f src/lib.rs"), End::Passed);
    }

    #[test]
    fn what_is_missing_is_a_failure_unless_it_may_be() {
        let good = |skip| [End::Passed, End::Missing, End::Failed].map(|end| end.is_good(skip));
        assert_eq!(good(false), [true, false, false]);
        assert_eq!(good(true), [true, true, false]);
    }

    #[test]
    fn the_workflow_runs_every_step() {
        let workflow = include_str!("../../.github/workflows/evidence.yml");
        for step in STEPS {
            let line = format!("          - step: {}\n", step.name);
            assert!(workflow.contains(&line), "{} is not in it", step.name);
        }
        assert_eq!(workflow.matches("- step:").count(), STEPS.len());
    }
}
