"""What tests read out of Markdown pages: code blocks, links, anchors."""

import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["anchors", "blocks", "languages", "links"]

FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)
NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of this language, in order."""
    return [code for kind, code in FENCE.findall(page.read_text()) if kind == language]


def languages(page: Path) -> set[str]:
    """Of all code blocks; directives of the site, such as `{toctree}`, are none."""
    return {kind for kind, _ in FENCE.findall(page.read_text()) if not kind.startswith("{")}


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Path and anchor of every link that stays in the repository; either may be empty."""
    for target in LINK.findall(SPAN.sub("", FENCE.sub("", page.read_text()))):
        if "://" not in target and not target.startswith("mailto:"):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """What a `#…` can name in the page: its headings, as GitHub writes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text()))
    return {NOT_IN_ANCHORS.sub("", one.lower()).replace(" ", "-") for one in headings}
