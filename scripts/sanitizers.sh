#!/bin/bash
# Runs the tests, and the examples that start threads, under sanitizers:
#
#     scripts/sanitizers.sh [thread] [address] [leak]      without a name: all three
#
# First of all, each sanitizer has to find the bug that was made for it (tests/planted). After that it
# has to find nothing.
#
# Exit code: 0; 1 if something was found, or a planted bug was not; 2 if a tool is missing.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. scripts/debian_rust.sh

# How often the tests with random input are run.
repeat=${REPEAT:-5}
random=(properties registry)

# All tests but the models: their threads are coroutines of loom or shuttle, which sanitizers do not know.
tests=(--lib)
# Those that need a feature which is not on by default have a run of their own.
track=(--features track --test track)
for main in tests/*.rs tests/*/main.rs; do
    name=${main#tests/}
    name=${name%.rs}
    name=${name%/main}
    # Sanitizers keep memory back, of which `resident` measures how much there is.
    [[ $name != track && $name != resident ]] || continue
    grep -qrE '\b(loom|shuttle)::' "${main%/main.rs}" || tests+=(--test "$name")
done
examples=(
    "gadgets"
    "gpuvm"
    "dentry_cache src --with kref"
    "dentry_cache src --with registry"
    "intern_words src"
    "work_queue src --verify"
    "connections --load 50 --messages 5"
    "folio"
    "copy_on_write"
)

# `test` and `run` build alike, so that everything is built once.
export CARGO_PROFILE_DEV_OPT_LEVEL=1
export CARGO_TARGET_DIR=$PWD/target/sanitizers
# For the lines in the reports. Debian's names have the version at the end.
symbolizer=$(compgen -c llvm-symbolizer | sort -V | tail -n 1 || true)
[ -z "$symbolizer" ] || symbolizer=$(command -v "$symbolizer")
export {ASAN,LSAN,TSAN}_SYMBOLIZER_PATH="$symbolizer"

# The package without what only its models and benches need: that is more than half of all there is to build.
package=$CARGO_TARGET_DIR/package
mkdir -p "$package"
for name in src tests examples README.md; do
    ln -sfn "$PWD/$name" "$package/$name"
done
awk '
    /^\[/ {
        keep = !/^\[(\[bench\]|profile\.dev\.package\.)/
        development = /^\[dev-dependencies\]/
    }
    development && /^(concurrent-queue|cordyceps|core_affinity|criterion|crossbeam-queue|loom|shuttle|triomphe) *=/ { next }
    keep
    END { print "\n[workspace]" }
' Cargo.toml >"$package/Cargo.toml.new"
cmp -s "$package/Cargo.toml.new" "$package/Cargo.toml" || cp "$package/Cargo.toml.new" "$package/Cargo.toml"
cp Cargo.lock "$package/Cargo.lock"

# Sets `cargo`, with a compiler for the sanitizer. What is read and written by an uninstrumented standard library
# would be unknown to the thread sanitizer, so it needs the sources: from rustup's nightly, or from Debian.
choose_compiler() {
    local library=lib/rustlib/src/rust/library sysroot toolchain=$PWD/target/debian-rust-src
    build_std=()
    [ "$1" != thread ] || build_std=(-Zbuild-std)
    rustc=(rustc +nightly)
    cargo=(cargo +nightly)
    sysroot=$("${rustc[@]}" --print sysroot 2>/dev/null || true)
    if [ ! -d "$sysroot" ] || { [ "$1" = thread ] && [ ! -d "$sysroot/$library" ]; }; then
        if ! debian_rust "" "$toolchain" src || [ ! -x "$toolchain/rustc" ]; then
            echo "sanitizers: $1: no nightly with the sources of the standard library here;" \
                "try: rustup toolchain install nightly --component rust-src" >&2
            exit 2
        fi
        rustc=("$toolchain/rustc")
        cargo=(env "RUSTC=$toolchain/rustc" RUSTC_BOOTSTRAP=1 cargo)
    fi
    version=$("${rustc[@]}" --version)
    host=$("${rustc[@]}" -vV | sed -n 's/^host: //p')
    find_runtime "$1"
}

# Debian's compiler comes without the sanitizers' runtime libraries. Those of a rustup toolchain fit if both
# have the same LLVM.
find_runtime() {
    local short=${1:0:1}san libraries runtime other sysroot
    libraries=$("${rustc[@]}" --print target-libdir)
    compgen -G "$libraries/librustc-*_rt.$short.a" >/dev/null && return
    runtime=$libraries/librustc-stable_rt.$short.a
    for other in stable nightly; do
        sysroot=$(rustc "+$other" --print sysroot 2>/dev/null) || continue
        [ "$(llvm rustc "+$other")" = "$(llvm "${rustc[@]}")" ] || continue
        ln -sf "$sysroot/lib/rustlib/$host/lib/librustc-${other}_rt.$short.a" "$runtime"
        [ ! -f "$runtime" ] || return 0
    done
    echo "sanitizers: $1: no runtime library that fits $version;" \
        "try: rustup toolchain install nightly --component rust-src" >&2
    exit 2
}

# The major version of a compiler's LLVM.
llvm() {
    "$@" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p'
}

# Runs cargo with a sanitizer.
with() {
    local sanitizer=$1 subcommand=$2
    shift 2
    RUSTFLAGS="-Zsanitizer=$sanitizer" "${cargo[@]}" "$subcommand" --quiet "${build_std[@]}" --target "$host" "$@"
}

# The planted bug has to be reported, as what it is.
find_planted() {
    local sanitizer=$1 bug=$2 report=$3 output
    with "$sanitizer" build --manifest-path tests/planted/Cargo.toml
    output=$("$CARGO_TARGET_DIR/$host/debug/planted" "$bug" 2>&1) || true
    if ! grep -q "$report" <<<"$output"; then
        printf 'sanitizers: %s: FAILED: the planted %s is not reported:\n%s\n' "$sanitizer" "$bug" "$output" >&2
        exit 1
    fi
}

# ThreadSanitizer has a stack of its own for the calls of each thread, 65,536 deep, and does not survive a
# deeper one. So nothing can be said of these, where a million destructors nest.
too_deep=(--skip deep:: --skip a_chain_that_is_too_deep_for_any_stack --skip a_long_chain_is_dropped_on_a_small_stack
    --skip chains_of_values_of_any_size)

# AddressSanitizer does not know the stack of a coroutine, and keeps memory back that was freed, so that it is not given out
# again at once.
not_for_address=(--skip on_the_stack_of_a_coroutine --skip a_destructor_that_panics_gives_the_slot_back)

run() {
    local sanitizer=$1 example name round skip=()
    choose_compiler "$sanitizer"
    case $sanitizer in
        thread) find_planted thread race "WARNING: ThreadSanitizer: data race" ;;
        address) find_planted address use_after_free "ERROR: AddressSanitizer: heap-use-after-free" ;;
        leak) find_planted leak leak "ERROR: LeakSanitizer: detected memory leaks" ;;
    esac
    case $sanitizer in
        thread) skip=("${too_deep[@]}") ;;
        address) skip=("${not_for_address[@]}") ;;
    esac
    with "$sanitizer" test --manifest-path "$package/Cargo.toml" "${tests[@]}" -- "${skip[@]}"
    with "$sanitizer" test --manifest-path "$package/Cargo.toml" "${track[@]}" -- "${skip[@]}"
    for ((round = 1; round < repeat; round++)); do
        with "$sanitizer" test --manifest-path "$package/Cargo.toml" "${random[@]/#/--test=}" -- "${skip[@]}"
    done
    for example in "${examples[@]}"; do
        # shellcheck disable=SC2086 # a name and its arguments
        set -- $example
        name=$1
        shift
        with "$sanitizer" run --manifest-path "$package/Cargo.toml" --example "$name" -- "$@" >/dev/null
    done
    echo "sanitizers: $sanitizer: finds the planted bug, and nothing in $((${#tests[@]} / 2 + 2)) test targets" \
        "and ${#examples[@]} runs of examples ($version)"
}

[ $# -gt 0 ] || set -- thread address leak
for sanitizer; do
    if [[ ! $sanitizer =~ ^(thread|address|leak)$ ]]; then
        echo "usage: scripts/sanitizers.sh [thread] [address] [leak]" >&2
        exit 2
    fi
done
for sanitizer; do
    trap 'echo "sanitizers: $sanitizer: FAILED, see above" >&2' ERR
    run "$sanitizer"
done
