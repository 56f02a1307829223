#!/bin/bash
# Checks the machine code for aarch64, with its atomic instructions (LSE) and with loops of exclusive loads and
# stores: `cargo test --test codegen` over assembly that is made here. Ends with 2 if no standard library for
# aarch64 is available.
#
#   scripts/codegen.sh [DIRECTORY]      for files that are kept; target/codegen by default
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. scripts/debian_rust.sh

target=aarch64-unknown-linux-gnu
directory=$(mkdir -p "${1:-target/codegen}" && cd "${1:-target/codegen}" && pwd)

# debian_std TOOLCHAIN: adds the standard library for aarch64 to an unpacked compiler of Debian's, from
# the package of the same version for the other architecture; apt's own state is left alone.
debian_std() {
    local toolchain=$1 version series state package
    version=$(apt-cache madison rustc-web | awk 'NR == 1 { print $3 }')
    series=$("$toolchain/rustc" --version | cut -d' ' -f2)
    [[ $version == "$series"* ]] || return
    state=$directory/apt
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    package=libstd-rust-web-dev=$version
    (
        cd "$state" || exit
        options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64
            -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o APT::Sandbox::User=root)
        apt-get "${options[@]}" update >&2 || exit
        apt-get "${options[@]}" download "$package" >&2 || exit
        dpkg -x libstd-rust-web-dev_*_arm64.deb "$toolchain"
    )
}

std_of() { echo "$("$1" --print sysroot 2>/dev/null)/lib/rustlib/$target/lib"; }

if [ ! -d "$(std_of "${RUSTC:-rustc}")" ]; then
    toolchain=$directory/debian-rust
    if [ ! -d "$toolchain/usr/lib/rustlib/$target" ]; then
        if ! { debian_rust "" "$toolchain" && debian_std "$toolchain"; } || [ ! -d "$(std_of "$toolchain/rustc")" ]; then
            echo "codegen: no standard library for $target here; try: rustup target add $target" >&2
            exit 2
        fi
    fi
    export RUSTC=$toolchain/rustc
fi

# Nothing is linked, so the little assembly that a dependency brings may be missing: instead of a
# C compiler for aarch64, which few have, something that makes empty files.
compiler=$directory/no-compiler
cat >"$compiler" <<'STUB'
#!/bin/sh
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then : >"$2"; fi
    shift
done
STUB
chmod +x "$compiler"
export CC_aarch64_unknown_linux_gnu=$compiler AR_aarch64_unknown_linux_gnu=ar

# assembly NAME FEATURES: compiles the crate and tests/codegen/probe.rs.
assembly() {
    local flags="-C target-feature=$2" build=$directory/$1
    RUSTFLAGS=$flags cargo build --quiet --release --lib --target $target --target-dir "$build"
    # shellcheck disable=SC2086 # a list of words
    "${RUSTC:-rustc}" --edition 2024 --emit asm -C opt-level=3 -C codegen-units=1 $flags --target $target \
        --extern "kref=$build/$target/release/libkref.rlib" \
        -L "dependency=$build/$target/release/deps" -L "dependency=$build/release/deps" \
        -o "$directory/$1.s" tests/codegen/probe.rs
}
assembly lse +lse
# Without calls of a library that chooses one of the two at run time.
assembly exclusive -lse,-outline-atomics

unset RUSTC
KREF_ASSEMBLY=$directory/lse.s:$directory/exclusive.s cargo test --quiet --test codegen
