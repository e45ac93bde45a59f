"""Every few minutes: what requests that died have left in customers' accounts is deleted."""

import threading
from types import TracebackType
from typing import Self

import structlog

from byoc_infra.control_plane.services._secrets import sweep
from byoc_infra.control_plane.services.reach import Reach
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.outages import is_outage

__all__ = ["Sweeping"]

EVERY_S = 300.0

log = structlog.get_logger(__name__)


class Sweeping:
    """Sweeps as long as the block runs; more than one at a time do no harm."""

    def __init__(self, store: Store, reach: Reach, *, every_s: float = EVERY_S) -> None:
        self._store = store
        self._reach = reach
        self._every_s = every_s
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="sweeping", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._enough.wait(self._every_s):
            try:
                gone = sweep(self._store, self._reach)
            except Exception as error:
                if not is_outage(error):
                    log.exception("sweep failed")
                continue
            if gone:
                log.info("swept", secrets=gone)
