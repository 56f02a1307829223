//! Runs a state machine of `tests/machines` by the bytes of a fuzzer.
//!
//! The first byte chooses the machine, where a target has several. Each operation is five bytes: its
//! letter, and two numbers. A rest is ignored.
//!
//! # Speed
//!
//! A comparison of a machine with its model takes as long as there are objects, and reads the bytes of each. So the
//! comparisons of a sequence are quadratic in its length, and with one after every operation they were nearly all of the time. The first
//! [`EACH`] operations are followed by one each, so that a minimized input fails where it goes wrong. Later only each
//! [`STRIDE`]th operation and the last are. Every operation compares its own result in any case, and the sanitizer watches
//! every access.

#[path = "../../tests/machines/mod.rs"]
pub mod machines;

use machines::{Machine, Model};

/// How many operations one input may have: more of them find nothing that fewer do not, and take long.
const LONGEST: usize = 300;

/// How many operations are followed by a comparison each.
const EACH: usize = 24;

/// How many operations there are from one comparison to the next after that.
const STRIDE: usize = 16;

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
    let ops = &ops[..ops.len().min(LONGEST)];
    for (index, [letter, numbers @ ..]) in ops.iter().enumerate() {
        let [a, b] = [[numbers[0], numbers[1]], [numbers[2], numbers[3]]].map(u16::from_le_bytes);
        let op = M::ALPHABET[usize::from(*letter) % M::ALPHABET.len()](a, b);
        model.apply(&op);
        machine.apply(op);
        if index < EACH || index % STRIDE == 0 || index + 1 == ops.len() {
            machine.check(&model);
        }
    }
    machine.finish(&model);
}
