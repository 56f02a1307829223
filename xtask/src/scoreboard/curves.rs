//! Lines: how a cost grows. Their names stand below, in the order of their ends, so that the picture can be narrow.

use std::collections::BTreeSet;

use super::picture::{Anchor, MARGIN, Picture, WIDTH, colours};
use super::records::Records;

const LEFT: f64 = 62.0;
const HEIGHT: f64 = 240.0;
/// Between the names of two lines.
const APART: f64 = 18.0;
/// The piece of a line in front of its name.
const SAMPLE: f64 = 26.0;

/// Lines over the same places.
pub struct Chart {
    /// What the places are, and their names.
    pub axis: String,
    pub places: Vec<String>,
    pub lines: Vec<Curve>,
}

pub struct Curve {
    pub name: String,
    pub kind: Kind,
    /// Nanoseconds, for each of the places.
    pub ns: Vec<Option<f64>>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Own,
    Peer,
    Floor,
}

/// The lines of a bench.
pub fn of(title: &str, bench: &str, records: &Records) -> Picture {
    let rows = records.rows_of(bench);
    let axis = rows.iter().find_map(|row| row.axis.clone());
    let axis = axis.unwrap_or_default();
    // Threads beyond the cores do not run at the same time, so the elapsed time is divided by the operations of
    // all threads.
    let shared = axis == "threads";
    let time = if shared {
        "Elapsed time divided by the operations of all threads"
    } else {
        "Time for one operation in each thread"
    };
    let places: BTreeSet<u64> = rows.iter().filter_map(|row| row.at).collect();
    let mut names: Vec<&str> = Vec::new();
    for row in &rows {
        if !names.contains(&&*row.name) {
            names.push(&row.name);
        }
    }
    let line = |name: &str| {
        let of_name = || rows.iter().filter(|row| row.name == name);
        let cost = |place: u64| {
            let row = of_name().find(|row| row.at == Some(place))?;
            let threads = if shared { f64::from(row.threads) } else { 1.0 };
            Some(row.cost().median / threads)
        };
        Curve {
            name: name.to_owned(),
            kind: if of_name().any(|row| row.is_own()) {
                Kind::Own
            } else if rows.iter().any(|row| row.floor.as_deref() == Some(name)) {
                Kind::Floor
            } else {
                Kind::Peer
            },
            ns: places.iter().map(|&place| cost(place)).collect(),
        }
    };
    let chart = Chart {
        axis,
        lines: names.into_iter().map(line).collect(),
        places: places.iter().map(|&place| short(place)).collect(),
    };
    let mut picture = Picture::new(title);
    picture.note(&format!(
        "{time}. The scale is logarithmic. Thick: kref. Dashed: the lower bound."
    ));
    draw(&mut picture, &chart);
    picture
}

/// 1,000 is 1k.
fn short(n: u64) -> String {
    match n {
        0 => "0".to_owned(),
        n if n % 1_000_000 == 0 => format!("{}M", n / 1_000_000),
        n if n % 1_000 == 0 => format!("{}k", n / 1_000),
        n => n.to_string(),
    }
}

/// The steps of a scale: 1, 2, 5, 10, ... from below `least` to above `most`.
fn steps(least: f64, most: f64) -> Vec<f64> {
    let all = (-3..12).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10f64.powi(power)));
    let all: Vec<f64> = all.collect();
    let first = all.iter().rposition(|&step| step <= least).unwrap_or(0);
    let last = all.iter().position(|&step| step >= most);
    all[first..=last.unwrap_or(all.len() - 1)].to_vec()
}

pub fn draw(picture: &mut Picture, chart: &Chart) {
    let values = || chart.lines.iter().flat_map(|line| line.ns.iter().flatten());
    let least = values().copied().fold(f64::INFINITY, f64::min);
    let most = values().copied().fold(0.0, f64::max);
    if !least.is_finite() || least <= 0.0 {
        return;
    }
    let top = picture.y + 12.0;
    let bottom = top + HEIGHT;
    let steps = steps(least, most);
    let (low, high) = (steps[0].ln(), steps[steps.len() - 1].ln());
    let y = |ns: f64| bottom - (ns.ln() - low) / (high - low) * HEIGHT;
    let last = (chart.places.len() - 1).max(1) as f64;
    let x = |place: usize| LEFT + 12.0 + place as f64 / last * (WIDTH - LEFT - MARGIN - 24.0);
    for &step in &steps {
        // Not all of them, if there are many.
        let is_power = step.log10().fract().abs() < 1e-6;
        if steps.len() > 12 && !is_power {
            continue;
        }
        picture.line("grid", (LEFT, y(step)), (WIDTH - MARGIN, y(step)));
        picture.text("soft", LEFT - 6.0, y(step) + 4.0, Anchor::End, &label(step));
    }
    for (n, place) in chart.places.iter().enumerate() {
        picture.text("soft", x(n), bottom + 16.0, Anchor::Middle, place);
    }
    let middle = (LEFT + WIDTH - MARGIN) / 2.0;
    picture.text("soft", middle, bottom + 32.0, Anchor::Middle, &chart.axis);

    let colours = colours(chart.lines.iter().map(|line| &*line.name));
    let mut ends = Vec::new();
    let mut drawn = Vec::new();
    for (line, colour) in chart.lines.iter().zip(colours) {
        let class = match line.kind {
            Kind::Own => format!("own line{colour}"),
            Kind::Peer => format!("line{colour}"),
            Kind::Floor => "floor".to_owned(),
        };
        let points = line.ns.iter().enumerate();
        let points = points.filter_map(|(n, ns)| Some((x(n), y((*ns)?))));
        let points: Vec<(f64, f64)> = points.collect();
        if let Some(&(_, end)) = points.last() {
            ends.push((end, class.clone(), &line.name));
        }
        drawn.push((line.kind == Kind::Own, class, points));
    }
    // Own lines last, above the others.
    drawn.sort_by_key(|(is_own, ..)| *is_own);
    for (_, class, points) in &drawn {
        picture.polyline(class, points);
    }
    // Names in the order in which the lines end, from the top.
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    picture.y = bottom + if chart.axis.is_empty() { 24.0 } else { 40.0 };
    for (_, class, name) in &ends {
        picture.y += APART;
        let (from, to) = (LEFT, LEFT + SAMPLE);
        let middle = picture.y - 4.0;
        picture.polyline(class, &[(from, middle), (to, middle)]);
        let text = if class.starts_with("own") {
            "own-text"
        } else {
            "label"
        };
        picture.text(text, to + 8.0, picture.y, Anchor::Start, name);
    }
}

/// A step of the scale.
fn label(ns: f64) -> String {
    match ns {
        ns if ns >= 1e6 => format!("{} ms", ns / 1e6),
        ns if ns >= 1e3 => format!("{} µs", ns / 1e3),
        ns => format!("{ns:.1} ns").replace(".0 ", " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_enclose_what_they_show() {
        assert_eq!(steps(3.0, 40.0), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert_eq!(steps(1.0, 1.0), [1.0]);
    }
}
