#!/bin/bash
# Runs the fuzz targets under AddressSanitizer, each for so many seconds (60 if not said), from the corpus
# in fuzz/corpus: scripts/fuzz.sh [seconds] [target...]
#
# What is new goes to fuzz/target/corpus, so that the repository's own corpus stays small.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() { echo "fuzz: $1 is missing; try: $2" >&2; exit 2; }
rustup run nightly rustc --version >/dev/null 2>&1 ||
    missing "the nightly toolchain" "rustup toolchain install nightly --profile minimal"
cargo fuzz --version >/dev/null 2>&1 || missing cargo-fuzz "cargo install cargo-fuzz"

seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "fuzz: '$seconds' is not a number of seconds" >&2; exit 2; }
shift || true
all=$(cd fuzz/fuzz_targets && basename -s .rs -- *.rs)
read -ra targets <<<"${*:-$(echo $all)}"

cargo +nightly fuzz build
for target in "${targets[@]}"; do
    echo "== $target, $seconds seconds"
    found=fuzz/target/corpus/$target
    mkdir -p "$found"
    # The longest input: 300 operations of five bytes. Some milliseconds are enough for it; libFuzzer's own limit is twenty
    # minutes, in which a loop without an end is not found.
    cargo +nightly fuzz run "$target" "$found" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -timeout=30 -max_len=1501 -len_control=0 -print_final_stats=1
done
