"""Waiting for what other processes do."""

import time
from collections.abc import Callable

__all__ = ["until"]

OFTEN_S = 0.05


def until(claim: Callable[[], object], what: str = "it", *, within_s: float = 180.0) -> None:
    """Wait for something that has to become true; on a busy machine that takes long."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, f"{what} did not come within {within_s:g} s"
        time.sleep(OFTEN_S)
