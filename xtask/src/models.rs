//! `cargo xtask models`: the models of three threads, searched without a bound.

use std::process::ExitCode;

use anyhow::Result;

use crate::{cargo, root};

/// Searches every model of the core without a bound on preemptions, optimised.
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
