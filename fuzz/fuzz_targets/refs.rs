#![no_main]

use kref_fuzz::machines::refs::RefMachine;
use kref_fuzz::machines::weak::WeakMachine;
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [run::<RefMachine>, run::<WeakMachine>];
    run_one_of(&machines, input);
});
