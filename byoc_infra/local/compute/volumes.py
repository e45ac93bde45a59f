"""Task volumes: folders of a task that several containers share.

Processes have no mount namespace of their own here. So a path below a mount point that stands in
an environment value or in a command is written as the path of the task's own folder instead.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Mounts"]

BEFORE = r"(?<![\w./-])"
AFTER = r"(?![\w.-])"
"""`/run/ca` is a path in `sslrootcert=/run/ca/x.pem`, and none in `/srv/run/ca` or `/run/cab`."""


class Mounts:
    """One container's mount points."""

    def __init__(self, definition: Mapping[str, Any], folder: Path) -> None:
        """`folder` holds the task's volumes, one below it for each."""
        self._places = {
            point["containerPath"].rstrip("/"): folder / point["sourceVolume"]
            for point in definition.get("mountPoints") or ()
        }
        longest_first = sorted(self._places, key=len, reverse=True)
        paths = "|".join(re.escape(path) for path in longest_first)
        self._pattern = re.compile(f"{BEFORE}(?:{paths}){AFTER}") if paths else None

    def make(self) -> None:
        """The folders, empty at first, as Fargate's own are."""
        for place in self._places.values():
            place.mkdir(parents=True, exist_ok=True)

    def inside(self, text: str) -> str:
        """`text` with the paths that a process of this machine sees."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: str(self._places[found[0]]), text)
