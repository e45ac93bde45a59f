"""What a run notes beside its work, so that the next one knows of a run that was killed.

One folder per state backend. For each stack it holds a lock file, held by caller and worker alike
for as long as either lives, and, while a run is under way or has ended badly, a journal: who runs,
and which creates were begun and not yet answered.
"""

import fcntl
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil

from byoc_infra.engine.events import PlannedCreate

__all__ = ["Journal", "Owner", "default_state_dir"]

FORK_S = 2.0
"""A child that another thread has just forked holds a copy of each lock until it is another
program: that long, a stack that was given back may still look taken."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """A process, told apart from a later one with the same number by its start time."""

    host: str
    pid: int
    started: float

    @classmethod
    def me(cls) -> "Owner":
        """This process."""
        return cls(host=socket.gethostname(), pid=os.getpid(), started=_started(os.getpid()) or 0.0)

    def gone(self) -> bool:
        """True only where it can be proven: on this host, and no such process any more."""
        if self.host != socket.gethostname():
            return False
        started = _started(self.pid)
        return started is None or abs(started - self.started) > 1.0


class Journal:
    """The lock and the notes of one stack."""

    def __init__(self, state_dir: Path, *, backend_url: str, project: str, name: str) -> None:
        label = re.sub(r"[^A-Za-z0-9._-]", "-", f"{project}.{name}")[:100]
        mark = hashlib.sha256(f"{backend_url}\n{project}\n{name}".encode()).hexdigest()[:8]
        self.folder = state_dir
        self.path = state_dir / f"{label}-{mark}.jsonl"
        self._lock_path = state_dir / f"{label}-{mark}.lock"
        self._held: int | None = None

    def acquire(self, *, wait_s: float = 0.0) -> bool:
        """Take the stack for this host; a run whose caller died is waited for, a live one not."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        forked = time.monotonic() + FORK_S
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                now = time.monotonic()
                if now >= forked and (now >= until or not self._caller_is_gone()):
                    os.close(handle)
                    return False
                time.sleep(0.1)
            else:
                self._held = handle
                return True

    def release(self) -> None:
        """Give the stack back. A worker that still holds its copy keeps the lock."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    @property
    def lock_handle(self) -> int:
        """The descriptor to hand to the worker, so that the lock lives as long as the work."""
        if self._held is None:
            raise RuntimeError("the stack is not held")
        return self._held

    def begin(self, kind: str, worker_pid: int) -> None:
        """Note who runs what. Creates that an earlier run left unanswered are kept."""
        left = self.unanswered()
        worker = Owner(
            host=socket.gethostname(), pid=worker_pid, started=_started(worker_pid) or 0.0
        )
        header = {"run": kind, "caller": asdict(Owner.me()), "worker": asdict(worker)}
        with self.path.open("w") as file:
            for line in (header, *({"begun": asdict(create)} for create in left)):
                file.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """The run ended cleanly: nothing is left to remember."""
        self.path.unlink(missing_ok=True)

    def present(self) -> bool:
        """True when a run did not end cleanly."""
        return self.path.exists()

    def owner(self, who: str) -> Owner | None:
        """The `caller` or the `worker` of the run that wrote this journal."""
        for line in _lines(self.path):
            if who in line:
                return Owner(**line[who])
        return None

    def unanswered(self) -> tuple[PlannedCreate, ...]:
        """Creates that were begun and whose answer nobody saw."""
        begun: dict[str, PlannedCreate] = {}
        for line in _lines(self.path):
            if "begun" in line:
                begun[line["begun"]["urn"]] = PlannedCreate(**line["begun"])
            elif "answered" in line:
                begun.pop(line["answered"], None)
        return tuple(begun.values())

    def _caller_is_gone(self) -> bool:
        caller = self.owner("caller")
        return caller is not None and caller.gone()


def note(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line to a journal; it is on its way to the disk before the create goes on."""
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def default_state_dir(backend_url: str) -> Path:
    """Beside a file backend, else in this user's data folder."""
    parts = urlsplit(backend_url)
    if parts.scheme == "file":
        return Path(os.path.expanduser(unquote(parts.netloc + parts.path))) / ".byoc"
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "byoc-infra" / "journal"


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line; a half-written last one is what a killed process leaves."""
    found = []
    try:
        text = path.read_text()
    except FileNotFoundError:
        return []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def _started(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.create_time()
    except psutil.Error:
        return None
