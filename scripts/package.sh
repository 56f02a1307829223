#!/bin/bash
# Checks what would be published: it is complete, as it builds and documents itself on its own; it has
# what it must have and nothing that only developers need; and it is small. Prints the list.
set -Eeuo pipefail
cd "$(dirname "$0")/.."

largest=450 # KiB, compressed

trap 'echo "package: FAILED" >&2' ERR
fail() {
    echo "package: $*" >&2
    exit 1
}

# The work tree may have changes: a person runs this before the commit.
list=$(cargo package --quiet --allow-dirty --list)
echo "$list"

for file in Cargo.toml README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE src/lib.rs; do
    grep -qxF "$file" <<<"$list" || fail "$file is missing"
done
if grep -E '^(xtask|fuzz|scripts|target|\.ci|\.github|benches/peers)/|(^|/)(corpus|artifacts)/' <<<"$list"; then
    fail "the files above are not for users"
fi

# Unpacks and builds it.
cargo package --quiet --allow-dirty
version=$(sed -n 's/^version = "\(.*\)"/\1/p;T;q' Cargo.toml)
RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps --all-features --target-dir target/package/doc \
    --manifest-path "target/package/kref-$version/Cargo.toml"

size=$(($(wc -c <"target/package/kref-$version.crate") / 1024))
[ "$size" -le "$largest" ] || fail "$size KiB are more than $largest KiB"
echo "package: $(wc -l <<<"$list") files, $size KiB; it builds on its own, and so do its docs"
