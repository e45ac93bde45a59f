"""A real PostgreSQL for the control plane's tests: one server a session, one database a test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from tests.support.databases import Databases


@pytest.fixture(scope="session")
def embedded() -> Iterator[Embedded]:
    """The server, in a directory that whoever runs it may pass through."""
    place = Path(tempfile.mkdtemp(prefix="byoc-pg-"))
    server = Embedded(place, durable=False)
    server.open()
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(place)


@pytest.fixture(scope="session")
def databases(embedded: Embedded) -> Databases:
    """Where fresh databases come from."""
    return Databases(embedded.url)


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
def store(fresh_url: str) -> Iterator[Store]:
    """The store on a database of this test's own; `store.url` is its address."""
    opened = Store(fresh_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_store(databases: Databases) -> Iterator[Store]:
    """One database for a module's tests, each of which makes a tenant of its own: a copy of the
    template takes longer than most of them.
    """
    with databases.fresh() as url:
        opened = Store(url)
        yield opened
        opened.close()
