#!/bin/bash
# Runs the tests of `atomic::Portable` with portable-atomic's fallback: told not to look for 128-bit
# instructions, it takes a lock for each operation of that width. (Narrower atomics cannot be taken from this
# processor. That the crate builds where there are none is checked by `scripts/no_std.sh`.)
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTFLAGS="--cfg portable_atomic_no_outline_atomics"
cargo test --quiet --manifest-path tests/others/Cargo.toml --target-dir target/portable \
    --test traits -- portable
echo "portable: the operations are atomic where a lock makes them so"
