#!/bin/bash
# Runs the tests of `atomic::Portable` as on a processor that has no compare-and-swap: portable-atomic is
# told that this one has none, and takes a critical section for each operation.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTFLAGS="--cfg portable_atomic_no_atomic_cas"
cargo test --quiet --manifest-path tests/others/Cargo.toml --target-dir target/portable \
    --features critical-section --test traits -- portable
echo "portable: the types work over atomics that a critical section makes"
