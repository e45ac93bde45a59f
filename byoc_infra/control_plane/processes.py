"""Which process is which: by host, number and start, so that a number used again fools nobody."""

import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

__all__ = ["ProcessId", "this_host", "this_process"]

CLOCK_STEP_S = 1.0
"""A process's start is told from the boot's, which moves a little when the clock is set."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class ProcessId:
    """A process of some host, now or once."""

    host: str
    pid: int
    started: float

    @property
    def is_here(self) -> bool:
        """Whether this host can judge it."""
        return self.host == this_host()

    @property
    def is_gone(self) -> bool:
        """Whether it is known to have ended; a process of another host never is."""
        if not self.is_here:
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < CLOCK_STEP_S
            return not same or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True


def this_process() -> ProcessId:
    """The one that asks."""
    return ProcessId(this_host(), os.getpid(), psutil.Process().create_time())


@cache
def this_host() -> str:
    """The machine's name and, where the kernel tells them, its boot and the space in which process
    numbers count: two containers of one name are two hosts.
    """
    parts = [socket.gethostname()]
    if BOOT_ID.exists():
        parts.append(BOOT_ID.read_text().strip()[:8])
    if PID_NAMESPACE.exists():
        parts.append(str(PID_NAMESPACE.stat().st_ino))
    return "/".join(parts)
