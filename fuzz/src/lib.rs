//! Runs a state machine of `tests/machines` by the bytes of a fuzzer.
//!
//! The first byte chooses the machine, where a target has several. Each operation is five bytes: its
//! letter, and two numbers. A rest is ignored.

#[path = "../../tests/machines/mod.rs"]
pub mod machines;

use machines::{Machine, Model};

/// How many operations one input may have: more of them find nothing that fewer do not, and take long.
const LONGEST: usize = 300;

/// Runs one of several machines.
pub fn run_one_of(machines: &[fn(&[u8])], input: &[u8]) {
    if let Some((first, ops)) = input.split_first() {
        machines[usize::from(*first) % machines.len()](ops);
    }
}

/// Runs a machine together with its model.
pub fn run<M: Machine>(input: &[u8]) {
    let mut model = M::Model::default();
    let mut machine = M::new();
    let (ops, _) = input.as_chunks::<5>();
    for [letter, numbers @ ..] in ops.iter().take(LONGEST) {
        let [a, b] = [[numbers[0], numbers[1]], [numbers[2], numbers[3]]].map(u16::from_le_bytes);
        let op = M::ALPHABET[usize::from(*letter) % M::ALPHABET.len()](a, b);
        model.apply(&op);
        machine.apply(op);
        machine.check(&model);
    }
    machine.finish(&model);
}
