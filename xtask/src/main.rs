//! The long checks of `kref`, run as `cargo xtask ...`.

mod binary;
mod cores;
mod counts;
mod evidence;
mod figures;
mod models;
mod mutants;
mod repeat;
mod scoreboard;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;

/// The long checks of kref.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Xtask {
    Cores(cores::Options),
    Counts(counts::Options),
    Mutants(mutants::Options),
    Models(models::Options),
    Evidence(evidence::Options),
    Repeat(repeat::Options),
    Figures(figures::Options),
    Scoreboard(scoreboard::Options),
}

fn main() -> ExitCode {
    let result = match Xtask::parse() {
        Xtask::Cores(options) => cores::run(&options),
        Xtask::Counts(options) => counts::run(&options),
        Xtask::Mutants(options) => mutants::run(&options),
        Xtask::Models(options) => models::run(&options),
        Xtask::Evidence(options) => evidence::run(&options),
        Xtask::Repeat(options) => repeat::run(&options),
        Xtask::Figures(options) => figures::run(&options),
        Xtask::Scoreboard(options) => scoreboard::run(&options),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

/// The repository's root.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in the root").to_owned()
}

/// The cargo that runs us.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
