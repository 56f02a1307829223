//! What the benches print (see `benches/common/record.rs`), and the file that keeps a run.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::circumstances::Circumstances;

/// A line of a bench's output.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    Progress(Progress),
    Row(Row),
    Latency(Latency),
    Memory(Memory),
}

#[derive(Serialize, Deserialize)]
pub struct Progress {
    pub bench: String,
    pub done: u32,
    pub of: u32,
}

/// The times of one variant, round by round.
#[derive(Serialize, Deserialize)]
pub struct Row {
    pub bench: String,
    pub name: String,
    pub threads: u32,
    /// What grows, and how far it has grown here.
    pub axis: Option<String>,
    pub at: Option<u64>,
    /// The peers, and the floor, that it is compared with: names of rows.
    pub against: Vec<String>,
    pub floor: Option<String>,
    /// Nanoseconds for one operation in each thread.
    pub ns: Vec<f64>,
}

#[derive(Serialize, Deserialize)]
pub struct Latency {
    pub name: String,
    pub threads: u32,
    pub operation: String,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

#[derive(Serialize, Deserialize)]
pub struct Memory {
    pub bench: String,
    pub name: String,
    pub what: String,
    pub bytes: f64,
}

/// What rows of this crate begin with. Some are only what another row is compared with.
const OWN: [&str; 8] = [
    "Drain",
    "HandBack",
    "Interner",
    "Kref",
    "Mutex<HashMap>, put_lock",
    "Ref",
    "Registry",
    "Sharded",
];
/// It is measured, and not in the crate.
const PROTOTYPE: &str = "lockref";

fn is_own(name: &str) -> bool {
    OWN.iter().any(|own| name.starts_with(own))
}

impl Memory {
    /// Whether this is a row of the crate.
    pub fn is_own(&self) -> bool {
        is_own(&self.name)
    }
}

/// All that a run has printed, in its order.
#[derive(Default, Serialize, Deserialize)]
pub struct Records {
    pub rows: Vec<Row>,
    pub latencies: Vec<Latency>,
    pub memory: Vec<Memory>,
}

/// A run of all benches on one processor.
#[derive(Serialize, Deserialize)]
pub struct Run {
    pub circumstances: Circumstances,
    pub records: Records,
}

impl Run {
    /// Reads the runs that are kept in `folder`, one for each processor, in the order of their file names.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                files.push(path);
            }
        }
        files.sort();
        files.iter().map(|path| Self::read(path)).collect()
    }

    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&file).with_context(|| path.display().to_string())
    }

    /// The file in `folder` that keeps a run on this processor.
    pub fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.json", self.circumstances.slug()))
    }

    /// Writes the run, a line for each record, in place of an earlier run on the same processor.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fn lines<T: Serialize>(records: &[T]) -> Result<String> {
            let lines: Result<Vec<_>, _> = records.iter().map(serde_json::to_string).collect();
            Ok(lines?.join(",\n"))
        }
        let Records {
            rows,
            latencies,
            memory,
        } = &self.records;
        let file = format!(
            "{{\"circumstances\":{},\n\"records\":{{\"rows\":[\n{}\n],\"latencies\":[\n{}\n],\"memory\":[\n{}\n]}}}}\n",
            serde_json::to_string(&self.circumstances)?,
            lines(rows)?,
            lines(latencies)?,
            lines(memory)?,
        );
        let path = self.path(folder);
        std::fs::write(&path, file).with_context(|| path.display().to_string())
    }
}

/// The lower quartile, the median and the upper quartile.
#[derive(Clone, Copy)]
pub struct Quartiles {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Records {
    /// Reads the lines of a run.
    pub fn read(path: &Path) -> Result<Self> {
        let lines = std::fs::read_to_string(path)
            .with_context(|| format!("no records of a run in {}", path.display()))?;
        let mut records = Self::default();
        for line in lines.lines() {
            records.add(parse(line)?);
        }
        Ok(records)
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Progress(_) => {}
            Record::Row(mut row) => {
                // Four digits: more are noise, and make the file that keeps the run larger.
                row.ns.iter_mut().for_each(|ns| *ns = four_digits(*ns));
                self.rows.push(row);
            }
            Record::Latency(latency) => self.latencies.push(latency),
            Record::Memory(memory) => self.memory.push(memory),
        }
    }

    /// The benches with rows, in their order.
    pub fn benches(&self) -> Vec<&str> {
        let mut benches: Vec<&str> = self.rows.iter().map(|row| &*row.bench).collect();
        benches.dedup();
        benches
    }

    pub fn rows_of(&self, bench: &str) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.bench == bench).collect()
    }

    /// The row of a bench with this name and number of threads.
    pub fn row(&self, bench: &str, name: &str, threads: u32) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| (&*row.bench, &*row.name, row.threads) == (bench, name, threads))
    }

    /// The row of that name whose rounds alternate with those of `row`.
    pub fn beside(&self, row: &Row, name: &str) -> Option<&Row> {
        self.rows.iter().find(|other| {
            other.name == name
                && (&other.bench, other.threads, other.at) == (&row.bench, row.threads, row.at)
        })
    }

    /// The fastest of the peers of `row`.
    pub fn best_peer(&self, row: &Row) -> Option<&Row> {
        let peers = row.against.iter().filter_map(|name| self.beside(row, name));
        peers.min_by(|a, b| a.cost().median.total_cmp(&b.cost().median))
    }

    pub fn floor(&self, row: &Row) -> Option<&Row> {
        self.beside(row, row.floor.as_ref()?)
    }
}

impl Row {
    /// Whether this is a row of the crate, not of a peer, a floor or a prototype.
    pub fn is_own(&self) -> bool {
        let is_compared = !self.against.is_empty() || self.floor.is_some();
        !self.name.starts_with(PROTOTYPE) && (is_compared || is_own(&self.name))
    }

    pub fn cost(&self) -> Quartiles {
        Quartiles::of(self.ns.iter().copied())
    }

    /// The ratios of the rounds.
    pub fn ratio_to(&self, other: &Self) -> Quartiles {
        Quartiles::of(
            self.ns
                .iter()
                .zip(&other.ns)
                .map(|(own, other)| own / other),
        )
    }
}

impl Quartiles {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let at = |quarter| {
            let last = sorted.len().saturating_sub(1);
            sorted.get(last * quarter / 4).copied().unwrap_or(f64::NAN)
        };
        Self {
            low: at(1),
            median: at(2),
            high: at(3),
        }
    }
}

fn four_digits(ns: f64) -> f64 {
    format!("{ns:.3e}").parse().unwrap_or(ns)
}

pub fn parse(line: &str) -> Result<Record> {
    serde_json::from_str(line).with_context(|| format!("not a record: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of one row, as a bench prints it.
    fn run() -> Run {
        let mut records = Records::default();
        let line = r#"{"row":{"bench":"b","name":"own","threads":1,"axis":null,"at":null,"against":["peer"],"floor":null,"ns":[1.23456,123456.0]}}"#;
        records.add(parse(line).unwrap());
        Run {
            circumstances: Circumstances::now(false).unwrap(),
            records,
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let folder = std::env::temp_dir().join(format!("kref-runs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let run = run();
        run.write(&folder).unwrap();
        run.write(&folder).unwrap(); // in the place of the first
        let read = Run::read_all(&folder).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].circumstances.slug(), run.circumstances.slug());
        assert_eq!(
            read[0].records.row("b", "own", 1).unwrap().ns,
            [1.235, 123500.0]
        );
        assert!(read[0].records.row("b", "own", 2).is_none());
    }
}
