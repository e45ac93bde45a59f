"""How a running operation is stopped, and why.

A reason of more weight takes the place of one of less. The engine is told again at every look,
because a flow makes several runs and each can only be stopped once it is under way.
"""

import threading
from typing import Literal, Protocol

from byoc_infra.control_plane.supervisor.lease import lost
from byoc_infra.errors import ByocError, Cancelled

__all__ = ["Reins", "Stoppable", "Why"]

Why = Literal["cancelled", "closing", "late", "lost"]
WEIGHT: tuple[Why, ...] = ("cancelled", "closing", "late", "lost")
GRACE_S = {"cancelled": 1200.0, "closing": 300.0, "late": None, "lost": 0.0}
"""What is in flight gets this long: a database's creation takes up to 17 minutes. `late` ends with
the lease."""


class Stoppable(Protocol):
    """The engine, as far as it is stopped from here."""

    def stop(self, *, grace_s: float | None = None) -> bool:
        """SIGINT, and SIGKILL after the grace."""

    def kill(self) -> bool:
        """SIGKILL."""


class Reins:
    """What one operation is stopped by."""

    def __init__(self, engine: Stoppable, stack: str) -> None:
        self._engine = engine
        self._stack = stack
        self._lock = threading.Lock()
        self._pulled = threading.Event()
        self._why: Why | None = None

    @property
    def why(self) -> Why | None:
        """The weightiest reason so far."""
        return self._why

    def pull(self, why: Why) -> None:
        """Stop it."""
        with self._lock:
            if self._why is None or WEIGHT.index(why) > WEIGHT.index(self._why):
                self._why = why
        self._pulled.set()
        self.again()

    def again(self) -> None:
        """Say to a run that has begun since then what was said before."""
        if self._why == "lost":
            self._engine.kill()
        elif self._why is not None:
            self._engine.stop(grace_s=GRACE_S[self._why])

    def error(self) -> ByocError | None:
        """What the operation ends with, if it is to stop."""
        if self._why is None:
            return None
        if self._why == "cancelled":
            return Cancelled(
                "operation",
                wanted="to run to its end",
                got="it was cancelled",
                next_step="Deploy again: it goes on where this one stopped.",
            )
        return lost(self._stack)

    def check(self) -> None:
        """Raise that."""
        if error := self.error():
            raise error

    def pause(self, seconds: float) -> None:
        """Wait so long, unless it is to stop."""
        self._pulled.wait(seconds)
        self.check()
