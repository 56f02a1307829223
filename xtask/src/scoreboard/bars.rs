//! Bars: what is compared with one another stands together, and the floor is a line through it.

use std::collections::BTreeSet;

use super::picture::{Anchor, MARGIN, Picture, WIDTH, nanoseconds};
use super::records::{Latency, Memory, Records, Row};

const LABELS: f64 = 230.0;
const VALUES: f64 = 210.0;
const ROW: f64 = 20.0;

/// The bars of a bench.
pub fn of(title: &str, bench: &str, records: &Records) -> Picture {
    let mut picture = Picture::new(title);
    let note = "Time for one operation in each thread: median, and quartiles of the rounds in black. Dashed: the lower bound.";
    picture.text("soft", MARGIN, picture.y + 8.0, Anchor::Start, note);
    picture.y += 14.0;
    let rows = records.rows_of(bench);
    for threads in rows.iter().map(|row| row.threads).collect::<BTreeSet<_>>() {
        let plural = if threads == 1 { "" } else { "s" };
        picture.y += 18.0;
        let title = format!("{threads} thread{plural}");
        picture.text("soft", MARGIN, picture.y, Anchor::Start, &title);
        let of_threads = rows.iter().filter(|row| row.threads == threads);
        for group in groups(&of_threads.copied().collect::<Vec<_>>()) {
            picture.y += 8.0;
            draw(&mut picture, &group, records);
        }
    }
    picture
}

/// Rows that are compared with one another, directly or not, in their order.
fn groups<'r>(rows: &[&'r Row]) -> Vec<Vec<&'r Row>> {
    let mut group_of: Vec<usize> = (0..rows.len()).collect();
    for (n, row) in rows.iter().enumerate() {
        for name in row.against.iter().chain(&row.floor) {
            if let Some(other) = rows.iter().position(|other| other.name == *name) {
                let (keep, replace) = (
                    group_of[n].min(group_of[other]),
                    group_of[n].max(group_of[other]),
                );
                for group in &mut group_of {
                    if *group == replace {
                        *group = keep;
                    }
                }
            }
        }
    }
    let all: BTreeSet<usize> = group_of.iter().copied().collect();
    let members = |group| {
        let rows = rows.iter().zip(&group_of);
        rows.filter(move |&(_, of)| *of == group)
            .map(|(row, _)| *row)
    };
    all.into_iter()
        .map(|group| members(group).collect())
        .collect()
}

fn draw(picture: &mut Picture, rows: &[&Row], records: &Records) {
    let most = rows.iter().map(|row| row.cost().high).fold(0.0, f64::max);
    let x = |ns: f64| LABELS + ns / most * (WIDTH - LABELS - VALUES - 2.0 * MARGIN);
    let floors: BTreeSet<&str> = rows.iter().filter_map(|row| row.floor.as_deref()).collect();
    let top = picture.y;
    for row in rows {
        let cost = row.cost();
        let is_floor = floors.contains(&*row.name);
        let class = match (row.is_own(), is_floor) {
            (true, _) => "own",
            (false, true) => "base",
            (false, false) => "peer",
        };
        let middle = picture.y + ROW / 2.0;
        picture.text("label", LABELS - 8.0, middle + 4.0, Anchor::End, &row.name);
        picture.bar(
            class,
            x(0.0),
            picture.y + 3.0,
            x(cost.median) - x(0.0),
            ROW - 6.0,
        );
        picture.line("spread", (x(cost.low), middle), (x(cost.high), middle));
        let mut value = nanoseconds(cost.median);
        if let Some(peer) = records.best_peer(row) {
            value += &format!(", {:.2}× best peer", row.ratio_to(peer).median);
        }
        if let Some(floor) = records.floor(row) {
            value += &format!(", {:.2}× floor", row.ratio_to(floor).median);
        }
        // Beyond the lines, that of the floor too if it is near.
        let floor = rows.iter().filter(|row| floors.contains(&*row.name));
        let floor = floor.map(|row| x(row.cost().median));
        let end = x(cost.high);
        let end = floor
            .filter(|at| (end..end + 160.0).contains(at))
            .fold(end, f64::max);
        let class = if row.is_own() { "label" } else { "soft" };
        picture.text(class, end + 6.0, middle + 4.0, Anchor::Start, &value);
        picture.y += ROW;
    }
    for row in rows.iter().filter(|row| floors.contains(&*row.name)) {
        let at = x(row.cost().median);
        picture.line("floor", (at, top), (at, picture.y));
    }
}

/// How long single operations took: a bar to the 99.9th percentile, with marks at the median and at the 99th.
pub fn of_latencies(records: &Records) -> Picture {
    let mut picture = Picture::new("Single operations while objects come and go");
    let note = "Bars: 99.9 % took less. Marks: half, and 99 %. Logarithmic scale; the clock's cost is included.";
    picture.text("soft", MARGIN, picture.y + 8.0, Anchor::Start, note);
    picture.y += 14.0;
    let rows = &records.latencies;
    let mut operations: Vec<&str> = Vec::new();
    for row in rows {
        if !operations.contains(&&*row.operation) {
            operations.push(&row.operation);
        }
    }
    for threads in rows.iter().map(|row| row.threads).collect::<BTreeSet<_>>() {
        for operation in &operations {
            let group = rows.iter();
            let group = group.filter(|row| row.threads == threads && row.operation == *operation);
            let group: Vec<_> = group.collect();
            picture.y += 18.0;
            let plural = if threads == 1 { "" } else { "s" };
            let title = format!("{operation}, {threads} thread{plural}");
            picture.text("soft", MARGIN, picture.y, Anchor::Start, &title);
            picture.y += 6.0;
            latency_group(&mut picture, &group);
        }
    }
    picture
}

fn latency_group(picture: &mut Picture, rows: &[&Latency]) {
    /// Where the scale begins.
    const LEAST: f64 = 10.0;
    let most = rows.iter().map(|row| row.p999).max().unwrap_or(1).max(100) as f64;
    let width = WIDTH - LABELS - VALUES - 2.0 * MARGIN;
    let x = |ns: u64| {
        let share = ((ns as f64).max(LEAST) / LEAST).ln() / (most / LEAST).ln();
        LABELS + share * width
    };
    for (n, row) in rows.iter().enumerate() {
        let (top, middle) = (picture.y + 3.0, picture.y + ROW / 2.0 + 4.0);
        let class = match (n, &*row.name) {
            (0, _) => "own",
            (_, "nothing") => "base",
            _ => "peer",
        };
        picture.text("label", LABELS - 8.0, middle, Anchor::End, &row.name);
        picture.bar(class, LABELS, top, x(row.p999) - LABELS, ROW - 6.0);
        for at in [x(row.p50), x(row.p99)] {
            picture.line("spread", (at, top), (at, top + ROW - 6.0));
        }
        let [p50, p99, p999] = [row.p50, row.p99, row.p999].map(|ns| nanoseconds(ns as f64));
        let value = format!("{p50}, {p99}, {p999}");
        picture.text("label", x(row.p999) + 6.0, middle, Anchor::Start, &value);
        picture.y += ROW;
    }
}

/// The bytes that each map needs.
pub fn of_memory(what: &str, rows: &[&Memory]) -> Picture {
    let mut picture = Picture::new(&format!("Bytes {what}"));
    picture.y += 8.0;
    let most = rows.iter().map(|row| row.bytes).fold(0.0, f64::max);
    for (n, row) in rows.iter().enumerate() {
        let middle = picture.y + ROW / 2.0 + 4.0;
        let width = row.bytes / most * (WIDTH - LABELS - VALUES - 2.0 * MARGIN);
        let class = if n == 0 { "own" } else { "peer" };
        picture.text("label", LABELS - 8.0, middle, Anchor::End, &row.name);
        picture.bar(class, LABELS, picture.y + 3.0, width, ROW - 6.0);
        let value = format!("{:.1}", row.bytes);
        picture.text("label", LABELS + width + 6.0, middle, Anchor::Start, &value);
        picture.y += ROW;
    }
    picture
}
