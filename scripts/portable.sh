#!/bin/bash
# Runs the tests of `atomic::Portable` with portable-atomic's fallback: told not to look for 128-bit
# instructions, it takes a lock for each operation of that width. (Narrower atomics cannot be taken from this
# processor. `scripts/no_std.sh` checks that the crate builds on targets without atomics.)
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTFLAGS="--cfg portable_atomic_no_outline_atomics"
cargo test --quiet --manifest-path tests/others/Cargo.toml --target-dir target/portable \
    --test traits -- portable
echo "portable: the operations are atomic where a lock makes them so"
