#![no_main]

use kref::registry::DefaultHashBuilder;
use kref_fuzz::machines::TwoHashes;
use kref_fuzz::machines::key_lock::KeyLockMachine;
use kref_fuzz::machines::registry::RegistryMachine;
use kref_fuzz::machines::values::{Line, Page};
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [
        run::<RegistryMachine<DefaultHashBuilder>>,
        run::<RegistryMachine<TwoHashes, Line, 100>>,
        run::<RegistryMachine<TwoHashes, (), 9000>>,
        run::<RegistryMachine<DefaultHashBuilder, Page, 8>>,
        run::<KeyLockMachine>,
    ];
    run_one_of(&machines, input);
});
