#!/usr/bin/env python3
"""Proves every protocol in steps/ for any number of threads, and finds a run forevery wrong variant.

    proofs/check.py            proves, searches, and compares the runs with runs.md
    proofs/check.py --write    the same, and renews runs.md

Needs z3 (pip install z3-solver). Exit code: 0; 1 if something does not hold or runs.md is not up to date; 2 if z3
is not there.

How a claim is proven for all threads and all runs at once: z3 is asked for a state that satisfies the invariant, and
a step from it to a state that does not. It answers that there is none. So the invariant, which holds at the start,
holds forever; and a second question of the same kind shows that it implies the claim.

How a wrong variant is refuted: all interleavings of a few threads are tried, the short ones first, until a claim is
broken. The run that led there is the proof that the variant is wrong.
"""

import argparse
import sys
import time

try:
    import z3
except ImportError:
    print("proofs: z3 is not there; try: pip install z3-solver", file=sys.stderr)
    sys.exit(2)

import table
from table import Table

RUNS = table.FOLDER.parent / "runs.md"
# What a search may have at most: references, lookups and other threads that are in no put, and puts.
LIMIT = {"references": 3, "others": 2, "puts": 4}


class Report:
    def __init__(self):
        self.good = True

    def line(self, holds, text):
        self.good &= holds
        print(f"  {'proven' if holds else 'FAILS '}  {text}")


def is_valid(claim, *given):
    """Whether `claim` holds in every state in which all of `given` hold."""
    solver = z3.Solver()
    solver.add(*given, z3.Not(claim))
    return solver.check() == z3.unsat


def is_possible(*given):
    solver = z3.Solver()
    solver.add(*given)
    return solver.check() == z3.sat


def prove(protocol, report):
    """Proves the claims of a table."""
    print(f"{protocol.title}\n  {protocol.line}")
    now, then = protocol.unknown_state(), protocol.unknown_state("'")
    steps = list(protocol.step_formulas(now, then))

    def invariant(state):
        return [protocol.built_in_invariant(state)] + [protocol.formula(c, state) for _, c in protocol.invariant_parts()]

    holds_now, holds_then = invariant(now), invariant(then)
    parts = ["no number is negative, the lock excludes, puts have made the decrements of their places"]
    parts += [says for says, _ in protocol.invariant_parts()]

    at_start = [now[key] == value for key, value in protocol.start().items() if key not in protocol.any_at_start]
    at_start += [protocol.formula(condition, now) for condition in protocol.any_at_start.values()]
    report.line(is_valid(z3.And(holds_now), *at_start), "the invariant holds at the start")
    kept = True
    for name, formula in steps:
        if is_valid(z3.And(holds_then), formula, *holds_now):
            continue
        kept = False
        for says, claim in zip(parts, holds_then):
            if not is_valid(claim, formula, *holds_now):
                print(f"          the step '{name}' breaks: {says}")
    report.line(kept, f"each of the {len(protocol.steps)} steps keeps the invariant")
    # A table whose invariant forbids a step would prove nothing about that step.
    possible = {name for name, formula in steps if is_possible(formula, *holds_now)}
    never = [step["name"] for step in protocol.steps if step["name"] not in possible]
    report.line(not never, f"each step can happen{'' if not never else ': not ' + ', '.join(never)}")
    if protocol.puts:
        nobody = z3.And([now[key] == 0 for key in protocol.wrong_puts()])
        report.line(is_valid(nobody, *holds_now), protocol.puts_claim())
    for claim in protocol.properties:
        report.line(is_valid(protocol.formula(claim["holds"], now), *holds_now), claim["says"])
    for claim in protocol.transitions:
        formula = z3.Implies(
            z3.And(protocol.formula(claim["before"], now), protocol.formula(claim["after"], then)),
            protocol.formula(claim["then"], then),
        )
        report.line(all(is_valid(formula, step, *holds_now) for _, step in steps), claim["says"])


def broken_claims(protocol, state, names):
    broken = [protocol.puts_claim()] if any(state[key] for key in protocol.wrong_puts()) else []
    return broken + [c["says"] for c in protocol.properties if not protocol.value(c["holds"], names)]


def search(protocol):
    """Tries all interleavings of a few threads. Returns (states seen, claims broken, the run that broke them)."""
    limit = LIMIT | protocol.limit
    where = limit.get("where", "true")  # for variables that could grow forever
    puts = [k for p in protocol.places if protocol.is_put(p) for k in protocol.keys_of(p)]
    others = [(p, 0) for p, a in protocol.places.items() if not protocol.is_put(p) and not a.get("start")]

    def is_small(state, names):
        return (
            names["refs"] <= limit["references"]
            and sum(state[k] for k in puts) <= limit["puts"]
            and sum(state[k] for k in others) <= limit["others"]
            and protocol.value(where, names)
        )

    start = protocol.start()
    seen, todo = {tuple(start.values()): None}, [start]
    for state in todo:
        names = protocol.names_in(state)
        broken = broken_claims(protocol, state, names)
        if broken:
            run = []
            while before := seen[tuple(state.values())]:
                name, earlier = before
                run.insert(0, (name, state))
                state = earlier
            return len(seen), broken, run
        for name, after in protocol.next_states(state, names):
            key = tuple(after.values())
            if key not in seen and is_small(after, protocol.names_in(after)):
                seen[key] = (name, state)
                todo.append(after)
    return len(seen), [], []


def show(protocol, broken, run):
    """The lines of a run, as a table: the step, and the variables after it."""
    shown = [v for v in protocol.variables if v not in ("backs", "seconds")]
    yield "| step | " + " | ".join(shown) + " |"
    yield "|---|" + "---|" * len(shown)
    for name, state in run:
        yield f"| {name} | " + " | ".join(str(state[v]).lower() for v in shown) + " |"
    yield ""
    yield "Broken: " + "; ".join(broken) + "."


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true", help="renew runs.md")
    options.add_argument("only", nargs="*", help="only these protocols")
    options = options.parse_args()
    began, report = time.time(), Report()
    names = options.only or sorted(path.stem for path in table.FOLDER.glob("*.toml"))
    page = [
        "# Wrong variants, and the runs that refute them",
        "",
        "Written by `proofs/check.py --write` from the tables in `steps/`. Each run is a shortest one.",
    ]
    for name in names:
        protocol = Table(name)
        prove(protocol, report)
        states, broken, run = search(protocol)
        report.good &= not broken
        print(f"  tried   {states} states of few threads: {'nothing wrong' if not broken else broken}")
        for line in show(protocol, broken, run) if broken else []:
            print("          " + line)
        page += ["", f"## {protocol.title}"]
        for entry in protocol.wrong:
            variant = Table(name, entry)
            states, broken, run = search(variant)
            report.good &= bool(broken)
            print(f"  {'wrong ' if broken else 'NO RUN'}  {entry['name']}" + (f": {len(run)} steps" if broken else f" in {states} states"))
            page += ["", f"### {entry['name'][0].upper()}{entry['name'][1:]}", "", *show(variant, broken, run)]
    page = "\n".join(page) + "\n"
    if options.write:
        RUNS.write_text(page)
    elif not options.only and (not RUNS.exists() or RUNS.read_text() != page):
        print("runs.md is not up to date: proofs/check.py --write")
        report.good = False
    print(f"{'All holds' if report.good else 'NOT all holds'}, after {time.time() - began:.0f} s.")
    sys.exit(0 if report.good else 1)


if __name__ == "__main__":
    main()
