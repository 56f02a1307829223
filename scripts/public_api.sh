#!/bin/bash
# Compares the public API with docs/public-api.txt. A line that is new is an addition; one that is gone
# or changed breaks somebody's program. If the change is meant, renew the file and commit it with the change:
#
#     scripts/public_api.sh --renew
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo public-api --version >/dev/null 2>&1; then
    echo "public_api: cargo-public-api is missing; try: cargo install cargo-public-api" >&2
    exit 2
fi
if ! rustc +nightly --version >/dev/null 2>&1; then
    echo "public_api: it reads rustdoc's JSON; try: rustup toolchain install nightly --profile minimal" >&2
    exit 2
fi

# Without what every type implements by itself, or derives.
now=target/public-api.txt
mkdir -p target
cargo +nightly public-api --all-features --simplified --simplified >"$now"
if [ "${1-}" = --renew ]; then
    cp "$now" docs/public-api.txt
fi
if [ ! -e docs/public-api.txt ]; then
    echo "public_api: there is nothing to compare with yet; try: scripts/public_api.sh --renew" >&2
    exit 2
fi
if ! diff --unified=0 docs/public-api.txt "$now"; then
    echo "public_api: the public API has changed; if that is meant: scripts/public_api.sh --renew" >&2
    exit 1
fi
echo "public_api: $(wc -l <"$now") lines, as in docs/public-api.txt"
