//! A `static` registry needs values that several threads may use.

use std::cell::Cell;

use kref::Registry;

static COUNTERS: Registry<u32, Cell<u32>> = Registry::new();

fn main() {
    COUNTERS.get_or_insert_with(1, |_| Cell::new(0));
}
