"""An error that nobody foresaw: its traceback goes to a file, scrubbed, and not to the user."""

import os
import time
import traceback
from pathlib import Path

from byoc_infra.redaction import scrub

__all__ = ["record", "state_directory"]


def record(error: BaseException) -> Path:
    """Write the traceback where only this user reads it; gives the file."""
    place = state_directory() / "crashes"
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = place / f"{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    words = "".join(traceback.format_exception(error))
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(scrub(words))
    return path


def state_directory() -> Path:
    """Where this user's tools keep what is worth keeping between runs (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "byoc-infra"
