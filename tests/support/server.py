"""`byoc server` as a process, in a directory of its own."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from byoc_infra.control_plane.services import tenants
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.local.cloud import LocalCloud

__all__ = ["PATIENCE_S", "Server", "alive", "held", "on_cloud", "ready"]

BYOC = (sys.executable, "-m", "byoc_infra.cli")
PATIENCE_S = 180.0
SET_BY_THE_SERVER = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
"""Else the local cloud's own would win over the control plane's database and key."""


class Server:
    """A control plane in a directory of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.env = {
            **os.environ,
            "BYOC_DATA_DIR": str(place),
            "BYOC_LEASE_S": "6",
            "BYOC_CONCURRENCY": "1",
        }
        self.started: list[subprocess.Popen[str]] = []
        self.url = ""
        self.verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        """Trusts nobody: the server speaks plain HTTP unless a test says how to trust it."""

    def start(self, port: str = "0") -> subprocess.Popen[str]:
        """Start it; it listens on return."""
        process = self.spawn("server", "--port", port, "--json")
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (self.place / "log").read_text()[-2000:]
        self.url = json.loads(line)["result"]["url"]
        return process

    def spawn(self, *words: str) -> subprocess.Popen[str]:
        """Start a `byoc` command that stays."""
        with (self.place / "log").open("a") as log:
            process = subprocess.Popen(
                [*BYOC, *words], env=self.env, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.started.append(process)
        return process

    def command(self, *words: str) -> dict[str, Any]:
        """A `byoc` command on the same machine; its answer."""
        done = subprocess.run(
            [*BYOC, *words, "--json"], env=self.env, capture_output=True, text=True, check=False
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def tenant(self, name: str) -> tuple[str, str]:
        """A new tenant's id and API key, as `byoc tenant create` makes them."""
        store = Store(self.dsn, pool_size=1)
        made, key = tenants.create(store, name=name, deployment_limit=100)
        store.close()
        return str(made.id), key.get_secret_value()

    def ask(self, path: str, **headers: str) -> httpx.Response:
        """One request of the API."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30, verify=self.verify)

    @property
    def dsn(self) -> str:
        """The address of its database."""
        return Embedded(self.place).url

    def rows(self, asked: str, *given: object) -> list[tuple[Any, ...]]:
        """What the database holds."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(asked.encode(), given or None).fetchall()

    def workers(self) -> list[int]:
        """The processes of those that have told that they live."""
        return [pid for (pid,) in self.rows("SELECT pid FROM byoc.workers ORDER BY heartbeat_at")]

    @property
    def postmaster(self) -> int:
        """PostgreSQL's process."""
        return int((self.place / "data" / "postmaster.pid").read_text().split()[0])

    @property
    def log(self) -> list[dict[str, Any]]:
        """What all of its processes have logged."""
        return [json.loads(line) for line in (self.place / "log").read_text().splitlines()]

    def family(self) -> list[psutil.Process]:
        """Every live process that carries this control plane's directory."""
        return [one for one in psutil.process_iter() if self._belongs(one)]

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            ours = process.environ().get("BYOC_DATA_DIR") == str(self.place)
            ours = ours or process.cwd().startswith(str(self.place))
            return ours and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@contextmanager
def on_cloud(cloud: LocalCloud, **env: str) -> Iterator[Server]:
    """One that runs for the vendor of a local cloud; nothing of it is left afterwards."""
    server = Server(Path(tempfile.mkdtemp(prefix="byoc-cp-")))
    vendor = {k: v for k, v in cloud.env("vendor").items() if k not in SET_BY_THE_SERVER}
    server.env = {**os.environ, **vendor, **cloud.reserve_owner_env()}
    server.env |= {"BYOC_DATA_DIR": str(server.place), **env}
    try:
        server.start()
        yield server
        server.started[-1].terminate()
        server.started[-1].wait(60)
    finally:
        for left in server.family():
            with suppress(psutil.NoSuchProcess):
                left.kill()
        _clear(server)


@contextmanager
def held() -> Iterator[Server]:
    """Not started yet; nothing of it is left afterwards, or the test fails."""
    one = Server(Path(tempfile.mkdtemp(prefix="byoc-cp-")))
    yield one
    deadline = time.monotonic() + PATIENCE_S
    while one.family() and time.monotonic() < deadline:
        time.sleep(0.1)  # a supervisor that was just starting ends when it has started
    left = one.family()
    names = [" ".join(process.cmdline()) for process in left if alive(process.pid)]
    for process in left:
        process.kill()
    _clear(one)
    assert names == []


def _clear(server: Server) -> None:
    """Bury what it started, and remove its directory."""
    for started in server.started:
        started.kill()
        started.wait()
        if started.stdout is not None:
            started.stdout.close()
    shutil.rmtree(server.place)


def alive(pid: int) -> bool:
    """Whether the process is there, and not only its remains."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ready(server: Server) -> bool:
    """Whether the API says that it can serve."""
    return server.ask("/readyz").status_code == 200
