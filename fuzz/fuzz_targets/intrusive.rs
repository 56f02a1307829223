#![no_main]

use std::pin::Pin;
use std::sync::Arc;

use kref::{IntrusiveRef, Ref};
use kref_fuzz::machines::intrusive::{ListMachine, Object};
use kref_fuzz::{run, run_one_of};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let machines = [
        run::<ListMachine<Box<Object>, false>>,
        run::<ListMachine<Pin<Box<Object>>, false>>,
        run::<ListMachine<Arc<Object>, true>>,
        run::<ListMachine<Ref<Object>, true>>,
        run::<ListMachine<IntrusiveRef<Object>, true>>,
    ];
    run_one_of(&machines, input);
});
