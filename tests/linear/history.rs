//! Histories: which operations ran, from when to when, and with what result.
//!
//! Each thread notes its own operations. A clock of one atomic counter gives the order of the beginnings and the ends: whatever
//! ended before something else began has the smaller number, as each reading is a sequentially consistent
//! read-modify-write.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};

use crate::specification::{Key, Op};

/// An operation that has run.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub thread: usize,
    pub key: u32,
    pub from: u64,
    pub to: u64,
    pub op: Op,
}

/// The order of the beginnings and ends.
#[derive(Default)]
pub struct Clock(AtomicU64);

impl Clock {
    pub fn now(&self) -> u64 {
        // SeqCst: what ended before this in any thread stays before it, and what begins after it stays after it.
        self.0.fetch_add(1, SeqCst)
    }
}

/// Returns the keys with a history that no order of its operations explains, each as text.
pub fn not_linearizable<const LINGERS: bool>(spans: &[Span]) -> Vec<String> {
    let mut keys = BTreeMap::<u32, Vec<Span>>::new();
    for span in spans {
        keys.entry(span.key).or_default().push(*span);
    }
    let is_wrong = |spans: &Vec<Span>| {
        let mut actions = Vec::new();
        for span in spans {
            actions.push((span.from, span.thread, Action::Call(span.op)));
            actions.push((span.to, span.thread, Action::Response(span.op)));
        }
        actions.sort_unstable_by_key(|(time, _, _)| *time);
        let actions = actions
            .into_iter()
            .map(|(_, thread, action)| (thread, action));
        let history = History::from_actions(actions.collect());
        !WGLChecker::<Key<LINGERS>>::is_linearizable(history)
    };
    keys.into_values().filter(is_wrong).map(show).collect()
}

fn show(mut spans: Vec<Span>) -> String {
    spans.sort_unstable_by_key(|span| span.from);
    let mut text = format!("not linearizable: key {}\n", spans[0].key);
    for Span {
        thread,
        from,
        to,
        op,
        ..
    } in spans
    {
        let _ = writeln!(text, "{from:6} to {to:6}  thread {thread}  {op:?}");
    }
    text
}
