#!/bin/bash
# Checks the spelling of whatever is in the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v codespell >/dev/null; then
    echo "spelling: codespell is missing; try: pip install codespell" >&2
    exit 2
fi
git ls-files -z ':!fuzz/corpus' | xargs -0 codespell
echo "spelling: nothing wrong"
