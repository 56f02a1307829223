#!/bin/bash
# Checks that the version in Cargo.toml allows for what changed in the public API since a revision: by
# default since the last tag. What the snapshot (scripts/public_api.sh) shows, this judges.
#
#     scripts/semver.sh [REVISION]
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo semver-checks --version >/dev/null 2>&1; then
    echo "semver: cargo-semver-checks is missing; try: cargo install --locked cargo-semver-checks" >&2
    exit 2
fi
revision=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "$revision" ]; then
    echo "semver: nothing was released yet; name a revision to compare with" >&2
    exit 2
fi
cargo semver-checks --all-features --baseline-rev "$revision"
