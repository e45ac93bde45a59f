"""Warm worker processes: the seconds that importing the provider's modules costs, paid once.

A worker is spawned (never forked), runs in a session of its own, and is thrown away after a
failure or when it has grown.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from types import TracebackType
from typing import IO, Any

import psutil

from byoc_infra.engine.events import EngineEvent
from byoc_infra.engine.messages import Interrupt, Job, Report
from byoc_infra.engine.processes import session_processes

__all__ = ["Stop", "Worker", "WorkerLostError", "WorkerPool", "clean_environment"]

NEVER_INHERITED = ("AWS_", "PULUMI_")
MAX_RSS_BYTES = 900 * 1024 * 1024
START_S = 60.0
BOOT = (
    "import json,sys; handle, path, preload = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from byoc_infra.memory import collect_rarely; collect_rarely(); "
    "from byoc_infra.engine.worker import start; start(handle, preload)"
)


class WorkerLostError(Exception):
    """The worker process ended without a report; the text is the end of what it said."""


class Stop(threading.Event):
    """Set, it stops a run: SIGINT, `grace_s` to finish what is in flight, SIGKILL."""

    def __init__(self) -> None:
        super().__init__()
        self.grace_s: float | None = None
        """The engine's own when None."""
        self.at_once = False
        """No grace, and nothing of it may go on: SIGKILL now."""


class Worker:
    """One worker process, seen from its caller."""

    def __init__(self, preload: Sequence[str], env: Mapping[str, str]) -> None:
        mine, theirs = socket.socketpair()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as this
        with theirs:
            order = json.dumps([theirs.fileno(), sys.path, list(preload)])
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOOT, order],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env={**clean_environment(), **env},
            )
        self._connection: Connection[Any, Any] = Connection(mine.detach())
        self._ready = False
        self.rss_bytes = 0
        self.healthy = True

    @property
    def pid(self) -> int:
        """The worker's process id, which is also its session's."""
        return self.process.pid

    def run(
        self,
        job: Job,
        *,
        lock_handle: int | None,
        on_event: Callable[[EngineEvent], None],
        deadline_s: float,
        stop: Stop,
    ) -> Report:
        """Run the job; at the deadline or when `stop` is set: SIGINT, grace, SIGKILL."""
        self._wait_until_ready()
        self._send(job)
        if lock_handle is not None:
            send_handle(self._connection, lock_handle, self.pid)
        until, told = time.monotonic() + deadline_s, False
        try:
            while True:
                now = time.monotonic()
                if not told and (stop.is_set() or now >= until):
                    self._send(Interrupt())
                    told, until = True, now + (stop.grace_s or job.grace_s)
                elif stop.at_once or (told and now >= until):
                    self.kill()
                if (message := self._receive(0.2)) is None:
                    continue
                if isinstance(message, Report):
                    self.rss_bytes, self.healthy = message.rss_bytes, message.ok
                    return message
                on_event(message)
        except WorkerLostError:
            raise
        except BaseException:
            self._let_finish(job.grace_s)
            raise

    def kill(self) -> None:
        """End the worker and all that it started, at once."""
        for process in session_processes(self.pid):
            with suppress(psutil.Error):
                process.kill()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Let the worker go; it ends by itself once nobody is at the other end."""
        self._connection.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
        self._log.close()

    def _let_finish(self, grace_s: float) -> None:
        with suppress(WorkerLostError):
            self._send(Interrupt())
            until = time.monotonic() + grace_s
            while time.monotonic() < until:
                if isinstance(self._receive(0.2), Report):
                    return
        self.kill()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + START_S
        while not self._ready:
            if self._receive(0.2) == "ready":
                self._ready = True
            elif time.monotonic() > until:
                self.kill()
                raise WorkerLostError(f"not ready after {START_S:.0f} s")

    def _send(self, message: Job | Interrupt) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise self._lost() from error

    def _receive(self, wait_s: float) -> Any:  # noqa: ANN401  # "ready", an event or a report
        try:
            return self._connection.recv() if self._connection.poll(wait_s) else None
        except (EOFError, OSError) as error:
            raise self._lost() from error

    def _lost(self) -> WorkerLostError:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        self._log.seek(0)
        said = self._log.read()[-1500:].decode(errors="replace").strip()
        lines = [line for line in said.splitlines() if line.strip()]
        code = self.process.poll()
        return WorkerLostError(f"the worker ended ({code}): {' / '.join(lines[-3:])}")


class WorkerPool:
    """Keeps warm workers; each serves one run at a time."""

    def __init__(
        self,
        preload: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        keep: int = 1,
    ) -> None:
        """`env` is added to the workers' own environment (owner marks and the like)."""
        self._preload = tuple(preload)
        self._env = dict(env or {})
        self._keep = keep
        self._idle: list[Worker] = []
        self._lock = threading.Lock()
        self._closed = False

    def warm(self) -> None:
        """Start a worker now, so that it has done its imports by the time it is needed."""
        with self._lock:
            if not self._idle and not self._closed:
                self._idle.append(self._new())

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """A worker for one run; only one that is still good goes back."""
        worker = self._take()
        good = False
        try:
            yield worker
            good = worker.healthy and worker.rss_bytes < MAX_RSS_BYTES
        finally:
            self._give_back(worker, good=good)

    def close(self) -> None:
        """End the idle workers."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _new(self) -> Worker:
        return Worker(self._preload, self._env)

    def _take(self) -> Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.process.poll() is None:
                    return worker
                worker.close()
        return self._new()

    def _give_back(self, worker: Worker, *, good: bool) -> None:
        with self._lock:
            if good and not self._closed and len(self._idle) < self._keep:
                self._idle.append(worker)
                return
        worker.close()


def clean_environment() -> dict[str, str]:
    """The caller's environment without what must come from the stack's own."""
    return {k: v for k, v in os.environ.items() if not k.startswith(NEVER_INHERITED)}
