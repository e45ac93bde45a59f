"""What level a container's log line is of, and its words: JSON lines and structlog's plain ones."""

import json
import re
from typing import Any

__all__ = ["LEVELS", "level_of", "readable"]

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
"""From the least to the gravest."""
OTHER_NAMES = {"WARN": "WARNING", "EXCEPTION": "ERROR", "FATAL": "CRITICAL"}
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PLAIN = re.compile(
    r"^(?:\S+[ T]\S+\s+)?\[?(debug|info|warning|warn|error|critical|fatal|exception)\b",
    re.IGNORECASE,
)
"""At the beginning of a line, or behind a time: what stands elsewhere may be anybody's words."""
TRACE = "Traceback (most recent call last)"


def level_of(message: str) -> str:
    """One of `LEVELS`; INFO where the line does not say."""
    told = _json(message)
    if told is not None:
        given = str(told.get("level") or told.get("severity") or told.get("levelname") or "")
        return _known(given) or "INFO"
    plain = COLOUR.sub("", message)
    if found := PLAIN.match(plain):
        return _known(found.group(1)) or "INFO"
    return "ERROR" if plain.startswith(TRACE) else "INFO"


def readable(message: str) -> str:
    """The line without colours; a JSON line as it is."""
    return COLOUR.sub("", message).rstrip()


def _known(given: str) -> str | None:
    upper = given.upper()
    upper = OTHER_NAMES.get(upper, upper)
    return upper if upper in LEVELS else None


def _json(message: str) -> dict[str, Any] | None:
    if not message.startswith("{"):
        return None
    try:
        value = json.loads(message)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
