#!/usr/bin/env python3
"""Looks for phrases that make the prose hard to read, in the Markdown files and in the comments of the sources.

Usage: scripts/prose.py [FILE ...]     all files of the repository without arguments
Prints each place with what to write instead. Exit code 1 if there is one.

A line that needs such a phrase ends with `<!-- prose -->` in Markdown, or `// prose` in a comment.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What to look for, and what to write instead. Case does not matter, except where the pattern says so.
PATTERNS = [
    (r"\b(he|him|his|himself|she|her)\b", "a thread is `it`; the reader is `you`"),
    (r"(?-i:(^|[.:;] )Who [a-z]+s\b)", "name the subject: `a caller that ...`, `a thread that ...`"),
    (r"\bwho (does|loses|finds|drops|has|takes|waits|sees|comes|needs|calls|is)\b(?! to)(?!.*\?)", "name the subject: `a thread that ...`"),
    (r"\bby who\b", "name the subject: `by the thread that ...`"),
    (r"\bwhoever\b", "name the subject: `the thread that ...`, `any caller that ...`"),
    (r"\bbesides?\b", "say which is meant: `concurrently with`, `compared with`, `also`, `except`, `next to`"),
    (r"\bfor ever\b", "`forever` or `permanently`"),
    (r"\bmeanwhile\b", "`concurrently` or `in between`"),
    (r"\bby way of\b", "`through`"),
    (r"\bin the open\b", "`by hand`"),
    (r"\bnot in a constant\b", "`not const`"),
    (r"\b(nothing|nobody|none|no one) but\b", "`only`"),
    (r"\bowes?\b", "`must uphold`"),
    (r"\bto be had\b", "`available`"),
    (r"\b(finder|putter)s?\b", "`reader`, `lookup`; `the thread that drops`"),
    (r"\bpinned to\b", "`set to`: `Pin` is something else in Rust"),
    (r"\b(is|it is|are) none\b", "say what is returned, or what does not exist"),
    (r"\bsuch as it is\b|\bso to say\b|\bas it were\b", "leave it out"),
    (r"\blets? go\b", "`drops its reference`"),
    (r"\bin (his|its) turn\b", "leave it out, or say in which order"),
    (r"\bamong them\b", "say what is included"),
    (r"\blook-ups?\b", "`lookup`"),
    (r"\b(thread|caller|put|call) gets through\b", "`makes progress`"),
    (r"\baway with\b", "`remove`"),
    (r"\bbehind (the|its|an) (unlock|value|destructor|critical section|store|outcome|drop)\b", "of time it is `after`"),
    (r"\bits own affair\b", "say whose decision it is"),
    (r"\bto no end\b|\bin vain\b", "say what does not happen"),
    (r"^ *<!--f:", "a line that begins with a mark is a block of HTML, in which no Markdown works: put a word in front"),
]
PATTERNS = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in PATTERNS]

# Written by a tool, or not in our words.
LEFT_OUT = re.compile(r"^(LICENSE|docs/(orderings|scoreboard|public-api)|.*Cargo\.lock|fuzz/corpus/)")
COMMENT = {".rs": "//", ".toml": "#", ".sh": "#", ".py": "#", ".yml": "#"}
ALLOWED = re.compile(r"(<!-- prose -->|// prose|# prose)$")


def prose(path, text):
    """The lines of a file that are prose: all of Markdown but its code, and the comments of a source."""
    sign = COMMENT.get(path.suffix)
    in_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if sign is not None:
            if not line.lstrip().startswith(sign):
                continue
            line = line.lstrip().lstrip("/#!")
        if line.lstrip().startswith("```"):
            in_code = not in_code
        elif not in_code:
            yield number, re.sub(r"`[^`]*`", "``", line)


def files(arguments):
    if arguments:
        return [Path(argument).resolve() for argument in arguments]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = [name for name in listed.stdout.split("\n") if name and not LEFT_OUT.match(name)]
    return [ROOT / name for name in names if Path(name).suffix in {".md", *COMMENT}]


def main():
    found = 0
    for path in files(sys.argv[1:]):
        if path == Path(__file__).resolve() or not path.exists():
            continue
        for number, line in prose(path, path.read_text(encoding="utf-8")):
            if ALLOWED.search(line):
                continue
            for pattern, instead in PATTERNS:
                for match in pattern.finditer(line):
                    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
                    print(f"{name}:{number}: `{match.group().strip()}`: {instead}")
                    found += 1
    print(f"{found} places" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
