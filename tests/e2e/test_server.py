"""`byoc server` as a process: what it has beside it, and what happens when any of it dies."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from byoc_infra.control_plane.store.embedded import Embedded
from tests.support.certificates import ca_pem, key_pem

pytestmark = pytest.mark.e2e
BYOC = (sys.executable, "-m", "byoc_infra.cli")
PATIENCE_S = 180.0


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
        self.verify: ssl.SSLContext | bool = True

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

    def ask(self, path: str, **headers: str) -> httpx.Response:
        """One request of the API."""
        return httpx.get(f"{self.url}{path}", headers=headers, timeout=30, verify=self.verify)

    @property
    def dsn(self) -> str:
        """How to reach its database."""
        password = (self.place / "byoc_owner.password").read_text()
        return make_conninfo(
            host=str(self.place / "socket"), user="byoc_owner", password=password, dbname="byoc"
        )

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
def held() -> Iterator[Server]:
    """Not started yet; nothing of it is left afterwards, or the test fails."""
    place = Path(tempfile.mkdtemp(prefix="byoc-cp-"))
    one = Server(place)
    yield one
    deadline = time.monotonic() + PATIENCE_S
    while one.family() and time.monotonic() < deadline:
        time.sleep(0.1)  # a supervisor that was just starting ends when it has started
    left = one.family()
    names = [" ".join(process.cmdline()) for process in left if alive(process.pid)]
    for process in left:
        process.kill()
    for started in one.started:
        started.wait()
        if started.stdout is not None:
            started.stdout.close()
    shutil.rmtree(place)
    assert names == []


@pytest.fixture
def server() -> Iterator[Server]:
    """One of a test's own, not started yet."""
    with held() as one:
        yield one


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """One that the tests with a PostgreSQL beside it share, in their order."""
    with held() as one:
        one.start()
        yield one


@pytest.fixture(scope="module")
def tenant(running: Server) -> dict[str, Any]:
    """Its first tenant, as the operator's command has answered."""
    made: dict[str, Any] = running.command("tenant", "create", "acme")["result"]
    return made


def alive(pid: int) -> bool:
    """Whether the process is there, and not only its remains."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(claim: Callable[[], object]) -> None:
    """Wait for it to be so."""
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def ready(server: Server) -> bool:
    """Whether the API says that it can serve."""
    return server.ask("/readyz").status_code == 200


def itself(server: Server, tenant: dict[str, Any]) -> str:
    """The tenant's id, as the API tells whoever has its key."""
    id_: str = server.ask("/byoc/v1/tenant", **{"X-Api-Key": tenant["api_key"]}).json()["id"]
    return id_


def other(pids: Sequence[int], pid: int) -> bool:
    """Whether there is a live worker that is not the one of that number."""
    return any(one != pid and alive(one) for one in pids)


def test_one_command_is_a_whole_control_plane(running: Server, tenant: dict[str, Any]) -> None:
    """API, worker and PostgreSQL; the operator's commands work beside it."""
    assert ready(running)
    again = running.command("tenant", "create", "acme")
    listed = running.command("tenant", "list")["result"]["tenants"]
    until(running.workers)
    (worker,) = running.workers()

    assert tenant["api_key"].startswith("byoc_")
    assert again["error"]["code"] == "DUPLICATE_NAME"
    assert [(one["name"], one["tenant_id"]) for one in listed] == [("acme", tenant["tenant_id"])]
    assert running.ask("/byoc/v1/tenant").status_code == 401
    assert itself(running, tenant) == tenant["tenant_id"]
    assert psutil.Process(worker).ppid() == running.started[-1].pid
    assert {"listening", "request"} <= {line["event"] for line in running.log}


def test_whatever_dies_is_there_again(running: Server, tenant: dict[str, Any]) -> None:
    """The worker, PostgreSQL, and at last the server itself."""
    until(running.workers)
    worker = running.workers()[0]

    psutil.Process(worker).kill()
    until(lambda: other(running.workers(), worker))

    postmaster = running.postmaster
    psutil.Process(postmaster).kill()
    until(lambda: not alive(postmaster))
    until(lambda: ready(running))
    assert running.postmaster != postmaster

    until(lambda: other(running.workers(), worker))
    postmaster = running.postmaster
    orphan = next(pid for pid in running.workers() if pid != worker and alive(pid))
    running.started[-1].kill()
    running.started[-1].wait()
    running.start()
    assert running.postmaster == postmaster
    assert ready(running)
    assert itself(running, tenant) == tenant["tenant_id"]
    until(lambda: not alive(orphan))


def test_told_to_end_it_leaves_nothing_and_has_logged_no_secret(
    running: Server, tenant: dict[str, Any]
) -> None:
    """Whatever had died before."""
    process = running.started[-1]
    process.terminate()
    assert process.wait(PATIENCE_S) == 0
    until(lambda: not running.family())

    password = (running.place / "byoc_owner.password").read_text()
    text = (running.place / "log").read_text()
    for secret in (password, (running.place / "secret.key").read_text(), tenant["api_key"]):
        assert secret not in text


def test_on_a_database_of_ones_own_with_more_workers_and_https(
    server: Server, tmp_path: Path
) -> None:
    """As in production: nothing is started beside it but a worker, and nothing stopped."""
    (tmp_path / "cert.pem").write_text(ca_pem())
    (tmp_path / "key.pem").write_text(key_pem())
    server.verify = ssl.create_default_context(cadata=ca_pem())
    server.verify.check_hostname = False
    database = Embedded(server.place, durable=False)  # plays one that somebody else runs
    server.env |= {
        "BYOC_DATABASE_URL": database.open(),
        "BYOC_SECRET_KEY": "k" * 32,
        "BYOC_HOST": "127.0.0.2",
        "BYOC_TLS_CERTIFICATE": str(tmp_path / "cert.pem"),
        "BYOC_TLS_KEY": str(tmp_path / "key.pem"),
    }
    process = server.start()
    more = server.spawn("worker")

    assert server.url.startswith("https://127.0.0.2:")
    assert ready(server)
    until(lambda: len(server.workers()) == 2)
    assert more.pid in server.workers()
    for one in (more, process):
        one.terminate()
        assert one.wait(PATIENCE_S) == 0
    assert server.workers() == []
    assert not (server.place / "secret.key").exists()
    database.close()
