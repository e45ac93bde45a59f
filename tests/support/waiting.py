"""Waiting for what other processes do."""

import time
from collections.abc import Callable

__all__ = ["until"]

OFTEN_S, SELDOM_S = 0.05, 0.25
"""How often is looked: less the longer it takes, as each look may be a process of PostgreSQL's."""


def until(claim: Callable[[], object], what: str = "it", *, within_s: float = 180.0) -> None:
    """Wait for something that has to become true; on a busy machine that takes long."""
    began = time.monotonic()
    while not claim():
        waited_s = time.monotonic() - began
        assert waited_s < within_s, f"{what} did not come within {within_s:g} s"
        time.sleep(min(max(waited_s / 10, OFTEN_S), SELDOM_S))
