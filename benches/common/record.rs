//! What a bench tells the scoreboard: lines of JSON on the standard output, each an object with one
//! member, whose name says what it is.
//!
//! ```text
//! {"progress":{"bench":"refs","done":3,"of":101}}
//! {"row":{"bench":"refs","name":"Ref: clone + drop","threads":1,"axis":null,"at":null,
//!         "against":["Arc: clone + drop"],"floor":null,"ns":[...]}}
//! {"latency":{...}}  {"memory":{...}}      as the benches of the peers have it
//! ```
//!
//! `ns` are the nanoseconds for one operation in each thread, round by round: the `n`th of two rows of the same
//! bench were taken one after the other.

use serde_json::{Value, json};

/// Whether records are asked for, in place of tables.
pub(crate) fn is_on() -> bool {
    std::env::var_os("KREF_RECORDS").is_some()
}

pub(crate) fn write(record: &Value) {
    println!("{record}");
}

/// Says how far a bench has come.
pub(crate) fn progress(bench: &str, done: usize, of: usize) {
    if is_on() {
        write(&json!({ "progress": { "bench": bench, "done": done, "of": of } }));
    }
}
