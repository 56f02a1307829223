#!/usr/bin/env python3
"""Checks links: those of the Markdown files and those of the rendered docs.

A relative link leads to a file that is there, with an anchor that is there. A link to this crate's
pages on docs.rs leads to a page, and an anchor, that `cargo doc` makes; one to its sources there, to a file of
the package. Others are only looked at: they are https, and well-formed. Nothing is fetched.

The README is also shown where its neighbours are not: on crates.io, and on docs.rs. So it has no relative links.
"""

import html
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
DOC = ROOT / "target" / "doc"
README = ROOT / "README.md"
OWN_DOCS = re.compile(r"https://docs\.rs/kref/latest/(.*)")
OWN_SOURCES = re.compile(r"https://docs\.rs/crate/kref/latest/source/(.*)")

problems = []


@cache
def anchors(path):
    """The anchors of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return set(map(html.unescape, re.findall(r'\s(?:id|name)="([^"]*)"', text)))
    headings = re.findall(r"^#+ +(.*?) *#*$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def package():
    """The files of the package."""
    command = ["cargo", "package", "--quiet", "--allow-dirty", "--list"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return set(listed.stdout.splitlines())


def without_code(text):
    """Markdown without blocks of code, and without what stands in backquotes."""
    text = re.sub(r"^( *)(```+|~~~+).*?^\1\2", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"(`+)[^`].*?\1", "code", text)


def check(page, link):
    """Checks one link of a page."""
    where = f"{page.relative_to(ROOT)}: {link}"
    source = OWN_SOURCES.fullmatch(link)
    if source:
        if source[1] not in package():
            problems.append(f"{where} is not in the package")
        return
    own = OWN_DOCS.fullmatch(link)
    if own:
        page, link = DOC / "index.html", own[1]
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        if parts.scheme != "https" or "." not in parts.netloc or re.search(r"\s", link):
            problems.append(f"{where} is no https address")
        return
    if page == README:
        problems.append(f"{where} is relative: it leads nowhere on crates.io")
        return
    target = page.parent / unquote(parts.path) if parts.path else page
    if target.is_dir() and page.suffix == ".html":
        target /= "index.html"
    if not target.exists():
        problems.append(f"{where} leads nowhere")
    elif parts.fragment and target.suffix in (".html", ".md") and "/src/" not in str(target):
        if not {parts.fragment, unquote(parts.fragment)} & anchors(target):
            problems.append(f"{where}: there is no such anchor")


def markdown_links(text):
    """The targets of the links of a Markdown file, and the references that nothing defines."""
    text = without_code(text)
    yield from re.findall(r"\]\(<?([^)\s>]+)", text)
    yield from re.findall(r"^ *\[[^\]]+\]: *<?([^\s>]+)", text, re.MULTILINE)
    yield from re.findall(r'(?:src|srcset|href)="([^"]+)"', text)


def main():
    command = ["cargo", "doc", "--quiet", "--no-deps", "--all-features"]
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except FileNotFoundError:
        sys.exit("links: cargo is missing")
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    markdown = [ROOT / name for name in listed.stdout.splitlines()]
    pages = [page for page in sorted((DOC / "kref").rglob("*.html"))]
    links = 0
    for page in markdown:
        for link in markdown_links(page.read_text(encoding="utf-8")):
            links += 1
            check(page, link)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        # Not what rustdoc puts around every page.
        body = text[text.find("<main") :]
        # What other crates implement for every type comes with their links, for their pages.
        body = body.partition('id="blanket-implementations"')[0]
        for link in set(re.findall(r'<(?:a|img)\s[^>]*?(?:href|src)="([^"]+)"', body)):
            links += 1
            check(page, html.unescape(link))
    for problem in problems:
        print(f"links: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    print(f"links: {links} links on {len(markdown)} + {len(pages)} pages")


main()
