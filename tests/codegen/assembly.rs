//! As much of assembly as it takes to follow the paths of a small function.

use std::collections::{HashMap, VecDeque};

/// The architectures whose instructions are known here.
pub(crate) enum Architecture {
    X86_64,
    Aarch64,
}

impl Architecture {
    /// That of this machine.
    pub(crate) fn here() -> Option<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Some(Self::X86_64),
            "aarch64" => Some(Self::Aarch64),
            _ => None,
        }
    }
}

/// The functions of a file, and what they consist of.
pub(crate) struct Assembly<'a> {
    lines: Vec<Line<'a>>,
    labels: HashMap<&'a str, usize>,
}

#[derive(Clone, Copy)]
enum Line<'a> {
    /// An atomic read-modify-write. Of a pair of exclusive load and store it is the store.
    ReadModifyWrite,
    Call,
    Return,
    Trap,
    /// Goes on there.
    Jump(&'a str),
    /// Goes on there, or with the next line.
    Branch(&'a str),
    Other,
}

impl<'a> Assembly<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let mut assembly = Self {
            lines: Vec::new(),
            labels: HashMap::new(),
        };
        for line in text.lines() {
            // Both sorts of comments; an immediate of aarch64 has its # right after a blank too.
            let line = line.split("//").next().unwrap_or_default();
            let line = line.split("# ").next().unwrap_or_default().trim();
            if let Some(label) = line.strip_suffix(':') {
                assembly.labels.insert(label, assembly.lines.len());
            } else if !line.is_empty() && !line.starts_with(['.', '#']) {
                assembly.lines.push(Line::of(line));
            }
        }
        assembly
    }

    /// For each path from the entry of `function` to a return on which there is no call: how many
    /// atomic read-modify-writes there are on it. Loops are gone through once.
    pub(crate) fn paths(&self, function: &str) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        let mut paths = vec![(self.label(function)?, 0, Vec::new())];
        while let Some((at, count, seen)) = paths.pop() {
            if seen.contains(&at) {
                continue;
            }
            let mut seen = seen.clone();
            seen.push(at);
            let line = self.lines.get(at).ok_or("a path leads out of the file")?;
            match *line {
                Line::Call | Line::Trap => {}
                Line::Return => found.push(count),
                Line::Other => paths.push((at + 1, count, seen)),
                Line::ReadModifyWrite => paths.push((at + 1, count + 1, seen)),
                Line::Jump(to) => {
                    // To another function: a call whose return is ours.
                    if to.starts_with('.') {
                        paths.push((self.label(to)?, count, seen));
                    }
                }
                Line::Branch(to) => {
                    paths.push((at + 1, count, seen.clone()));
                    if to.starts_with('.') {
                        paths.push((self.label(to)?, count, seen));
                    }
                }
            }
        }
        Ok(found)
    }

    /// The fewest calls that there are on any path from the entry of `function` to a return.
    pub(crate) fn fewest_calls(&self, function: &str) -> Result<usize, String> {
        let mut reached = vec![false; self.lines.len()];
        // In the order of their calls: a line that is reached by one more goes to the end.
        let mut next = VecDeque::from([(self.label(function)?, 0)]);
        while let Some((at, calls)) = next.pop_front() {
            let line = self.lines.get(at).ok_or("a path leads out of the file")?;
            if std::mem::replace(&mut reached[at], true) {
                continue;
            }
            match *line {
                Line::Return => return Ok(calls),
                Line::Trap => {}
                Line::Call => next.push_back((at + 1, calls + 1)),
                Line::Other | Line::ReadModifyWrite => next.push_front((at + 1, calls)),
                // A jump to another function is a call whose return is ours.
                Line::Jump(to) | Line::Branch(to) => {
                    if to.starts_with('.') {
                        next.push_front((self.label(to)?, calls));
                    }
                    if matches!(line, Line::Branch(_)) {
                        next.push_front((at + 1, calls));
                    }
                }
            }
        }
        Err(format!("no path leads to a return of {function}"))
    }

    /// The function with this name; or, if no function has it, those whose names contain it.
    pub(crate) fn functions(&self, name: &str) -> Vec<&'a str> {
        if let Some((function, _)) = self.labels.get_key_value(name) {
            return vec![function];
        }
        let labels = self.labels.keys().copied();
        let mut functions: Vec<_> = labels
            .filter(|label| !label.starts_with('.') && label.contains(name))
            .collect();
        functions.sort_unstable();
        functions
    }

    fn label(&self, label: &str) -> Result<usize, String> {
        let at = self.labels.get(label);
        at.copied().ok_or(format!("there is no {label}"))
    }
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let (name, operands) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        // Where branches lead stands last.
        let target = operands.rsplit(',').next().unwrap_or_default().trim();
        let in_memory = operands.contains('(') || operands.contains('[');
        match name {
            // x86-64
            "lock" => Self::ReadModifyWrite,
            _ if name.starts_with("xchg") && in_memory => Self::ReadModifyWrite,
            "call" | "callq" => Self::Call,
            "ret" | "retq" => Self::Return,
            "ud2" => Self::Trap,
            // A tail call through a pointer.
            "jmp" | "jmpq" if target.starts_with('*') => Self::Call,
            "jmp" | "jmpq" => Self::Jump(target),
            _ if name.starts_with('j') => Self::Branch(target),
            // aarch64
            "bl" | "blr" | "br" => Self::Call,
            "b" => Self::Jump(target),
            "brk" | "udf" => Self::Trap,
            "cbz" | "cbnz" | "tbz" | "tbnz" => Self::Branch(target),
            _ if name.starts_with("b.") => Self::Branch(target),
            _ if in_memory && is_atomic_of_aarch64(name) => Self::ReadModifyWrite,
            _ => Self::Other,
        }
    }
}

/// Whether this is an atomic read-modify-write of Armv8.1 (`ldadd`, `cas`, `swp`, ...), or the exclusive
/// store of an older loop.
fn is_atomic_of_aarch64(name: &str) -> bool {
    let lse = [
        "ldadd", "ldclr", "ldset", "ldeor", "ldsmax", "ldsmin", "ldumax", "ldumin",
    ];
    let short = ["stadd", "stclr", "stset", "steor", "swp", "cas"];
    let exclusive = ["stxr", "stlxr"];
    let mut all = lse.iter().chain(&short).chain(&exclusive);
    all.any(|atomic| name.starts_with(atomic))
}
