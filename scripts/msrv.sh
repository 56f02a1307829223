#!/bin/bash
# Checks the library with the oldest compiler that Cargo.toml promises, with every
# feature. The dev-dependencies need newer compilers, so they are left out.
set -Eeuo pipefail
cd "$(dirname "$0")/.."
. scripts/debian_rust.sh

msrv=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

if rustup run "$msrv" rustc --version >/dev/null 2>&1; then
    unset RUSTC
    cargo=(rustup run "$msrv" cargo)
    version=$(rustup run "$msrv" rustc --version)
else
    toolchain=$PWD/target/debian-rust-$msrv
    if ! debian_rust "$msrv." "$toolchain" || [ ! -x "$toolchain/rustc" ]; then
        echo "msrv: no Rust $msrv here; try: rustup toolchain install $msrv --profile minimal" >&2
        exit 2
    fi
    export RUSTC=$toolchain/rustc
    cargo=(cargo)
    version=$("$RUSTC" --version)
fi

# The package without what only its developers need. Unchanged files keep their time, so that a
# second run has nothing to do.
package=target/msrv
mkdir -p "$package"
ln -sfn ../../src "$package/src"
ln -sfn ../../README.md "$package/README.md"
awk '
    /^\[/ { keep = !/^\[(dev-dependencies|\[bench\]|\[test\]|\[example\]|profile)/ }
    keep
    END { print "\n[workspace]" }
' Cargo.toml >"$package/Cargo.toml.new"
cmp -s "$package/Cargo.toml.new" "$package/Cargo.toml" || cp "$package/Cargo.toml.new" "$package/Cargo.toml"
# The versions that are known to work: some dependencies do not declare which compiler they need.
cp Cargo.lock "$package/Cargo.lock"

trap 'echo "msrv: FAILED: the library does not build with $version" >&2' ERR
sets=("" alloc std deep lock_api registry "alloc,lock_api" "std,lock_api" "registry,lock_api" "registry,deep"
    arc-swap portable-atomic serde stable_deref_trait
    "registry,deep,arc-swap,portable-atomic,serde,stable_deref_trait")
for features in "${sets[@]}"; do
    "${cargo[@]}" check --quiet --lib --manifest-path "$package/Cargo.toml" \
        --no-default-features --features "$features"
done
echo "msrv: the library builds with $version, in ${#sets[@]} sets of features"
