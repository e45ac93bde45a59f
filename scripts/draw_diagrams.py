"""Draw the Mermaid blocks of the pages into docs/_diagrams, one file for each different text.

A drawing's name is worked out of its text: a changed diagram without a new drawing is found by
the build and by a test. Only those that are missing are drawn, and those of no page are removed.
Needs npm (Mermaid's own command, pinned below) and Chromium; reading and building the site do not.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["DRAWINGS", "PAGES", "drawing_of", "texts"]

PAGES = Path(__file__).resolve().parents[1] / "docs"
DRAWINGS = PAGES / "_diagrams"
BLOCK = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = "@mermaid-js/mermaid-cli@12.2.0"
SETTINGS = {
    "theme": "neutral",
    "fontFamily": "sans-serif",
    "htmlLabels": False,
    "deterministicIds": True,
    "flowchart": {"wrappingWidth": 320, "nodeSpacing": 28, "rankSpacing": 36, "padding": 10},
}
BROWSER = {
    "executablePath": os.environ.get("CHROMIUM", "/usr/bin/chromium"),
    "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
}


def texts() -> Iterator[str]:
    """The source of every diagram of every page."""
    for page in sorted(PAGES.rglob("*.md")):
        yield from BLOCK.findall(page.read_text())


def drawing_of(text: str) -> Path:
    """Where the drawing of this source is, or has to be."""
    return DRAWINGS / f"{hashlib.sha256(text.strip().encode()).hexdigest()[:12]}.svg"


def main() -> int:
    """Draw what is missing; remove what no page has any more."""
    wanted = {drawing_of(text): text for text in texts()}
    for picture, text in wanted.items():
        if not picture.exists():
            _draw(text, picture)
    for picture in set(DRAWINGS.glob("*.svg")) - wanted.keys():
        picture.unlink()
    return 0


def _draw(text: str, picture: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("diagram.mmd", "settings.json", "browser.json")]
        for file, content in zip(
            files, (text, json.dumps(SETTINGS), json.dumps(BROWSER)), strict=True
        ):
            file.write_text(content)
        source, settings, browser = map(str, files)
        options = ["-c", settings, "-p", browser, "-b", "white", "-i", source, "-o", str(picture)]
        subprocess.run(
            ["npx", "--yes", COMMAND, "--quiet", *options],
            check=True,
            env={**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"},
        )
    picture.write_text(picture.read_text().rstrip() + "\n")


if __name__ == "__main__":
    sys.exit(main())
