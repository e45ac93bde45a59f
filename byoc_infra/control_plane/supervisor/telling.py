"""Writes down what happens in an operation, a few times a second, as its reader may see it.

Everything is scrubbed here. Of the engine only its own words come this way: no log line of the
customer's applications passes through an operation.
"""

import logging
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.engine import EngineEvent
from byoc_infra.redaction import scrub

__all__ = ["Teller", "about"]

EVERY_S = 0.3
LONGEST = 2000
"""Characters of one message."""
KEPT = 5000
"""Events that wait while the database is away; later ones are dropped."""

log = logging.getLogger(__name__)
Told = tuple[str, Mapping[str, Any]]


class Teller:
    """One thread that writes the events of one operation; a context manager."""

    def __init__(self, store: Store, operation_id: str, *, stack: str, token: int) -> None:
        """`token` is the lease's: nothing is written down any more once it has gone."""
        self._store = store
        self._operation_id = operation_id
        self._stack, self._token = stack, token
        self._waiting: list[Told] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="teller", daemon=True)

    def say(self, message: str) -> None:
        """A line of progress."""
        self._add("progress", {"message": _clean(message)})

    def tell(self, event: EngineEvent) -> None:
        """What the engine does with a resource, or says."""
        kind, data = about(event)
        self._add(kind, data)

    def flush(self) -> None:
        """Write what waits; kept where the database is away."""
        with self._lock:
            now, self._waiting = self._waiting, []
        if not now:
            return
        try:
            with self._store.begin() as tx:
                if tx.leases.holds(self._stack, self._token):
                    tx.events.tell(self._operation_id, now)
        except Exception as away:
            if not is_outage(away):
                log.exception("%s events of %s", len(now), self._operation_id)
                return
            with self._lock:
                self._waiting[:0] = now

    def _add(self, kind: str, data: Mapping[str, Any]) -> None:
        with self._lock:
            if len(self._waiting) < KEPT:
                self._waiting.append((kind, data))

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self.flush()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.flush()
        if self._waiting:
            log.warning("%s: %s events were not written", self._operation_id, len(self._waiting))


def about(event: EngineEvent) -> Told:
    """An engine event as kind and data."""
    if event.kind in ("message", "note"):
        data: dict[str, Any] = {"message": _clean(event.message)}
        if event.name:
            data["resource"] = event.name
        return "progress", data
    data = {"state": event.kind, "op": event.op, "type": event.type, "name": event.name}
    if event.kind != "started":
        data["seconds"] = round(event.elapsed_s, 1)
    return "resource", data


def _clean(message: str) -> str:
    return scrub(message.strip()).replace("\0", "")[:LONGEST]  # PostgreSQL keeps no NUL
