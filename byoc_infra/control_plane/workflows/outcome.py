"""How a supervisor's work on an operation ended."""

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Ended", "Ending"]

Ending = Literal[
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "WAITING",
    "AWAITING_APPROVAL",
    "RETRY",
    "HANDED_ON",
]
"""WAITING for the account; RETRY what may pass; HANDED_ON to the next worker by one that stops."""


@dataclass(frozen=True)
class Ended:
    """Kept in DBOS's tables as the result of a step."""

    ended: Ending
    error: dict[str, Any] | None = None
    """The error's fields, scrubbed by whoever raised it."""
    after_s: float | None = None
    """With RETRY: nothing has failed, somebody else has the stack; try again in so long."""
