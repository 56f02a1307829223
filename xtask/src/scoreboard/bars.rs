//! Bars: what is compared with one another stands together, and the lower bound is a line through it. A name and its
//! numbers stand above their bar, so that the picture can be narrow.

use std::collections::BTreeSet;

use super::picture::{Anchor, MARGIN, Picture, WIDTH, nanoseconds};
use super::records::{Latency, Memory, Records, Row};

/// A row: the line of text, the bar, and what is free below it.
const ROW: f64 = 31.0;
const TEXT: f64 = 13.0;
const BAR: (f64, f64) = (17.0, 9.0);

/// The bars of a bench.
pub fn of(title: &str, bench: &str, records: &Records) -> Picture {
    let mut picture = Picture::new(title);
    let rows = records.rows_of(bench);
    let mut note = String::from(
        "Blue: kref. Time for one operation in each thread: the median, and a thin line between the quartiles.",
    );
    if rows.iter().any(|row| records.best_peer(row).is_some()) {
        note += " × peer: compared with the fastest peer.";
    }
    if rows.iter().any(|row| row.floor.is_some()) {
        note += " Dashed, × floor: the lower bound.";
    }
    picture.note(&note);
    for threads in rows.iter().map(|row| row.threads).collect::<BTreeSet<_>>() {
        picture.heading(&threads_of(threads));
        let of_threads = rows.iter().filter(|row| row.threads == threads);
        for group in groups(&of_threads.copied().collect::<Vec<_>>()) {
            picture.y += 6.0;
            draw(&mut picture, &group, records);
        }
    }
    picture
}

fn threads_of(threads: u32) -> String {
    let plural = if threads == 1 { "" } else { "s" };
    format!("{threads} thread{plural}")
}

/// Where on the bars' line a share of the largest value is.
fn x(share: f64) -> f64 {
    MARGIN + share * (WIDTH - 2.0 * MARGIN)
}

/// A name, its numbers, and the bar below them.
fn bar(picture: &mut Picture, class: &str, name: &str, value: &str, share: f64) {
    let text = if class == "own" { "own-text" } else { "label" };
    let y = picture.y + TEXT;
    picture.text(text, MARGIN, y, Anchor::Start, name);
    picture.text(text, WIDTH - MARGIN, y, Anchor::End, value);
    picture.bar(class, x(0.0), picture.y + BAR.0, x(share) - x(0.0), BAR.1);
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
    let floors: BTreeSet<&str> = rows.iter().filter_map(|row| row.floor.as_deref()).collect();
    let floors_at = rows.iter().filter(|row| floors.contains(&*row.name));
    let floors_at: Vec<f64> = floors_at.map(|row| x(row.cost().median / most)).collect();
    for row in rows {
        let cost = row.cost();
        let class = match (row.is_own(), floors.contains(&*row.name)) {
            (true, _) => "own",
            (false, true) => "base",
            (false, false) => "peer",
        };
        let mut value = nanoseconds(cost.median);
        if let Some(peer) = records.best_peer(row) {
            value += &format!(", {:.2} × peer", row.ratio_to(peer).median);
        }
        if let Some(floor) = records.floor(row) {
            value += &format!(", {:.2} × floor", row.ratio_to(floor).median);
        }
        bar(picture, class, &row.name, &value, cost.median / most);
        let middle = picture.y + BAR.0 + BAR.1 / 2.0;
        let spread = [cost.low, cost.high].map(|ns| (x(ns / most), middle));
        picture.line("spread", spread[0], spread[1]);
        let [top, bottom] = [-2.0, BAR.1 + 2.0].map(|y| picture.y + BAR.0 + y);
        for &at in &floors_at {
            picture.line("floor", (at, top), (at, bottom));
        }
        picture.y += ROW;
    }
}

/// How long single operations took: a bar to the 99.9th percentile, with marks at the median and at the 99th.
pub fn of_latencies(records: &Records) -> Picture {
    let mut picture = Picture::new("Single operations while objects come and go");
    picture.note(
        "Blue: kref. The bar ends where 99.9 % took less; the marks, and the numbers, are half, 99 % and 99.9 %. \
         Logarithmic scale. The clock's cost (\"nothing\") is included.",
    );
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
            picture.heading(&format!("{operation}, {}", threads_of(threads)));
            picture.y += 4.0;
            latency_group(&mut picture, &group);
        }
    }
    picture
}

fn latency_group(picture: &mut Picture, rows: &[&Latency]) {
    /// Where the scale begins.
    const LEAST: f64 = 10.0;
    let most = rows.iter().map(|row| row.p999).max().unwrap_or(1).max(100) as f64;
    let share = |ns: u64| ((ns as f64).max(LEAST) / LEAST).ln() / (most / LEAST).ln();
    for (n, row) in rows.iter().enumerate() {
        let class = match (n, &*row.name) {
            (0, _) => "own",
            (_, "nothing") => "base",
            _ => "peer",
        };
        let [p50, p99, p999] = [row.p50, row.p99, row.p999].map(|ns| nanoseconds(ns as f64));
        let value = format!("{p50}, {p99}, {p999}");
        bar(picture, class, &row.name, &value, share(row.p999));
        let [top, bottom] = [BAR.0, BAR.0 + BAR.1].map(|y| picture.y + y);
        for at in [row.p50, row.p99].map(|ns| x(share(ns))) {
            picture.line("spread", (at, top), (at, bottom));
        }
        picture.y += ROW;
    }
}

/// The memory that each map needs.
pub fn of_memory(title: &str, unit: &str, rows: &[&Memory]) -> Picture {
    let mut picture = Picture::new(title);
    picture.y += 6.0;
    let most = rows.iter().map(|row| row.bytes).fold(0.0, f64::max);
    for row in rows {
        let class = if row.is_own() { "own" } else { "peer" };
        let value = format!("{:.1} {unit}", row.bytes);
        bar(&mut picture, class, &row.name, &value, row.bytes / most);
        picture.y += ROW;
    }
    picture
}
