"""The demo's steps: what was done, how long it took, what was made."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["TITLES", "Step", "Steps"]

TITLES = (
    "Pulumi CLI",
    "local cloud",
    "control plane",
    "connect the account",
    "account set-up",
    "activate",
    "push v1",
    "deploy v1",
    "call the graph",
    "roll out v2",
    "check the thread",
    "remove deployment",
    "remove account pieces",
    "end control plane",
    "sweep both accounts",
)
"""Every step, in order; a kept demo ends after the check."""


@dataclass
class Step:
    """One row of the table at the end."""

    title: str
    seconds: float = 0.0
    made: str = ""


class Steps:
    """Announces each step as it begins, and remembers them."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self.done: list[Step] = []
        self._report = report

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Time one step; its `made` is for the caller to fill in."""
        self._report(f"[{TITLES.index(title) + 1}/{len(TITLES)}] {title}")
        current = Step(title)
        started = time.monotonic()
        yield current
        current.seconds = round(time.monotonic() - started, 1)
        self.done.append(current)
