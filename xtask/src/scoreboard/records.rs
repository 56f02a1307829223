//! What the benches tell, see `benches/common/record.rs`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A line of a bench's output.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Record {
    Progress(Progress),
    Row(Row),
    Latency(Latency),
    Memory(Memory),
}

#[derive(Deserialize)]
pub struct Progress {
    pub bench: String,
    pub done: u32,
    pub of: u32,
}

/// The times of one variant, round by round.
#[derive(Deserialize)]
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

#[derive(Deserialize)]
pub struct Latency {
    pub name: String,
    pub threads: u32,
    pub operation: String,
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

#[derive(Deserialize)]
pub struct Memory {
    pub bench: String,
    pub name: String,
    pub what: String,
    pub bytes: f64,
}

/// All that a run has told, in its order.
#[derive(Default)]
pub struct Records {
    pub rows: Vec<Row>,
    pub latencies: Vec<Latency>,
    pub memory: Vec<Memory>,
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
            Record::Row(row) => self.rows.push(row),
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

    /// The row of that name that was taken beside `row`.
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
    /// Whether this is a row of the crate, not of a peer or a floor.
    pub fn is_own(&self) -> bool {
        !self.against.is_empty() || self.floor.is_some()
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

pub fn parse(line: &str) -> Result<Record> {
    serde_json::from_str(line).with_context(|| format!("not a record: {line}"))
}
