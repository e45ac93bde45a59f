"""Whose lock it is, from the words in which every self-managed backend says so."""

import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

__all__ = ["LockOwner", "lock_owners"]

OWNER = re.compile(r"created by (?P<user>.*?)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<time>\S+)")
CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, kw_only=True)
class LockOwner:
    """The engine that wrote a lock file."""

    host: str
    pid: int
    since: datetime

    def gone(self) -> bool:
        """True only with proof: this host, and no such process, or one that is younger."""
        if self.host != socket.gethostname():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            started = datetime.fromtimestamp(process.create_time(), UTC)
        except psutil.NoSuchProcess:
            return True
        except psutil.Error:
            return False
        return (started - self.since).total_seconds() > CLOCK_SLACK_S


def lock_owners(text: str) -> tuple[LockOwner, ...]:
    """Every owner that the CLI's words name."""
    return tuple(
        LockOwner(
            host=found["host"], pid=int(found["pid"]), since=datetime.fromisoformat(found["time"])
        )
        for found in OWNER.finditer(text)
    )
