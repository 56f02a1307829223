#!/bin/bash
# Checks that the core needs no std: it builds for a processor that has compare-and-swap and no operating
# system, and says what is missing on one that has no compare-and-swap.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. scripts/debian_rust.sh

# Of the standard library's sources `core` and `alloc` are built.
cargo_with_sources no_std "rustup +nightly component add rust-src"

check() {
    "${cargo[@]}" check --quiet --lib --no-default-features -Zbuild-std=core,alloc \
        --target-dir target/no_std --target "$@"
}

trap 'echo "no_std: FAILED: the core does not build without std" >&2' ERR
check thumbv7em-none-eabi
check thumbv7em-none-eabi --features lock_api
check thumbv7em-none-eabi --features alloc
# A processor without compare-and-swap, with portable-atomic, which is told how to do without.
check thumbv6m-none-eabi --features portable-atomic,portable-atomic/critical-section
check thumbv6m-none-eabi --features alloc,portable-atomic,portable-atomic/critical-section
trap - ERR

# The sentence of the `compile_error!` in src/lib.rs, which has to be the only error.
sentence=$(sed -n 's/^ *"\(.*compare-and-swap.*\)"$/\1/p' src/lib.rs)
if [ -z "$sentence" ]; then
    echo "no_std: src/lib.rs has no sentence for targets without compare-and-swap" >&2
    exit 1
fi
if output=$(check thumbv6m-none-eabi 2>&1); then
    echo "no_std: builds for thumbv6m-none-eabi, which has no compare-and-swap" >&2
    exit 1
fi
if ! grep -qF "$sentence" <<<"$output" || [ "$(grep -c '^error: \|^error\[' <<<"$output")" != 2 ]; then
    echo "no_std: fails for thumbv6m-none-eabi, but not with \"$sentence\" alone:" >&2
    echo "$output" >&2
    exit 1
fi
echo "no_std: builds for thumbv7em-none-eabi, and for thumbv6m-none-eabi with portable-atomic; without it thumbv6m-none-eabi gets: $sentence"
