#![no_main]

use kref_fuzz::machines::llist::LListMachine;
use kref_fuzz::machines::values::Line;
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [run::<LListMachine>, run::<LListMachine<Line, 500>>];
    run_one_of(&machines, input);
});
