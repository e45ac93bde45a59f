"""An error that nobody foresaw: its traceback goes to a file, scrubbed, and not to the user."""

import os
import re
import time
import traceback
from collections.abc import Mapping
from pathlib import Path

__all__ = ["hide", "record", "scrub", "state_directory"]

SECRET_VARIABLE = re.compile(r"SECRET|TOKEN|PASSWORD|PASSPHRASE|API_KEY|LICENSE_KEY|EXTERNAL_ID")
PASSWORD_IN_URI = re.compile(r"(://[^\s:/@]*:)[^\s/@]+@")
SECRET_FIELD = re.compile(
    r"(?i)((?:password|secret_?access_?key|session_?token|passphrase|external_?id)"
    r"[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"
)
SHORTEST = 6
"""A shorter value would blank innocent text."""

_hidden: set[str] = set()


def hide(value: str) -> None:
    """Never write `value` into a crash file."""
    if len(value) >= SHORTEST:
        _hidden.add(value)


def scrub(text: str, env: Mapping[str, str] | None = None) -> str:
    """`text` without the secrets that are known here or look like ones."""
    environment = os.environ if env is None else env
    values = {v for k, v in environment.items() if SECRET_VARIABLE.search(k) and len(v) >= SHORTEST}
    for value in sorted(values | _hidden, key=len, reverse=True):
        text = text.replace(value, "…")
    return SECRET_FIELD.sub(r"\1…", PASSWORD_IN_URI.sub(r"\1…@", text))


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
