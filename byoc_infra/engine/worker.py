"""The worker process: one run at a time, with the slow imports already done.

It lives in a session of its own. When its caller goes away it lets the engine finish what is in
flight, and ends.
"""

import importlib
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

import psutil

from byoc_infra.engine import perform
from byoc_infra.engine.cli import Cli
from byoc_infra.engine.events import EngineEvent
from byoc_infra.engine.messages import Interrupt, Job, Report
from byoc_infra.engine.processes import end_session, session_processes

__all__ = ["start"]

ORPHAN_GRACE_S = 10.0
AMBIENT = ("boto3",)
"""Modules whose `DEFAULT_SESSION` would carry one run's credentials into the next."""


def start(handle: int, preload: Sequence[str]) -> None:
    """Serve the caller at the other end of the socket `handle` until it goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(handle)
    for name in preload:
        importlib.import_module(name)
    connection.send("ready")
    _Worker(connection).serve()


class _Worker:
    """The two threads of a worker: one reads what the caller says, one runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._jobs: queue.Queue[tuple[Job, Cli] | None] = queue.Queue()
        self._locks: queue.Queue[int] = queue.Queue()
        self._cli: Cli | None = None
        self._grace_s = 0.0
        self._caller_left = threading.Event()

    def serve(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while (order := self._jobs.get()) is not None:
            job, cli = order
            lock = self._locks.get() if job.holds_lock else None
            report = self._run(job, cli)
            if lock is not None:
                os.close(lock)
            self._send(report)
            if self._caller_left.is_set():
                shutil.rmtree(job.work_dir, ignore_errors=True)
                break
        # Threads of gRPC may linger; nothing of them is worth waiting for.
        os._exit(0)

    def _listen(self) -> None:
        while True:
            try:
                message = self._connection.recv()
                if isinstance(message, Job):
                    if message.holds_lock:
                        self._locks.put(recv_handle(self._connection))
                    self._grace_s = message.grace_s
                    # Made here, so that an interrupt that comes right behind finds it.
                    self._cli = Cli(message.cli, message.cli_version, message.env)
                    self._jobs.put((message, self._cli))
                elif isinstance(message, Interrupt) and self._cli is not None:
                    self._cli.interrupt()
            except (EOFError, OSError):
                self._leave()
                return

    def _leave(self) -> None:
        """The caller is gone: SIGINT, grace, SIGKILL, and no process stays behind."""
        self._caller_left.set()
        self._jobs.put(None)
        if self._cli is not None:
            self._cli.interrupt()
            time.sleep(self._grace_s)
            for process in session_processes(os.getpid()):
                with suppress(psutil.Error):
                    process.kill()
            os._exit(1)

    def _run(self, job: Job, cli: Cli) -> Report:
        started = time.monotonic()
        with _environment(job.env):
            report = perform.perform(job, cli, self._tell)
            end_session(os.getpid(), grace_s=ORPHAN_GRACE_S)
        self._cli = None
        return perform.finished(
            report,
            duration_s=time.monotonic() - started,
            rss_bytes=psutil.Process().memory_info().rss,
        )

    def _tell(self, event: EngineEvent) -> None:
        self._send(event)

    def _send(self, message: EngineEvent | Report) -> None:
        with self._sending, suppress(OSError):  # the reader thread sees that nobody listens
            self._connection.send(message)


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Exactly the run's environment, for the program as for the CLI, and nothing of it after."""
    before = dict(os.environ)
    _replace_environment(env)
    try:
        yield
    finally:
        _replace_environment(before)


def _replace_environment(env: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    for name in AMBIENT:
        if (module := sys.modules.get(name)) is not None:
            module.__dict__["DEFAULT_SESSION"] = None
