//! `cargo xtask models`: the models of three threads, searched without a bound.

use std::process::ExitCode;

use anyhow::Result;

use crate::{cargo, root};

/// Search the models of three threads without a bound on preemptions, optimised.
///
/// Over native read-modify-write operations most of those without a lock end in seconds. Those with a
/// lock, and those over compare-exchange alone, take from minutes to hours each: name the ones that
/// you want, or let it run overnight.
#[derive(clap::Args)]
pub struct Options {
    /// Only the models whose name contains this.
    filter: Vec<String>,
}

pub fn run(options: &Options) -> Result<ExitCode> {
    let status = cargo()
        .args(["test", "--release", "--test", "model", "--"])
        .args(&options.filter)
        .current_dir(root())
        .env("KREF_MODELS", "exhaustive")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
