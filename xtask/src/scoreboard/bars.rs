//! Bars: what is compared with one another stands together, and the floor is a line through it.

use std::collections::BTreeSet;

use super::picture::{Anchor, MARGIN, Picture, WIDTH, nanoseconds};
use super::records::{Memory, Records, Row};

const LABELS: f64 = 230.0;
const VALUES: f64 = 210.0;
const ROW: f64 = 20.0;

/// The bars of a bench.
pub fn of(bench: &str, records: &Records) -> Picture {
    let mut picture = Picture::new(&format!("{bench}: time for one operation in each thread"));
    let note =
        "Bars: median; black: quartiles of the rounds. Dashed: the floor, what cannot be left out.";
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
