"""Keeps a lease while an operation runs, and stops the engine when it cannot.

Renewal speaks to the database, which may hang. The ladder therefore has a thread of its own,
which asks nobody for anything: late at two thirds of the lease (SIGINT), lost shortly before its
end (SIGKILL).
"""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from byoc_infra.control_plane.store.outages import is_outage
from byoc_infra.control_plane.supervisor.lease import Lease
from byoc_infra.control_plane.supervisor.reins import Reins
from byoc_infra.errors import LeaseLost

__all__ = ["Keeper"]

RENEW_AT = 1 / 3
LATE_AT = 2 / 3
LOST_AT = 0.9
LOOK_S = 1.0
"""How often it looks whether somebody has asked to cancel."""

log = logging.getLogger(__name__)


class Keeper:
    """Two threads around an operation; a context manager."""

    def __init__(
        self,
        lease: Lease,
        reins: Reins,
        *,
        cancelled: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cancelled` asks the database whether the operation is to be cancelled."""
        self._lease = lease
        self._reins = reins
        self._cancelled = cancelled
        self._clock = clock
        self._renewed = clock()
        self._over = threading.Event()
        look_s = min(LOOK_S, lease.lease_s / 12)
        self._threads = [
            threading.Thread(target=self._repeat, args=(work, look_s), name=name, daemon=True)
            for name, work in (("renewal", self.renew), ("ladder", self.judge))
        ]

    def renew(self) -> None:
        """One look at the database: renew where it is due, see whether to cancel."""
        asked = self._clock()
        try:
            if asked - self._renewed >= self._lease.lease_s * RENEW_AT:
                self._lease.renew()
                # From when it was asked for: the answer may have taken long.
                self._renewed = asked
            if self._cancelled():
                self._reins.pull("cancelled")
        except LeaseLost:
            self._reins.pull("lost")
        except Exception as away:
            if not is_outage(away):
                log.exception("renewing the lease of %s", self._lease.stack)
                return
            log.warning("lease of %s: %s", self._lease.stack, type(away).__name__)

    def judge(self) -> None:
        """One look at the clock."""
        held_s = self._clock() - self._renewed
        if held_s >= self._lease.lease_s * LOST_AT:
            self._reins.pull("lost")
        elif held_s >= self._lease.lease_s * LATE_AT:
            self._reins.pull("late")
        else:
            self._reins.again()

    def _repeat(self, work: Callable[[], None], look_s: float) -> None:
        while not self._over.wait(look_s):
            work()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._threads[1].join()
