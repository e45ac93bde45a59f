"""Lanes: supervisor processes, one for each operation that runs on this worker.

They are started when there is something to do, and stay: the one that is warmest is taken first.

A supervisor is told an operation by a line of JSON on its standard input, and tells how it ended
by one on its standard output. When its input ends it stops its engine, lets go of the stack and
exits: so it does when this process is killed.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, LifoQueue, SimpleQueue
from typing import IO, Any, cast, get_args

from byoc_infra.control_plane.workflows.outcome import Ended, Ending
from byoc_infra.errors import SupervisorDied

__all__ = ["SUPERVISOR", "Lanes"]

SUPERVISOR = (sys.executable, "-m", "byoc_infra.control_plane.supervisor")
LOOK_S = 2.0
"""How often a lane looks whether its supervisor hangs, and whether the worker is to stop."""
END_S = 5.0
"""How long a supervisor without work may take to exit once its input has ended."""
ENDINGS = frozenset(get_args(Ending)) - {"HANDED_ON"}

log = logging.getLogger(__name__)

Hangs = Callable[[str, int], bool]
"""Whether the process of that number holds the operation's stack, and has ceased to renew it."""


@dataclass(frozen=True)
class Job:
    """One operation, as a supervisor is told of it."""

    operation: str
    attempt: int

    def line(self) -> bytes:
        """What goes to its standard input."""
        return json.dumps({"operation": self.operation, "attempt": self.attempt}).encode() + b"\n"


class Lanes:
    """As many supervisors as this worker runs operations at a time."""

    def __init__(
        self,
        size: int,
        *,
        env: Mapping[str, str],
        hangs: Hangs,
        command: Sequence[str] = SUPERVISOR,
    ) -> None:
        """`env` is the supervisors' whole environment."""
        self._command = command
        self._env = env
        self._hangs = hangs
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._all: list[_Lane] = []
        self._idle: LifoQueue[_Lane | None] = LifoQueue()
        for _ in range(size):
            self._idle.put(None)

    def run(self, operation: str, attempt: int) -> Ended:
        """Have an operation done by the next free supervisor, and say how it ended.

        Where the worker is stopped first it is HANDED_ON: the supervisor gets time to stop its
        engine, and nobody here waits for that.
        """
        lane = self._idle.get()
        try:
            with self._starting:
                if self._stopping.is_set():
                    return Ended("HANDED_ON")
                lane = self._alive(lane)
            return self._ask(lane, Job(operation, attempt))
        finally:
            self._idle.put(lane)

    def stop(self) -> None:
        """End every supervisor's input; those that are at work stop their engines."""
        with self._starting:  # none is started from here on
            self._stopping.set()
        for lane in self._all:
            lane.end_input()

    def close(self) -> None:
        """Stop, and wait a little for those that had nothing to do."""
        self.stop()
        for lane in self._all:
            lane.wait(END_S)

    def _alive(self, lane: "_Lane | None") -> "_Lane":
        if lane is not None and lane.lives:
            return lane
        fresh = _Lane(self._command, self._env)
        self._all.append(fresh)
        if lane is not None:
            ended = lane.wait(0.0)
            log.warning("supervisor %s ended with %s: another is started", lane.pid, ended)
            lane.end_input()
            self._all.remove(lane)
        return fresh

    def _ask(self, lane: "_Lane", job: Job) -> Ended:
        lane.tell(job)
        while True:
            line = lane.next_line(LOOK_S)
            if line is None:
                if self._stopping.is_set():
                    return Ended("HANDED_ON")
                if self._hangs(job.operation, lane.pid):
                    log.error("supervisor %s of %s hangs: killed", lane.pid, job.operation)
                    lane.kill()
            elif line == b"":
                return (
                    Ended("HANDED_ON") if self._stopping.is_set() else _died(job, lane.wait(END_S))
                )
            elif ended := _ended(line, job):
                return ended
            else:
                log.warning("a line of %s's supervisor is not one of its answers", job.operation)


class _Lane:
    """One supervisor process."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C is for the worker, which then stops it
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read, name=f"lane-{self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def tell(self, job: Job) -> None:
        with suppress(BrokenPipeError, ValueError):  # then its output ends, which is read next
            self._input.write(job.line())
            self._input.flush()

    def next_line(self, wait_s: float) -> bytes | None:
        """The next line, empty at the end of its output, or None where nothing came in time."""
        try:
            return self._lines.get(timeout=wait_s)
        except Empty:
            return None

    def end_input(self) -> None:
        with suppress(BrokenPipeError):
            self._input.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def wait(self, wait_s: float) -> int | None:
        try:
            return self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            return None

    def _read(self) -> None:
        with self._output:
            for line in self._output:
                self._lines.put(line)
        self._lines.put(b"")


def _ended(line: bytes, job: Job) -> Ended | None:
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    if not isinstance(answer, dict) or answer.get("operation") != job.operation:
        return None
    ended: Any = answer.get("ended")
    after_s = answer.get("after_s")
    later = float(after_s) if isinstance(after_s, int | float) else None
    return Ended(ended, answer.get("error"), later) if ended in ENDINGS else None


def _died(job: Job, code: int | None) -> Ended:
    error = SupervisorDied(
        job.operation,
        wanted="its supervisor to say how it ended",
        got="no answer" if code is None else f"exit code {code}",
        next_step="It is tried again, and finds what the run before had made.",
    )
    return Ended("RETRY", error.as_dict())
