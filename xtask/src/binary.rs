//! Builds a test binary, and runs it until the first failure.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What the binary of the library's own tests is called.
pub const LIB: &str = "lib";

/// Builds the test binary `test` with `cargo`, which says how, and returns its path, or what the compiler
/// said against it.
pub fn build(cargo: &mut Command, test: &str) -> Result<Result<PathBuf, String>> {
    if test == LIB {
        cargo.arg("--lib");
    } else {
        cargo.args(["--test", test]);
    }
    let output = cargo
        .args(["--no-run", "--quiet"])
        .args(["--message-format", "json-render-diagnostics"])
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let executable = String::from_utf8(output.stdout)?
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| test == LIB || message["target"]["name"] == *test)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    match executable {
        Some(path) => Ok(Ok(path)),
        None => bail!("cargo built no test called {test}"),
    }
}

/// How a run of a test binary ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Run {
    /// No test took longer than this.
    Passed(Duration),
    /// The first test that failed; a test that aborted the process or did not end says so.
    Failed(String),
}

/// What is said of a test that did not end.
pub const TIMEOUT: &str = "timeout";

/// Runs `command`, which is a test binary with the names of tests, one test after the other, and
/// ends it at the first failure, or when a test has taken longer than `limit`.
pub fn until_failure(mut command: Command, limit: Duration) -> Result<Run> {
    let mut child = command
        // One after the other: then the first failure is the same each time, and the name of a
        // test is printed before it runs.
        .args(["--test-threads", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot run the test binary")?;
    let mut stdout = child.stdout.take().expect("piped");
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut chunk) {
            if sender.send(chunk[..n].to_vec()).is_err() {
                return;
            }
        }
    });

    let mut output = Vec::new();
    let mut longest = Duration::ZERO;
    let failed = loop {
        // Something is written whenever a test ends.
        let start = Instant::now();
        match receiver.recv_timeout(limit) {
            Ok(chunk) => output.extend(chunk),
            Err(RecvTimeoutError::Timeout) => {
                break Some(with_running(&output, TIMEOUT));
            }
            Err(RecvTimeoutError::Disconnected) => break None,
        }
        longest = longest.max(start.elapsed());
        if let Some(name) = first_failure(&output) {
            break Some(name);
        }
    };
    drop(receiver);
    if failed.is_some() {
        child.kill()?;
    }
    let status = child.wait()?;
    reader.join().expect("the reader does not panic");
    Ok(match failed {
        Some(name) => Run::Failed(name),
        None if status.success() => Run::Passed(longest),
        None => Run::Failed(with_running(&output, "abort")),
    })
}

/// The first test that the output reports as failed.
fn first_failure(output: &[u8]) -> Option<String> {
    let output = String::from_utf8_lossy(output);
    let mut lines = output.lines();
    lines.find_map(|line| name(line.strip_suffix(" ... FAILED")?))
}

/// What happened, and to which test: the one whose line has no result. What the process wrote as it
/// went down comes after that.
fn with_running(output: &[u8], what: &str) -> String {
    let output = String::from_utf8_lossy(output);
    let mut lines = output.lines().rev();
    match lines.find_map(|line| name(line.strip_suffix(" ... ")?)) {
        Some(test) => format!("{test} ({what})"),
        None => format!("({what})"),
    }
}

fn name(line: &str) -> Option<String> {
    let name = line.strip_prefix("test ")?;
    Some(
        name.strip_suffix(" - should panic")
            .unwrap_or(name)
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell that plays a test binary; it ignores the arguments that are added.
    fn play(script: &str, limit: Duration) -> Run {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]);
        until_failure(shell, limit).unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_failure_ends_the_run() {
        let script = "printf '\nrunning 3 tests\ntest a::b ... ok\ntest a::c - should panic ... ';
            printf 'FAILED\n'; exec sleep 60";
        assert_eq!(play(script, LONG), Run::Failed("a::c".to_owned()));
    }

    #[test]
    fn all_passed() {
        let script = "sleep 0.2; printf 'test a ... ok\n'; sleep 0.1; printf 'test result: ok.\n'";
        let Run::Passed(longest) = play(script, LONG) else {
            panic!("nothing failed")
        };
        assert!((Duration::from_millis(200)..LONG).contains(&longest));
    }

    #[test]
    fn an_abort_names_the_test() {
        let script = "printf 'test a ... ok\ntest b ... \npanicked\n'; exit 134";
        assert_eq!(play(script, LONG), Run::Failed("b (abort)".to_owned()));
    }

    #[test]
    fn a_hang_names_the_test() {
        let script = "printf 'test a ... '; exec sleep 60";
        assert_eq!(
            play(script, Duration::from_millis(500)),
            Run::Failed("a (timeout)".to_owned())
        );
    }
}
