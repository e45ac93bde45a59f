"""A real PostgreSQL for the control plane's tests: one server a session, one database a test."""

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi.testclient import TestClient

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from tests.support.databases import Databases, held_directory, postmaster


@pytest.fixture(scope="session")
def servers() -> Iterator[Path]:
    """Where this session's servers are; what a killed session has left is ended first."""
    with held_directory("byoc-pg-") as place:
        yield place


@pytest.fixture(scope="session")
def initialised(
    servers: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str, testrun_uid: str
) -> Path:
    """A server's files, made once for all workers; nobody runs a server on them."""
    made = servers / "initialised"
    if worker_id == "master":
        return _initialised(made)
    shared = tmp_path_factory.getbasetemp().parent / f"postgres-{testrun_uid}"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if shared.exists():
            subprocess.run(["cp", "-a", str(shared), str(made)], check=True)
        else:
            unfinished = shared.with_suffix(".new")
            subprocess.run(["cp", "-a", str(_initialised(made)), str(unfinished)], check=True)
            unfinished.rename(shared)
    return made


def _initialised(place: Path) -> Path:
    server = Embedded(place, durable=False)
    server.open()
    server.close()
    return place


@pytest.fixture(scope="session")
def embedded(initialised: Path) -> Iterator[Embedded]:
    """The server, in a directory that whoever runs it may pass through."""
    place = copied(initialised)
    server = Embedded(place, durable=False)
    server.open()
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(place)


@pytest.fixture
def place(initialised: Path) -> Iterator[Path]:
    """The files of a server of this test's own; no process may be left in them."""
    made = copied(initialised)
    yield made
    left = postmaster(made)
    if left is not None:
        left.kill()
    shutil.rmtree(made)
    assert left is None


def copied(initialised: Path) -> Path:
    """The files once more, with their owners; of the programs, if they are there, just links."""
    made = Path(tempfile.mkdtemp(dir=initialised.parent, prefix="s"))
    for one in initialised.iterdir():
        how = "-al" if one.name.startswith("postgres1") else "-a"
        subprocess.run(["cp", how, str(one), str(made)], check=True)
    return made


@pytest.fixture(scope="session")
def databases(embedded: Embedded) -> Iterator[Databases]:
    """Where fresh databases come from."""
    made = Databases(embedded.url)
    yield made
    made.close()


@pytest.fixture(scope="session")
def database_url(embedded: Embedded) -> str:
    """The server's own database, which is empty and stays so."""
    return embedded.url


@pytest.fixture
def fresh_url(databases: Databases) -> Iterator[str]:
    """A database of this test's own, with the schema and DBOS's tables in it."""
    with databases.fresh() as url:
        yield url


@pytest.fixture
def store(databases: Databases, fresh_url: str) -> Store:
    """The store on a database of this test's own; `store.url` is its address."""
    return databases.store(fresh_url)


@pytest.fixture(scope="module")
def shared_store(databases: Databases) -> Iterator[Store]:
    """One database for a module's tests, each of which makes a tenant of its own: to empty one
    takes longer than most of them.
    """
    with databases.fresh() as url:
        yield databases.store(url)


@pytest.fixture(scope="session", autouse=True)
def one_loop() -> Iterator[None]:
    """All requests in one event loop, as a server has them; a client's own is new with each."""
    with start_blocking_portal() as portal, mock.patch.object(TestClient, "portal", portal):
        yield
