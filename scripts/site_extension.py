"""What the site adds to Sphinx: drawings instead of their source, and plain paths for the rest.

A page stays good Markdown for whoever reads it in the repository, where Mermaid is drawn on sight.
The site shows the drawing that `scripts.draw_diagrams` has made of the same text, so that a reader
needs neither a script nor a request to anybody.
"""

import re
from pathlib import Path

from docutils import nodes  # type: ignore[import-untyped]  # no stubs in the pins
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from scripts.draw_diagrams import PAGES, drawing_of

__all__ = ["Drawings", "setup"]

logger = logging.getLogger(__name__)
LEAVES = re.compile(r"(?<!!)\[([^\]]*)\]\((\.\./[^)\s#]+)(?:#[^)]*)?\)")
"""A Markdown link to somewhere above; if that is outside of docs/, the site has no page for it."""


class Drawings(SphinxTransform):
    """Each Mermaid block becomes the picture that was drawn of it."""

    default_priority = 200

    def apply(self, **_: object) -> None:
        """Replace the blocks; one without a picture is a warning, which fails the build."""
        for block in list(self.document.findall(nodes.literal_block)):
            if block.get("language") == "mermaid":
                self._draw(block)

    def _draw(self, block: nodes.literal_block) -> None:
        picture = drawing_of(block.astext())
        if not picture.exists():
            logger.warning("no drawing of this diagram: `make diagrams`", location=block)
            return
        block.replace_self(
            nodes.image(
                uri=f"/{picture.relative_to(PAGES)}",
                alt=f"Diagram: {self._heading(block)}",
                classes=["diagram"],
                candidates={},
            )
        )

    def _heading(self, block: nodes.Node) -> str:
        while block is not None and not isinstance(block, nodes.section):
            block = block.parent
        return str(block.next_node(nodes.title).astext()) if block is not None else ""


def without_repository_links(app: Sphinx, page: str, source: list[str]) -> None:
    """A link that leaves docs/ is shown as the path that it has in the repository."""
    folder = (Path(app.srcdir) / page).parent

    def shown(link: "re.Match[str]") -> str:
        target = (folder / link[2]).resolve()
        if target.is_relative_to(PAGES):
            return link[0]
        return f"{link[1]} (`{target.relative_to(PAGES.parent)}`)"

    source[0] = LEAVES.sub(shown, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_transform(Drawings)
    app.connect("source-read", without_repository_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
