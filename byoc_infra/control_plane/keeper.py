"""Keeps what a server has beside it alive: one worker, and the embedded PostgreSQL."""

import subprocess
import sys
import threading
import time
from types import TracebackType
from typing import Self

import structlog

from byoc_infra.control_plane.foundation import Foundation
from byoc_infra.errors import ByocError

__all__ = ["Keeper"]

WORKER = (sys.executable, "-m", "byoc_infra.cli", "worker", "--until-stdin-ends")
LOOK_S = 0.5
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
HEALTHY_S = 60.0
"""A worker that lived as long is started again at once."""
WORKER_STOP_S = 60.0
"""For a worker to stop its engines; killed after it, its supervisors still stop by themselves."""
log = structlog.get_logger(__name__)


class Keeper:
    """A worker that runs within the block, and is started again when it dies.

    The worker's standard input ends with this process, however that ends, and the worker stops.
    """

    def __init__(self, foundation: Foundation, command: tuple[str, ...] = WORKER) -> None:
        self._foundation = foundation
        self._command = command
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._worker = self._start()
        self._started_at = time.monotonic()
        self.pause_s = 0.0
        """Before the last start of the worker; longer each time that it dies young."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()
        self._stop()

    @property
    def worker_pid(self) -> int:
        """The worker's process."""
        return self._worker.pid

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self._look()
            except (ByocError, OSError):
                log.exception("cannot keep what is beside the server")

    def _look(self) -> None:
        embedded = self._foundation.embedded
        if embedded is not None and embedded.revive():
            log.warning("started PostgreSQL again")
        code = self._worker.poll()
        if code is None:
            return
        lived_s = time.monotonic() - self._started_at
        longer_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, self.pause_s * 2))
        self.pause_s = 0.0 if lived_s > HEALTHY_S else longer_s
        log.warning("the worker ended", exit_code=code, again_in_s=self.pause_s)
        self._let_go()
        if self._stopping.wait(self.pause_s):
            return
        self._worker = self._start()
        self._started_at = time.monotonic()

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=dict(self._foundation.env),
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            start_new_session=True,  # an interrupt at the terminal is for the server, which asks it
        )

    def _stop(self) -> None:
        self._worker.terminate()
        try:
            self._worker.wait(WORKER_STOP_S)
        except subprocess.TimeoutExpired:
            log.warning("the worker did not stop in time", pid=self._worker.pid)
            self._worker.kill()
            self._worker.wait()
        self._let_go()

    def _let_go(self) -> None:
        if self._worker.stdin is not None:
            self._worker.stdin.close()
