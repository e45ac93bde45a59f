"""What every part of the local cloud shares: its directory, addresses, names, clock, processes."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import Any, TypeVar

__all__ = [
    "CUSTOMER_ACCOUNT",
    "OWNER_VARIABLE",
    "PART_VARIABLE",
    "VENDOR_ACCOUNT",
    "Addresses",
    "Hosts",
    "Loop",
    "World",
]

CUSTOMER_ACCOUNT = "222222222222"
VENDOR_ACCOUNT = "111111111111"
PART_VARIABLE = "BYOC_LOCAL_PART"
"""In the environment of the emulator and of what it has started itself, and of nothing else that
carries the owner mark: a new emulator ends what an earlier one has left."""
T = TypeVar("T")
STOP_TIMEOUT_S = 5.0

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
    """Names that the local cloud resolves, in a JSON file that processes read when it changes."""

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


class Loop:
    """One asyncio loop in a thread of its own, for whatever must hold many connections."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop; the first caller starts it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="loop", daemon=True
                )
                self._thread.start()
            return self._loop

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float = 30.0) -> T:
        """Do `work` on the loop and wait for its result; never call this on the loop itself."""
        return asyncio.run_coroutine_threadsafe(work, self.get()).result(timeout_s)

    def stop(self) -> None:
        """End the loop; what it still served is cut off."""
        with self._lock:
            if self._loop is None or self._thread is None:
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_TIMEOUT_S)
            if not self._thread.is_alive():
                self._loop.close()
            self._loop = self._thread = None


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
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held around moto: by each API call, and by whatever else changes moto's objects."""
    shared_loop: Loop = field(default_factory=Loop)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The asyncio loop of the balancers and of the databases' TLS fronts."""
        return self.shared_loop.get()

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
        """Start a process that `byoc local down` will find, with just `env` and the owner mark."""
        with log.open("ab") as out:
            return Popen(
                list(command),
                env={**env, OWNER_VARIABLE: str(self.directory), PART_VARIABLE: "1"},
                cwd=cwd,
                stdout=out,
                stderr=STDOUT,
                stdin=DEVNULL,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=[] if user is not None else None,
            )
