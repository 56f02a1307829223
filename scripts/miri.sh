#!/bin/bash
# Runs under Miri what it can run: all tests but the models and schedules, whose threads are coroutines, which take
# assembly, and those that run other programs. The tests have sizes for it (`cfg(miri)`).
#
#     scripts/miri.sh [ARGUMENT]...      the arguments go to the tests: a filter, say
#
# Each part runs under both borrow models, at the same time, and the whole takes some 25 minutes on two cores:
#
# - what needs no integer as a pointer, with strict provenance;
# - the lists, which keep addresses, and the maps, whose locks do so, with permissive provenance; the maps' heads are
#   aligned by hand, so that only the strict part checks the alignment that is promised instead of that which
#   happens to be;
# - tests/racy, with SEEDS schedules (64), many preemptions, and every address used again as soon as it is free.
#
# MIRIFLAGS are added to. Exit code: 0; 1 if something was found; 2 if there is no Miri.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
trap 'echo "miri: FAILED, see above" >&2' ERR

strict=(kref locks misuse refs stress)
lists=(llist)
maps=(locks properties registry stress)
racy=(racy)
seeds=${SEEDS:-64}

# Where the library casts between integers and pointers, the compiler knows without running it.
if rustc +nightly --version >/dev/null 2>&1; then
    cargo +nightly rustc --quiet --lib --target-dir target/miri --profile check -- \
        -Zcrate-attr='feature(strict_provenance_lints)' -Dfuzzy_provenance_casts -Dlossy_provenance_casts
fi
if ! cargo +nightly miri --version >/dev/null 2>&1; then
    echo "miri: not here; try: rustup toolchain install nightly --component miri,rust-src" >&2
    exit 2
fi

export CARGO_TARGET_DIR=$PWD/target/miri
mkdir -p "$CARGO_TARGET_DIR"
filter=("$@")

# miri FLAGS FEATURES OPTION...: the tests that the options of `cargo test` name.
miri() {
    local flags=$1 features=$2
    shift 2
    MIRIFLAGS="$flags ${MIRIFLAGS-}" cargo +nightly miri test --no-default-features --features "$features" \
        "$@" -- "${filter[@]}"
}

# both PART FLAGS FEATURES OPTION...: under both borrow models, at the same time, as Miri uses one core for a test.
both() {
    local part=$1 flags=$2 features=$3 model log pids=() logs=() failed=0
    shift 3
    # Built once, before two of them want to.
    miri "$flags" "$features" "$@" --no-run
    for model in stacked tree; do
        log=$CARGO_TARGET_DIR/$part-$model.log
        if [ $model = tree ]; then flags+=" -Zmiri-tree-borrows"; fi
        miri "$flags" "$features" "$@" >"$log" 2>&1 &
        pids+=($!) logs+=("$log")
    done
    for i in 0 1; do
        if wait "${pids[i]}"; then
            grep -h '^test result' "${logs[i]}" | sort | uniq -c
        else
            failed=1
            cat "${logs[i]}"
        fi
    done
    echo "miri: $part: done"
    return $failed
}

both strict "-Zmiri-strict-provenance -Zmiri-symbolic-alignment-check" std --lib "${strict[@]/#/--test=}"
both lists "-Zmiri-permissive-provenance" alloc "${lists[@]/#/--test=}"
both maps "-Zmiri-permissive-provenance" registry --lib "${maps[@]/#/--test=}"

# Each seed is a schedule.
both racy "-Zmiri-permissive-provenance -Zmiri-many-seeds=0..$seeds -Zmiri-preemption-rate=0.02 \
-Zmiri-address-reuse-rate=1.0 -Zmiri-address-reuse-cross-thread-rate=1.0" registry "${racy[@]/#/--test=}"
echo "miri: nothing found"
