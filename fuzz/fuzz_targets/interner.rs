#![no_main]

use kref::registry::DefaultHashBuilder;
use kref_fuzz::machines::TwoHashes;
use kref_fuzz::machines::interner::{InternerMachine, Wide, Word};
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [
        run::<InternerMachine<str, DefaultHashBuilder>>,
        run::<InternerMachine<str, TwoHashes>>,
        run::<InternerMachine<[u16], TwoHashes>>,
        run::<InternerMachine<[Wide], DefaultHashBuilder>>,
        run::<InternerMachine<Word, TwoHashes>>,
        run::<InternerMachine<String, DefaultHashBuilder>>,
    ];
    run_one_of(&machines, input);
});
