#!/bin/bash
# Checks that every set of features builds without a warning: the library, and those examples, tests and
# benches that have the features they require.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo hack --version >/dev/null 2>&1; then
    echo "features: cargo-hack is missing; try: cargo install cargo-hack" >&2
    exit 2
fi
# `default` is a set of the others. Pairs, and all: the features of other crates' names do not meet in code.
cargo hack clippy --quiet --feature-powerset --depth 2 --exclude-features default --lib --examples -- -D warnings
cargo clippy --quiet --all-features --lib --examples -- -D warnings
echo "features: each feature, each pair and all build without a warning"
