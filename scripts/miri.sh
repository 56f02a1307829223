#!/bin/bash
# Runs under Miri what it can run: everything but the models, whose threads are coroutines, which take assembly.
# The tests have sizes for it (`cfg(miri)`), and call nothing that it does not know.
#
#     scripts/miri.sh [ARGUMENT]...      the arguments go to the tests: a filter, say
#
# MIRIFLAGS are added to: `MIRIFLAGS=-Zmiri-many-seeds=0..16` searches for longer.
#
# Exit code: 0; 1 if something was found; 2 if there is no Miri.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
trap 'echo "miri: FAILED, see above" >&2' ERR

# Where the library casts between integers and pointers, the compiler knows without running it.
if rustc +nightly --version >/dev/null 2>&1; then
    cargo +nightly rustc --quiet --lib --target-dir target/miri --profile check -- \
        -Zcrate-attr='feature(strict_provenance_lints)' -Dfuzzy_provenance_casts -Dlossy_provenance_casts
fi
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "miri: not here; try: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 2
fi

# Miri checks the alignment that is promised, not the one that happens to be.
flags="-Zmiri-symbolic-alignment-check ${MIRIFLAGS-}"
export CARGO_TARGET_DIR=$PWD/target/miri

# miri FLAGS FEATURES TEST...
miri() {
    local more=$1 features=$2 arguments=() name
    shift 2
    for name; do
        arguments+=(--test "$name")
    done
    MIRIFLAGS="$flags $more" cargo +nightly miri test --no-default-features --features "$features" \
        --lib "${arguments[@]}" -- "${filter[@]}"
}
filter=("$@")

# What is not about the maps, without the feature that they need: no integer becomes a pointer there.
core=(kref llist_drop llist_memory llist_property llist_stress llist_waiting locks misuse properties refs stress)
miri "-Zmiri-strict-provenance" std "${core[@]}"
miri "-Zmiri-strict-provenance -Zmiri-tree-borrows" std "${core[@]}"

# parking_lot keeps the queue of its waiting threads in an integer.
maps=(locks properties registry stress)
miri "-Zmiri-permissive-provenance" registry "${maps[@]}"
miri "-Zmiri-permissive-provenance -Zmiri-tree-borrows" registry "${maps[@]}"
echo "miri: nothing found"
