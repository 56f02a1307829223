#!/usr/bin/env python3
"""Draws the steps of a put, from the table that is proven, for the guide.

    proofs/figure.py            writes src/guide/how_we_know.svg
    proofs/figure.py --check    exit code 1 if that file is not what the tables say
"""

import html
import pathlib
import sys

from table import Table

FILE = pathlib.Path(__file__).resolve().parent.parent / "src/guide/how_we_know.svg"
# Which steps are drawn: those of a put, from the place of a reference up to the return.
SHOWN = {
    "put_lock": ["held", "read", "cas", "wait", "sub", "last", "taken", "unlock", "back"],
    "hand_back": ["held", "dec", "zero", "wait", "locked", "again", "last", "unlock", "back", "taken"],
}
NAME = "kref-how-we-know"
ROW, LEFT, WIDTH = 24, 12, 740
STYLE = f"""
.{NAME} .t{{font:600 13px system-ui,sans-serif;fill:currentColor}}
.{NAME} .s{{font:12px system-ui,sans-serif;fill:currentColor}}
.{NAME} .m{{font:12px ui-monospace,monospace;fill:currentColor}}
.{NAME} .h{{font:11px system-ui,sans-serif;fill:currentColor;opacity:.75}}
.{NAME} .x{{stroke:none;fill:#3b82f6;fill-opacity:.14}}
.{NAME} .d{{stroke:none;fill:#16a34a;fill-opacity:.2}}
.{NAME} .l{{stroke:currentColor;stroke-width:1;opacity:.4}}
"""


def rows(table, places):
    """The lines of a protocol: where a put is, the operation, what is there, what it becomes, where that leads."""
    for place in places:
        for step in table.steps:
            if step.get("from") != place or step.get("to") not in places + ["done", "unlink"] or step["name"] == "get":
                continue
            count = step.get("set", {}).get("count", "")
            exclusive = table.places[step["to"]].get("lock") == "exclusive" or table.places[place].get("lock") == "exclusive"
            yield place, step["event"], step.get("when", ""), count, step["to"], exclusive, bool(step.get("decrements"))


def draw():
    parts, y = [], 0

    def text(x, kind, content):
        parts.append(f'<text x="{x}" y="{y}" class="{kind}">{html.escape(content)}</text>')

    for name, places in SHOWN.items():
        table = Table(name)
        y += 30
        text(LEFT, "t", table.title)
        y += 18
        text(LEFT, "h", table.line)
        y += 22
        for x, title in zip((12, 120, 270, 400, 540), ("at", "operation", "only if", "new count", "then at")):
            text(x, "h", title)
        parts.append(f'<path d="M{LEFT},{y + 6} H{WIDTH - LEFT}" class="l"/>')
        for place, event, when, count, then, exclusive, decrements in rows(table, places):
            y += ROW
            if exclusive or decrements:
                kind = "d" if decrements else "x"
                parts.append(f'<rect x="{LEFT - 6}" y="{y - 16}" width="{WIDTH - 2 * LEFT + 12}" height="{ROW - 2}" class="{kind}"/>')
            for x, content in zip((12, 120, 270, 400, 540), (place, event, when, count, then)):
                text(x, "m", content)
        y += 8
    y += 24
    text(LEFT, "h", "Green: the successful decrement. Blue: other steps with the lock held. Drawn by proofs/figure.py from proofs/steps/*.toml.")
    height = y + 14
    described = (
        "Two tables of the steps of a put, one for put_lock and one for the hand-back: where the put is, which operation it "
        "makes, under which condition, what the count becomes, and where the put is then. Every way through the first table "
        "has one decrement. In the second, a way over the place 'again' has two."
    )
    return (
        f'<svg class="{NAME}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'style="max-width:100%;min-width:620px;height:auto" role="img" aria-label="The steps of a put">\n'
        f"<title>The steps of a put</title><desc>{described}</desc><style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    drawn = draw()
    if sys.argv[1:] == ["--check"]:
        if FILE.read_text() != drawn:
            print("src/guide/how_we_know.svg is not up to date: proofs/figure.py", file=sys.stderr)
            sys.exit(1)
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        FILE.write_text(drawn)
