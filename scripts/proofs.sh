#!/usr/bin/env bash
# Checks the proofs in proofs/: the tables of steps by z3, and the Coq proofs by coqc.
#
#     scripts/proofs.sh [steps] [coq]      without a name: both
#
# steps: every protocol is proven for any number of threads, every wrong variant has a run, and runs.md and the figure
# are up to date. coq: the theorems hold, and rest on no axiom.
#
# Exit code: 0; 1 if something does not hold; 2 if a tool is missing.
set -Eeuo pipefail
cd "$(dirname "$0")/../proofs"

missing() {
    echo "proofs: $1 is not there; try: $2" >&2
    exit 2
}

steps() {
    command -v python3 >/dev/null || missing python3 "apt-get install python3"
    python3 -c 'import tomllib' 2>/dev/null || missing "Python 3.11 or later" "apt-get install python3"
    python3 -c 'import z3' 2>/dev/null || missing z3 "pip install z3-solver"
    python3 check.py
    python3 figure.py --check
}

coq() {
    local package="apt-get install coq libcoq-iris" files=(references rwlock index put_lock hand_back stuck theorems)
    command -v coqc >/dev/null || missing coq "$package"
    # A proof that is left open, or something that is assumed, in any of Coq's words for it.
    if grep -nwE 'Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Abort|bypass_check|Unset' iris/*.v; then
        echo "proofs: not proven" >&2
        exit 1
    fi
    # In a folder of its own, so that what is checked is compiled from these files.
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    cp iris/*.v "$build"
    cd "$build"
    echo 'From iris.heap_lang Require Import proofmode.' >iris_is_there.v
    coqc -w -all iris_is_there.v >/dev/null 2>&1 || missing "Iris for Coq" "$package"
    rm iris_is_there.*
    [ "$(ls ./*.v | wc -l)" = ${#files[@]} ] || { echo "proofs: a file is not in the list of this script" >&2; exit 1; }
    for file in "${files[@]}"; do
        echo "coqc $file.v"
        coqc -w -all -Q . proofs "$file.v"
    done | tee output
    # Each theorem is followed by `Print Assumptions`, which answers with this line or with what is assumed.
    local theorems closed
    theorems=$(cat ./*.v | grep -c '^Print Assumptions')
    closed=$(grep -cx 'Closed under the global context' output || true)
    if [ "$theorems" = 0 ] || [ "$closed" != "$theorems" ] || grep -q '^Axioms:' output; then
        echo "proofs: $closed of $theorems theorems rest on no axiom" >&2
        exit 1
    fi
    echo "$theorems theorems, and no axiom."
}

[ $# -gt 0 ] || set -- steps coq
for part in "$@"; do
    case $part in
        steps | coq) ("$part") ;;
        *) echo "usage: scripts/proofs.sh [steps] [coq]" >&2; exit 1 ;;
    esac
done
