#![no_main]

use kref_fuzz::machines::refs::RefMachine;
use kref_fuzz::run;

libfuzzer_sys::fuzz_target!(|input: &[u8]| run::<RefMachine>(input));
