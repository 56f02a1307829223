//! `cargo xtask cores`: what a count costs the more threads use it, measured here, and what a simulated machine with more
//! processors would show.

mod simulator;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result, ensure};

use self::simulator::{Machine, Write, elapsed, fit};
use crate::scoreboard::curves::{Chart, Curve, Kind, draw};
use crate::scoreboard::picture::Picture;
use crate::scoreboard::records::{self, Record, Records};
use crate::{cargo, root};

/// Measure what counts cost on 1, 2, 4, ... threads, fit the simulator to that, and draw the curves.
///
/// It takes half a minute, and prints a table. The pictures are `target/cores/measured.svg` and `simulated.svg`. It writes nothing else,
/// unless `--write` says so.
#[derive(clap::Args)]
pub struct Options {
    /// On how many threads at most [default: four for each processor]
    #[arg(long, value_name = "THREADS")]
    most: Option<usize>,
    /// Fewer rounds
    #[arg(long)]
    quick: bool,
    /// Put the pictures into `docs/`, next to `docs/many-cores.md`
    #[arg(long)]
    write: bool,
}

/// A row of the bench, and the lines that one operation of it writes.
const OPERATIONS: [(&str, &[Write]); 3] = [
    ("Arc: clone + drop", &[Write::Common; 2]),
    ("ShardedRef: clone + drop", &[Write::Own; 2]),
    (
        "ShardedRef, killed",
        &[Write::Own, Write::Common, Write::Own, Write::Common],
    ),
];
/// How far it goes beyond what is here.
const SIMULATED: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

pub fn run(options: &Options) -> Result<ExitCode> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(
        processors > 1,
        "one processor has nobody to share a line with"
    );
    let records = measure(options, processors)?;
    let folder = if options.write {
        "docs"
    } else {
        "target/cores"
    };
    let folder = root().join(folder);
    std::fs::create_dir_all(&folder)?;

    let places: Vec<u64> = records
        .rows_of("contention")
        .iter()
        .filter_map(|row| row.at)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut table = String::new();
    let mut measured = Vec::new();
    let mut simulated = Vec::new();
    for (name, writes) in OPERATIONS {
        let all: Vec<f64> = places
            .iter()
            .map(|&at| together(&records, name, at))
            .collect::<Result<_>>()?;
        let machine = fitted(&records, name, writes)?;
        writeln!(
            table,
            "{name}: a write {:.1} ns, a move of the line {:.0} ns",
            machine.local, machine.transfer
        )?;
        for (&at, ns) in places.iter().zip(&all) {
            // Threads beyond the processors take turns.
            let running = processors.min(at as usize);
            let model = elapsed(machine, writes, running);
            writeln!(
                table,
                "  {at:>4} threads: {ns:>8.2} ns measured, {model:>8.2} simulated"
            )?;
        }
        measured.push(curve(name, all.into_iter()));
        let times = SIMULATED.map(|processors| elapsed(machine, writes, processors));
        for (processors, ns) in SIMULATED.iter().zip(times) {
            writeln!(
                table,
                "  {processors:>4} processors: {ns:>6.2} ns simulated"
            )?;
        }
        simulated.push(curve(name, times.into_iter()));
    }
    print!("{table}");
    picture(
        "Elapsed time over the operations of all threads, measured",
        "threads",
        &places,
        measured,
        folder.join(if options.write {
            "many-cores-measured.svg"
        } else {
            "measured.svg"
        }),
    )?;
    picture(
        "The same, simulated: a processor for each thread",
        "processors",
        &SIMULATED.map(|processors| processors as u64),
        simulated,
        folder.join(if options.write {
            "many-cores-simulated.svg"
        } else {
            "simulated.svg"
        }),
    )?;
    println!("pictures: {}", folder.display());
    Ok(ExitCode::SUCCESS)
}

/// The machine that a row was measured on. What moves no common line tells nothing of a move.
fn fitted(records: &Records, name: &str, writes: &[Write]) -> Result<Machine> {
    let [one, two] = [together(records, name, 1)?, together(records, name, 2)?];
    if writes.contains(&Write::Common) {
        return Ok(fit(writes, one, two));
    }
    let local = one / writes.len() as f64;
    Ok(Machine {
        local,
        transfer: 0.0,
    })
}

/// Nanoseconds between the ends of two operations, whichever thread does them.
fn together(records: &Records, name: &str, at: u64) -> Result<f64> {
    let rows = records.rows_of("contention");
    let row = rows
        .iter()
        .find(|row| row.name == name && row.at == Some(at))
        .with_context(|| format!("there is no row `{name}` on {at} threads"))?;
    Ok(row.cost().median / f64::from(row.threads))
}

fn curve(name: &str, ns: impl Iterator<Item = f64>) -> Curve {
    Curve {
        name: name.to_owned(),
        kind: if name.starts_with("Arc") {
            Kind::Peer
        } else {
            Kind::Own
        },
        ns: ns.map(Some).collect(),
    }
}

fn picture(
    title: &str,
    axis: &str,
    places: &[u64],
    lines: Vec<Curve>,
    path: PathBuf,
) -> Result<()> {
    let mut picture = Picture::new(title);
    picture.note("The scale is logarithmic. Thick: kref.");
    let chart = Chart {
        axis: axis.to_owned(),
        places: places.iter().map(u64::to_string).collect(),
        lines,
    };
    draw(&mut picture, &chart);
    picture.write(&path)
}

fn measure(options: &Options, processors: usize) -> Result<Records> {
    let most = options.most.unwrap_or(4 * processors);
    let output = cargo()
        .args([
            "bench",
            "--quiet",
            "--bench",
            "many_cores",
            "--",
            "contention",
        ])
        .current_dir(root())
        .env("KREF_RECORDS", "1")
        .env("KREF_THREADS", most.to_string())
        .envs(options.quick.then_some(("KREF_QUICK", "1")))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the bench has failed");
    let mut records = Records::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if line.starts_with('{')
            && let Record::Row(row) = records::parse(line)?
        {
            records.rows.push(row);
        }
    }
    Ok(records)
}
