"""`byoc server` as a process: what it has beside it, and what happens when any of it dies."""

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from byoc_infra.control_plane.store.embedded import Embedded
from tests.support.certificates import ca_pem, key_pem
from tests.support.server import PATIENCE_S, Server, alive, held, ready
from tests.support.waiting import until

pytestmark = pytest.mark.e2e


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


def itself(server: Server, tenant: dict[str, Any]) -> str:
    """The tenant's id, as the API tells whoever has its key."""
    id_: str = server.ask("/byoc/v1/tenant", **{"X-Api-Key": tenant["api_key"]}).json()["id"]
    return id_


def other(pids: Sequence[int], pid: int) -> bool:
    """Whether there is a live worker that is not the one of that number."""
    return any(one != pid and alive(one) for one in pids)


def at_work(server: Server) -> int:
    """How many workers have got as far as to take operations, dead ones included."""
    return sum("takes operations" in line["event"] for line in server.log)


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
    until(lambda: at_work(running) == 2)  # until then it may end with its database

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
