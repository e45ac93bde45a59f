"""The site: it builds without a warning, asks nobody else for anything, and shows every page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.draw_diagrams import DRAWINGS, PAGES, drawing_of, texts

ROOT = PAGES.parent
LOADED = re.compile(
    r"""<(?:script|img|iframe|source|embed|link|audio|video|object)\b[^>]*?
    \b(?:src|href|data|srcset)=["'](?:https?:)?//[^"']+ | url\(\s*["']?(?:https?:)?//[^)]+
    | @import\s+["'](?:https?:)?//[^"']+ | (?:fetch|import|importScripts)\(\s*["']https?:[^"']+
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What a browser would get from another host on its own; links that a person follows are not."""


def build(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """What `make docs` runs, into another folder."""
    settings = ["-q", "-W", "--keep-going", "-c", str(PAGES), "-d", str(out / "doctrees")]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *settings, str(source), str(out / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning fails it."""
    out = tmp_path_factory.mktemp("site")
    ran = build(PAGES, out)

    assert ran.returncode == 0, ran.stderr
    return out / "site"


def test_every_page_is_in_the_site(site: Path) -> None:
    """And each can be reached from the first one's navigation."""
    pages = {page.relative_to(PAGES).with_suffix(".html") for page in PAGES.rglob("*.md")}
    shown = set(re.findall(r'href="([\w./-]+\.html)', (site / "index.html").read_text()))

    assert {page for page in pages if not (site / page).exists()} == set()
    assert {str(page) for page in pages} - shown == {"index.html"}


def test_the_site_asks_nobody_else_for_anything(site: Path) -> None:
    """No font, script, style or picture comes from another host."""
    files = [file for file in site.rglob("*") if file.suffix in (".html", ".css", ".js", ".svg")]
    found = {str(file.relative_to(site)): LOADED.findall(_text(file)) for file in files}

    assert len(files) > 10
    assert {name: loads for name, loads in found.items() if loads} == {}


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://cdn.example/x.js"></script>',
        "<link rel='stylesheet' href='//fonts.example/css'>",
        "a { background: url(https://pictures.example/a.png) }",
        '@import "https://fonts.example/css";',
        'import("https://cdn.example/mermaid.mjs")',
    ],
)
def test_a_request_to_another_host_is_found(text: str) -> None:
    """The test above can fail."""
    assert LOADED.search(text)


def test_every_diagram_is_drawn_and_no_other() -> None:
    """`make diagrams` draws what is missing; a changed text wants a new drawing."""
    assert {drawing_of(text) for text in texts()} == set(DRAWINGS.glob("*.svg")), "make diagrams"


def test_diagrams_are_shown_as_pictures(site: Path) -> None:
    """With words for who does not see them; the source is shown nowhere."""
    architecture = (site / "architecture.html").read_text()

    assert 'alt="Diagram: Architecture"' in architecture
    assert "flowchart" not in architecture


def test_what_is_wrong_in_a_page_fails_the_build(tmp_path: Path) -> None:
    """Dead links, dead anchors, diagrams without a drawing."""
    source = tmp_path / "pages"
    (source / "_static").mkdir(parents=True)
    (source / "index.md").write_text(
        "# A page\n\n[x](nowhere.md) [y](#nothing)\n\n```mermaid\nflowchart LR\n  never\n```\n"
    )

    ran = build(source, tmp_path)

    assert ran.returncode != 0
    assert [word for word in ("nowhere.md", "nothing", "make diagrams") if word in ran.stderr] == [
        "nowhere.md",
        "nothing",
        "make diagrams",
    ]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")
