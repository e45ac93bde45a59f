"""What every part of the local cloud shares: its place on disk, addresses, names, clock, processes."""

import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import STDOUT, Popen

__all__ = ["OWNER_VARIABLE", "Addresses", "Hosts", "World"]

OWNER_VARIABLE = "BYOC_LOCAL_OWNER"
"""In the environment of every process of a local cloud: its directory. `byoc local down` ends
whatever carries it, however it came to live."""


class Addresses:
    """Loopback addresses out of 127.<network>.0.0/16; the emulator itself has 127.<network>.0.1."""

    def __init__(self, network: int) -> None:
        self.network = network
        self._last = 0
        self._lock = threading.Lock()

    def take(self) -> str:
        """The next address that nobody has had."""
        with self._lock:
            self._last += 1
            high, low = divmod(self._last, 250)
            return f"127.{self.network}.{high + 1}.{low + 1}"


class Hosts:
    """Names that the local cloud resolves, in a JSON file that processes re-read when it changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: dict[str, str] = {}
        self._lock = threading.Lock()

    def set(self, name: str, address: str | None) -> None:
        """Point `name` at `address`, or forget it."""
        with self._lock:
            if address is None:
                self._names.pop(name, None)
            else:
                self._names[name] = address
            beside = self.path.with_suffix(".new")
            beside.write_text(json.dumps(self._names, indent=1, sort_keys=True))
            beside.replace(self.path)

    def get(self, name: str) -> str | None:
        """The address of `name`, if it has one."""
        return self._names.get(name)


@dataclass
class World:
    """One running local cloud, seen from inside its emulator process."""

    directory: Path
    region: str
    addresses: Addresses
    hosts: Hosts
    skew_s: float = 0.0
    """Added to the clock, so that a test can let sessions expire."""
    max_session_s: float | None = None
    """Cuts every assumed session to this length, so that a test sees renewals."""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def now(self) -> float:
        """Seconds since the epoch, as this cloud sees them."""
        return time.time() + self.skew_s

    def spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        user: int | None = None,
    ) -> Popen[bytes]:
        """Start a process that `byoc local down` will find, with exactly `env` and the owner mark."""
        with log.open("ab") as out:
            return Popen(
                list(command),
                env={**env, OWNER_VARIABLE: str(self.directory)},
                cwd=cwd,
                stdout=out,
                stderr=STDOUT,
                stdin=-3,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user is not None else None,
            )
