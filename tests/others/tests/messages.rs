//! What the compiler says when a type does not fit: `messages/*.stderr` next to this file.
//!
//! The wording of the rest is the compiler's and changes with it, so this runs with one series of
//! compilers only; `TRYBUILD=overwrite cargo test --test messages` writes the files anew.

use std::process::Command;

/// The series that the files were written with.
const COMPILER: &str = "rustc 1.95.";

#[test]
#[cfg_attr(miri, ignore = "it runs the compiler")]
fn messages() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc)
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    let version = String::from_utf8(version).unwrap();
    if !version.starts_with(COMPILER) {
        eprintln!("the messages are those of {COMPILER}x, this is {version}: nothing is tested");
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/messages/*.rs");
}
