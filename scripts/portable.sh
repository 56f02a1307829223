#!/bin/bash
# Runs the tests of `atomic::Portable` with each of portable-atomic's fallbacks:
# - told not to look for 128-bit instructions, it takes a lock for each operation of that width;
# - told what its build script says of targets without compare-and-swap (thumbv6m), it makes every operation of every
#   width a critical section. The section is the one that the crate critical-section has for programs with std: a mutex.
#
# The tests ask `is_lock_free`, so that they fail if portable-atomic does not hear. (Plain loads and stores, and the
# interrupts of a real thumbv6m, are not tested here. `scripts/no_std.sh` checks that the crate builds for it.)
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
    cargo test --quiet --manifest-path tests/others/Cargo.toml --test traits "$@" -- portable
}

RUSTFLAGS="--cfg portable_atomic_no_outline_atomics" run --target-dir target/portable
RUSTFLAGS="--cfg portable_atomic_no_outline_atomics --cfg portable_atomic_no_cfg_target_has_atomic --cfg portable_atomic_no_atomic_cas" \
    run --target-dir target/portable-critical-section --features critical-section
echo "portable: the operations are atomic where a lock makes them so, of 128 bits and of every width"
