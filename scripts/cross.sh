#!/bin/bash
# Runs the tests on other processors:
#
#     scripts/cross.sh i686       32-bit pointers and sizes; runs as it is on x86-64
#     scripts/cross.sh aarch64    another instruction set, under qemu: what the compiler makes of the
#                                 code, not how weakly a real processor may order memory
#     scripts/cross.sh i686 --test registry    those of some tests only: options of `cargo test`
#
# Without options: all tests but the models, which are about no processor.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. scripts/debian_rust.sh

need() {
    if ! command -v "$1" >/dev/null; then
        echo "cross: $1 is missing; try: apt-get install $2" >&2
        exit 2
    fi
}

case ${1-} in
i686)
    need i686-linux-gnu-gcc "gcc-i686-linux-gnu libc6-dev-i386-cross"
    need /lib/ld-linux.so.2 "libc6-i386 lib32gcc-s1"
    export CARGO_TARGET_I686_UNKNOWN_LINUX_GNU_LINKER=i686-linux-gnu-gcc
    arguments=()
    ;;
aarch64)
    need aarch64-linux-gnu-gcc "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    need qemu-aarch64 qemu-user
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    # These start themselves once more, which they cannot under an emulator.
    arguments=(--skip default_hook)
    ;;
*)
    echo "usage: scripts/cross.sh i686|aarch64 [OPTIONS OF cargo test]" >&2
    exit 2
    ;;
esac
target=$1-unknown-linux-gnu
shift

# A toolchain that has the standard library for the target, or one that can build it.
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    cargo=(cargo test)
else
    cargo_with_sources cross "rustup target add $target"
    cargo=("${cargo[@]}" test -Zbuild-std)
fi

if [ $# = 0 ]; then
    set -- --lib
    for test in tests/*.rs tests/*/main.rs; do
        name=${test#tests/}
        name=${name%.rs}
        name=${name%/main}
        # Models have threads of their own kind; `codegen` is about one processor's instructions.
        if [ "$name" != codegen ] && ! grep -qrE '\b(loom|shuttle)::' "${test%/main.rs}"; then
            set -- "$@" --test "$name"
        fi
    done
fi

"${cargo[@]}" --quiet --all-features --target "$target" --target-dir target/cross "$@" \
    -- "${arguments[@]}"
echo "cross: the tests pass on $target"
