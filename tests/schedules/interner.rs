//! The interner: equal values are one, as long as a reference to it exists.

use std::cell::Cell;
use std::sync::Arc;

use kref::{Interned, Interner};

use crate::backend::{Shuttle, must, turn};
use crate::registry::Hash;
use crate::{explore, pick, shards, threads};

struct World {
    interner: Interner<str, Hash, Shuttle>,
    /// For each text where it is, and how many have it.
    held: [Cell<(usize, u32)>; 2],
}

// SAFETY: the coroutines of a scenario are on one thread.
unsafe impl Sync for World {}
// SAFETY: as above.
unsafe impl Send for World {}

const TEXTS: [&str; 2] = ["a text", "another"];

fn intern(w: &World) {
    for _ in 0..4 {
        let which = pick(2) as usize;
        let text = w.interner.intern_ref(TEXTS[which]);
        let other = Interned::clone(&text);
        drop(text);
        must(*other == *TEXTS[which], "the text");
        let (address, others) = w.held[which].get();
        must(
            others == 0 || address == other.as_ptr().addr(),
            "one for all",
        );
        w.held[which].set((other.as_ptr().addr(), others + 1));
        turn();
        let (address, others) = w.held[which].get();
        w.held[which].set((address, others - 1));
    }
}

#[test]
fn six_threads() {
    explore(|| {
        let w = Arc::new(World {
            interner: Interner::new_in(shards(), Hash::default()),
            held: Default::default(),
        });
        threads(&w, [intern as fn(&_); 6]);
        must(w.interner.is_empty(), "nothing is left in the end");
    });
}
