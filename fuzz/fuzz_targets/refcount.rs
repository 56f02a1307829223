#![no_main]

use kref::atomic::Native;
use kref_fuzz::machines::backend::CasOnlyBackend;
use kref_fuzz::machines::drain::DrainMachine;
use kref_fuzz::machines::handback::HandBackMachine;
use kref_fuzz::machines::rcuref::RcuRefMachine;
use kref_fuzz::machines::refcount::RefCountMachine;
use kref_fuzz::machines::sharded::ShardedMachine;
use kref_fuzz::machines::sharded_ref::ShardedRefMachine;
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [
        run::<RefCountMachine<Native>>,
        run::<RefCountMachine<CasOnlyBackend>>,
        run::<HandBackMachine<Native>>,
        run::<RcuRefMachine<Native>>,
        run::<ShardedMachine>,
        run::<ShardedRefMachine>,
        run::<DrainMachine>,
    ];
    run_one_of(&machines, input);
});
