#!/usr/bin/env python3
"""Measures how soon the fuzzer finds a bug that is planted in a copy of the crate.

    scripts/fuzz_planted.py [MUTANT [TARGET [SEEDS [SECONDS]]]]

A mutant is a rule of xtask/mutants.toml. Without arguments: memory of the registry's slots goes back to the system while objects are in
it, the target `registry`, ten seeds, a minute for each. Each run begins with nothing: the corpus of the repository finds it at once.

Exit code: 0; 1 if a seed did not find it in time; 2 if a tool is missing.
"""

import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / "target/fuzz-planted"
DEFAULTS = ["shrink-frees-what-is-in-use", "registry", "10", "60"]


def plant(name: str) -> None:
    rules = tomllib.loads((ROOT / "xtask/mutants.toml").read_text())["mutant"]
    rule = next((rule for rule in rules if rule["name"] == name), None)
    if rule is None:
        sys.exit(f"fuzz_planted: xtask/mutants.toml has no rule {name}")
    COPY.mkdir(parents=True, exist_ok=True)
    for folder in ["src", "tests", "fuzz", "benches", "examples"]:
        shutil.rmtree(COPY / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, COPY / folder, ignore=shutil.ignore_patterns("target"))
    for file in ["Cargo.toml", "Cargo.lock", "README.md"]:
        shutil.copy(ROOT / file, COPY / file)
    source = COPY / rule["file"]
    text = source.read_text()
    if text.count(rule["find"]) != 1:
        sys.exit(f"fuzz_planted: {rule['file']} does not have the text of {name} once")
    source.write_text(text.replace(rule["find"], rule["replace"]))


def main() -> int:
    name, target, seeds, seconds = sys.argv[1:] + DEFAULTS[len(sys.argv) - 1 :]
    if subprocess.run(["cargo", "fuzz", "--version"], capture_output=True).returncode != 0:
        print("fuzz_planted: cargo-fuzz is missing; try: cargo install cargo-fuzz", file=sys.stderr)
        return 2
    plant(name)
    subprocess.run(["cargo", "+nightly", "fuzz", "build", target], cwd=COPY, check=True)
    late = 0
    for seed in range(1, int(seeds) + 1):
        start = time.monotonic()
        # Emptied for each seed, as the fuzzer adds what it finds.
        new = COPY / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        run = subprocess.run(
            ["cargo", "+nightly", "fuzz", "run", target, str(new), "--"]
            + [f"-seed={seed}", f"-max_total_time={seconds}", "-max_len=1501", "-len_control=0"]
            # The bug may be an endless loop, which the fuzzer would take for one after 20 minutes only.
            + ["-timeout=10"],
            cwd=COPY,
            capture_output=True,
            text=True,
        )
        took = time.monotonic() - start
        # What the sanitizer and the fuzzer say of a bug. A run that fails for another reason has found none.
        is_found = "ERROR: " in run.stderr
        if not is_found and run.returncode != 0:
            sys.exit(f"fuzz_planted: the fuzzer does not run:\n{run.stderr}")
        if not is_found or took > float(seconds):
            late += 1
        told = f"found in {took:.0f} seconds" if is_found else f"nothing in {seconds} seconds"
        print(f"seed {seed}: {told}", flush=True)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
