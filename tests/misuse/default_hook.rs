//! The default hook, and changing it, which concern the whole process: each test starts itself once
//! more, in a process of its own.
#![cfg(not(miri))]

use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::{env, thread};

use kref::report::Report;
use kref::{RefCount, report};

use crate::{MAX, REPORTS, note, reports};

const CHILD: &str = "KREF_TEST_CHILD";

/// Runs `child` in a new process of this test alone, `parent` on what became of it.
///
/// Twice with the same `name`, that of the test: here, and there where it is the child's turn.
fn apart(name: &str, stderr: Stdio, child: fn(), parent: impl FnOnce(Output)) {
    if env::var_os(CHILD).is_some() {
        return child();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .stderr(stderr)
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}");
    assert!(
        stdout.contains("1 passed"),
        "no such test as {name}: {stdout}"
    );
    parent(output);
}

fn misuse_in_every_way(times: u32) {
    for _ in 0..times {
        RefCount::new(MAX).inc();
        RefCount::new(0).inc();
        assert!(!RefCount::new(0).dec_and_test());
        RefCount::new(1).dec();
        RefCount::new(1).add(0);
        let count = RefCount::new(1);
        let frozen = count.try_freeze(1);
        count.set(5);
        drop(frozen);
    }
}

/// Checks that the default hook wrote so many lines (none without std), and returns them.
#[track_caller]
fn lines(output: &Output, expected: usize) -> Vec<&str> {
    let stderr = std::str::from_utf8(&output.stderr).unwrap();
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("kref: "))
        .collect();
    let expected = if cfg!(feature = "std") { expected } else { 0 };
    assert_eq!(lines.len(), expected, "{lines:?}");
    lines
}

#[test]
fn the_default_hook_writes_one_line_per_kind() {
    apart(
        "default_hook::the_default_hook_writes_one_line_per_kind",
        Stdio::piped(),
        || misuse_in_every_way(3),
        |output| {
            for line in lines(&output, 6) {
                assert!(line.contains(file!()), "{line}");
            }
        },
    );
}

#[test]
fn threads_share_the_one_line() {
    apart(
        "default_hook::threads_share_the_one_line",
        Stdio::piped(),
        || {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| misuse_in_every_way(100));
                }
            });
        },
        |output| {
            lines(&output, 6);
        },
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_default_hook_does_not_panic_when_stderr_is_full() {
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    apart(
        "default_hook::the_default_hook_does_not_panic_when_stderr_is_full",
        full.into(),
        || misuse_in_every_way(1),
        |_| {},
    );
}

#[test]
fn a_hook_replaces_the_one_before_and_can_be_taken_back() {
    apart(
        "default_hook::a_hook_replaces_the_one_before_and_can_be_taken_back",
        Stdio::piped(),
        || {
            let overflow = || RefCount::new(MAX).inc();
            assert_eq!(reports(overflow).len(), 1);
            report::set_hook(|_| {});
            REPORTS.take();
            overflow();
            assert!(REPORTS.take().is_empty());
            report::reset_hook();
            overflow();
            assert!(REPORTS.take().is_empty());
        },
        |output| {
            lines(&output, 1);
        },
    );
}

/// A hook that adds to the one before it, which it has taken.
#[test]
fn hooks_are_chained_by_taking() {
    static BEFORE: Mutex<Option<fn(&Report)>> = Mutex::new(None);
    static SEEN: AtomicU32 = AtomicU32::new(0);

    fn chained(report: &Report) {
        SEEN.fetch_add(1, Relaxed);
        let before = *BEFORE.lock().unwrap();
        before.expect("it was taken")(report);
    }

    apart(
        "default_hook::hooks_are_chained_by_taking",
        Stdio::piped(),
        || {
            let overflow = || RefCount::new(MAX).inc();
            report::set_hook(note);
            *BEFORE.lock().unwrap() = Some(report::take_hook());
            report::set_hook(chained);
            overflow();
            assert_eq!((SEEN.load(Relaxed), REPORTS.take().len()), (1, 1));

            // Taken, the default is installed; and the default may be taken, and chained, like every other.
            let _ = report::take_hook();
            *BEFORE.lock().unwrap() = Some(report::take_hook());
            report::set_hook(chained);
            overflow();
            assert_eq!((SEEN.load(Relaxed), REPORTS.take().len()), (2, 0));
        },
        |output| {
            lines(&output, 1);
        },
    );
}
