#!/bin/bash
# Checks which crates a user gets: none without features, those of the list by default, and none of those
# that only an optional feature needs.
set -euo pipefail
cd "$(dirname "$0")/.."

# The normal and build dependencies for this platform, one name a line.
tree() {
    cargo tree --quiet --locked --edges normal,build --prefix none --format '{lib}' "$@" |
        sed 's/ .*//' | grep -v '^$' | sort -u | grep -vx kref || true
}

without=$(tree --no-default-features)
if [ -n "$without" ]; then
    echo "tree: without features there are dependencies:" $without >&2
    exit 1
fi

# libc maps the pages of the maps and gives them back, on Linux; parking_lot_core and stacker bring it in any case.
expected="cc cfg_if crossbeam_utils equivalent find_msvc_tools foldhash libc lock_api parking_lot_core psm
scopeguard shlex smallvec stacker"
default=$(tree)
if ! diff <(tr ' ' '\n' <<<$expected | sort) <(echo "$default") >&2; then
    echo "tree: the default dependencies are not those of the list in this script" >&2
    exit 1
fi

# What `deep` costs: a compiler for C, among others.
shallow=$(tree --no-default-features --features registry)
if grep -qx 'stacker\|psm\|cc' <<<"$shallow"; then
    echo "tree: only the feature deep may bring stacker" >&2
    exit 1
fi
echo "tree: $(wc -l <<<"$default") crates by default, $(wc -l <<<"$shallow") without deep, none without features"
