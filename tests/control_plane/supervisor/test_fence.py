"""The state's table takes nothing from an engine whose lease has gone."""

from collections.abc import Iterator

import psycopg
import pytest

from byoc_infra.control_plane.processes import this_process
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.supervisor.lease import Lease, StoreShelf, acquire

STACK = "5d1f5f0e-6a4e-4f0e-9a55-0a52f4c6a111"


@pytest.fixture
def first(store: Store) -> Lease:
    """A lease on the stack."""
    return _take(store)


@pytest.fixture
def engine(store: Store, first: Lease) -> Iterator[psycopg.Connection]:
    """A session as the first owner's engine has it."""
    options = f"-c byoc.lease={first.stack}:{first.token}"
    with psycopg.connect(store.url, options=options, autocommit=True) as connection:
        connection.execute("INSERT INTO pulumi_state (key, data) VALUES ('state', '{}')")
        yield connection


def _take(store: Store) -> Lease:
    return acquire(
        StoreShelf(store),
        STACK,
        operation_id="op-1",
        me=this_process(),
        lease_s=60,
        pause=lambda _: None,
        end=lambda _: None,
    )


WRITES = [
    "INSERT INTO pulumi_state (key, data) VALUES ('other', '{}')",
    "UPDATE pulumi_state SET data = '{\"stale\": 1}' WHERE key = 'state'",
    "DELETE FROM pulumi_state WHERE key = 'state'",
]


@pytest.mark.parametrize("write", WRITES)
def test_the_owners_engine_writes(engine: psycopg.Connection, write: str) -> None:
    """Its state, its history, its lock."""
    assert engine.execute(write.encode()).rowcount == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("how", ["taken", "given back"])
def test_an_old_owners_engine_does_not(
    store: Store, first: Lease, engine: psycopg.Connection, write: str, how: str
) -> None:
    """Neither over what the new one wrote, nor the new one's lock away."""
    if how == "taken":
        _take(store)
    else:
        first.give_back(clean=True)

    with pytest.raises(psycopg.errors.RaiseException, match="has gone"):
        engine.execute(write.encode())
    with psycopg.connect(store.url) as anybody:
        kept = anybody.execute("SELECT key, data FROM pulumi_state").fetchall()
    assert kept == [("state", {})]


def test_who_names_no_lease_may_write(store: Store, first: Lease) -> None:
    """`pulumi` by hand, and what only tidies up."""
    with psycopg.connect(store.url) as by_hand:
        done = by_hand.execute("INSERT INTO pulumi_state (key, data) VALUES ('x', '{}')")

    assert first.token == 1
    assert done.rowcount == 1


def test_a_write_under_way_is_waited_for_by_whoever_takes_the_lease(
    store: Store, first: Lease, engine: psycopg.Connection
) -> None:
    """So that no write of the old owner comes after the new one has begun."""
    with engine.transaction(), psycopg.connect(store.url) as other:
        engine.execute(WRITES[1].encode())
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("UPDATE byoc.leases SET token = token + 1 WHERE stack = %s", (STACK,))
    assert first.token == 1
