//! What the pictures have in common: readable on light and on dark, on a page of 400 pixels, without a font of their own.

use std::path::Path;

use anyhow::{Context, Result};
use svg::Document;
use svg::node::element::{Group, Line, Polyline, Rectangle, Style, Text};

/// Narrow, because a page shrinks a picture to its own width, and the letters with it.
pub const WIDTH: f64 = 480.0;
pub const MARGIN: f64 = 16.0;
/// So many letters of a title, and of other text, fit between the margins in the widest of the fonts.
const TITLE_LETTERS: usize = 48;
const LETTERS: usize = 62;

const STYLE: &str = "
text { font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 12px; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 }
.soft { fill: #59636e }
.head { font-weight: 600; fill: #59636e }
.own-text { font-weight: 600 }
.paper { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
rect.own { fill: #0969da }
.peer { fill: #afb8c1 }
.base { fill: #dde3e9 }
.floor { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 4 3 }
.spread { stroke: #1f2328; stroke-width: 1.5 }
polyline { fill: none; stroke-width: 2 } polyline.own { stroke-width: 4 } polyline.floor { stroke-width: 1.5 }
.line0 { stroke: #0969da } .line1 { stroke: #bc4c00 } .line2 { stroke: #1a7f37 } .line3 { stroke: #8250df }
.line4 { stroke: #9a6700 } .line5 { stroke: #bf3989 } .line6 { stroke: #57606a } .line7 { stroke: #1b7c83 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .soft, .head { fill: #9198a1 } .paper { fill: #0d1117 } .grid { stroke: #2f353d }
rect.own { fill: #388bfd } .peer { fill: #656c76 } .base { fill: #3d444d } .floor { stroke: #ff7b72 } .spread { stroke: #f0f6fc }
.line0 { stroke: #58a6ff } .line1 { stroke: #f0883e } .line2 { stroke: #3fb950 } .line3 { stroke: #bc8cff }
.line4 { stroke: #d29922 } .line5 { stroke: #f778ba } .line6 { stroke: #9198a1 } .line7 { stroke: #39c5cf }
}
";

/// What has a colour of its own, the same in every picture; the first name that a series begins with counts.
const COLOURS: [(&str, usize); 19] = [
    ("Registry, ", 3),
    ("Registry", 0),
    ("Interner", 0),
    ("Mutex<HashMap>, put_lock", 5),
    ("Kref", 0),
    ("HandBack", 3),
    ("Ref, ", 3),
    ("Ref", 0),
    ("ShardedRef, ", 3),
    ("ShardedRef", 5),
    ("DashMap<K, Weak>, ", 6),
    ("DashMap", 1),
    ("ArcIntern", 2),
    ("Arc, by a loop", 6),
    ("Arc", 1),
    ("64 x Mutex", 4),
    ("Mutex<HashMap<K, Weak>>", 7),
    ("get + lock", 4),
    ("the same, parking_lot", 2),
];
const OTHERS: [usize; 8] = [6, 2, 7, 5, 4, 3, 1, 0];

/// The colours of the series of a picture: those of [`COLOURS`], and for a series that has none there, one that is
/// free in this picture.
pub fn colours<'n>(series: impl Iterator<Item = &'n str>) -> Vec<usize> {
    let fixed = |name: &str| {
        let mut colours = COLOURS.iter();
        colours
            .find(|(prefix, _)| name.starts_with(prefix))
            .map(|(_, colour)| *colour)
    };
    let fixed: Vec<Option<usize>> = series.map(fixed).collect();
    let is_free = |colour: &usize| !fixed.contains(&Some(*colour));
    let mut free = OTHERS
        .into_iter()
        .filter(is_free)
        .chain(OTHERS.into_iter().cycle());
    let mut colour = |fixed: &Option<usize>| fixed.or_else(|| free.next()).unwrap_or_default();
    fixed.iter().map(&mut colour).collect()
}

/// A picture as wide as all others, that grows downwards.
pub struct Picture {
    group: Group,
    /// Where the next thing goes.
    pub y: f64,
}

/// Where a text has its `x`.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Picture {
    pub fn new(title: &str) -> Self {
        let mut picture = Self {
            group: Group::new(),
            y: MARGIN,
        };
        for line in lines(title, TITLE_LETTERS) {
            picture.y += 18.0;
            picture.text("title", MARGIN, picture.y - 6.0, Anchor::Start, &line);
        }
        picture
    }

    /// Says how to read the picture.
    pub fn note(&mut self, text: &str) {
        self.y += 4.0;
        for line in lines(text, LETTERS) {
            self.y += 16.0;
            self.text("soft", MARGIN, self.y - 4.0, Anchor::Start, &line);
        }
    }

    /// Names a group of bars.
    pub fn heading(&mut self, text: &str) {
        self.y += 22.0;
        self.text("head", MARGIN, self.y - 2.0, Anchor::Start, text);
    }

    pub fn text(&mut self, class: &str, x: f64, y: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = Text::new(text).set("class", class);
        let text = text.set("x", number(x)).set("y", number(y));
        self.add(text.set("text-anchor", anchor));
    }

    pub fn bar(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let bar = Rectangle::new().set("class", class).set("rx", 2);
        let bar = bar.set("x", number(x)).set("y", number(y));
        let bar = bar.set("width", number(width.max(1.0)));
        self.add(bar.set("height", number(height)));
    }

    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let line = Line::new().set("class", class);
        let line = line.set("x1", number(from.0)).set("y1", number(from.1));
        self.add(line.set("x2", number(to.0)).set("y2", number(to.1)));
    }

    pub fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        let points = points
            .iter()
            .map(|&(x, y)| format!("{},{}", number(x), number(y)));
        let points: Vec<String> = points.collect();
        let line = Polyline::new().set("class", class);
        self.add(line.set("points", points.join(" ")));
    }

    fn add(&mut self, node: impl svg::Node) {
        self.group = std::mem::take(&mut self.group).add(node);
    }

    pub fn write(self, path: &Path) -> Result<()> {
        let height = self.y + MARGIN;
        let paper = Rectangle::new().set("class", "paper").set("rx", 6);
        let paper = paper.set("width", WIDTH).set("height", number(height));
        let document = Document::new()
            .set("viewBox", (0.0, 0.0, WIDTH, number(height)))
            .set("width", WIDTH)
            .set("height", number(height))
            .add(Style::new(STYLE))
            .add(paper)
            .add(self.group);
        svg::save(path, &document).with_context(|| path.display().to_string())
    }
}

/// The text in lines of at most so many letters.
fn lines(text: &str, letters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A tenth of a point is enough.
fn number(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

/// A time with three digits, or all that are in front of the point.
pub fn nanoseconds(ns: f64) -> String {
    match ns {
        ns if ns >= 1e6 => format!("{:.1} ms", ns / 1e6),
        ns if ns >= 1e4 => format!("{:.1} µs", ns / 1e3),
        ns if ns >= 100.0 => format!("{ns:.0} ns"),
        ns if ns >= 10.0 => format!("{ns:.1} ns"),
        ns => format!("{ns:.2} ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_has_several_lines() {
        assert_eq!(lines("a bc def", 4), ["a bc", "def"]);
        assert_eq!(lines("", 4), [""]);
    }

    #[test]
    fn a_series_has_the_same_colour_in_every_picture() {
        let [few, many] = [
            ["Registry", "DashMap<K, Weak>"].as_slice(),
            &[
                "other",
                "DashMap<K, Weak>, SipHash",
                "DashMap<K, Weak>",
                "Registry",
                "one more",
            ],
        ]
        .map(|names| colours(names.iter().copied()));
        assert_eq!(few, [many[3], many[2]]);
        for (n, colour) in many.iter().enumerate() {
            assert!(!many[..n].contains(colour));
        }
    }
}
