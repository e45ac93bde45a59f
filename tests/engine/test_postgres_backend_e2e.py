"""Stacks whose states are in PostgreSQL: read without a CLI, and recovered from any host."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from byoc_infra.control_plane.supervisor.backend import state_url
from byoc_infra.engine import Engine, Outcome, StackRef, WorkerPool, state_table
from byoc_infra.engine.history import KEEP, prune, read_state, recorded
from byoc_infra.engine.toolchain import Toolchain
from byoc_infra.errors import StackBusy, StateUnreachable
from tests.control_plane.conftest import databases, embedded, fresh_url, initialised, servers
from tests.engine.conftest import GRACE_S, Bench, prepare
from tests.engine.programs_for_tests import Things
from tests.engine.run_up import SLOW
from tests.support.databases import Databases

__all__ = ["databases", "embedded", "fresh_url", "initialised", "servers"]
pytestmark = pytest.mark.e2e

ONE = Things(things={"a": {}})
NAMES = {"slow", "slower", "fast"}


@pytest.fixture
def bench(tmp_path: Path, toolchain: Toolchain, workers: WorkerPool) -> Bench:
    """An empty cloud, and journals in a folder as far from the state as another host's."""
    prepare(tmp_path)
    engine = Engine(toolchain, workers, state_dir=tmp_path / "here", grace_s=GRACE_S)
    return Bench(root=tmp_path, engine=engine)


def _elsewhere(bench: Bench, toolchain: Toolchain, workers: WorkerPool) -> Bench:
    engine = Engine(toolchain, workers, state_dir=bench.root / "elsewhere", grace_s=GRACE_S)
    return Bench(root=bench.root, engine=engine)


def _stack(bench: Bench, url: str, program: Callable[[], None] = SLOW) -> StackRef:
    return replace(bench.stack(program), backend_url=state_url(url))


def _rows(url: str, prefix: str) -> list[str]:
    return state_table.keys(state_url(url), prefix)


def test_the_state_is_read_without_a_cli(bench: Bench, fresh_url: str) -> None:
    """As the CLI itself gives it; and nothing is there before the first run."""
    stack = _stack(bench, fresh_url, ONE)
    before = read_state(stack)
    made = bench.engine.up(stack)
    by_hand = recorded(stack)
    by_cli = bench.engine._read("export", stack, None, 60).state  # the slow way

    assert made.ok, made.failure
    assert before is None
    assert by_hand == by_cli
    assert bench.engine.settled(stack)


def test_a_destroyed_stack_leaves_no_row(bench: Bench, fresh_url: str) -> None:
    """Neither state, history nor lock."""
    stack = _stack(bench, fresh_url, ONE)
    bench.engine.up(stack)
    destroyed = bench.engine.destroy(stack)

    assert destroyed.ok
    assert [key for key in _rows(fresh_url, "") if "dev" in key] == []


def test_the_history_is_kept_short(bench: Bench, fresh_url: str) -> None:
    """The newest updates stay, each with all its files."""
    stack = _stack(bench, fresh_url, ONE)
    bench.engine.up(stack)
    folder = ".pulumi/history/proj/dev/"
    with psycopg.connect(fresh_url) as connection:
        for number in range(1, KEEP + 6):
            for kind in ("history", "checkpoint"):
                connection.execute(
                    "INSERT INTO pulumi_state (key, data) VALUES (%s, '{}')",
                    (f"{urlsplit(fresh_url).path[1:]}/{folder}dev-{number:05}.{kind}.json",),
                )
    prune(stack)
    kept = {key.split("-")[-1].split(".")[0] for key in _rows(fresh_url, folder)}

    assert len(kept) == KEEP
    assert "00001" not in kept
    assert f"{KEEP + 5:05}" in kept


def test_what_a_run_on_another_host_left_is_found(
    bench: Bench, toolchain: Toolchain, workers: WorkerPool, fresh_url: str
) -> None:
    """Its journal cannot be read and its lock's owner not be judged: the caller's word counts."""
    stack = _stack(bench, fresh_url)
    with _running(bench, stack) as outcomes:
        for process in _of(bench, "provider"):
            process.kill()
    assert not outcomes[0].ok
    _as_if_locked_elsewhere(fresh_url)
    other = _elsewhere(bench, toolchain, workers)
    refused = other.engine.up(stack)
    recovered = other.engine.recover(stack, bench.find, alone=True)
    made = other.engine.up(stack)

    assert isinstance(refused.failure, StackBusy)
    assert {change.name for change in recovered.changes} == {"slow", "slower"}
    assert made.ok, made.failure
    assert {name: len(found) for name, found in bench.cloud().items()} == dict.fromkeys(NAMES, 1)
    assert _rows(fresh_url, ".pulumi/locks/") == []


def test_a_backend_that_goes_away_loses_nothing(
    bench: Bench, databases: Databases, fresh_url: str
) -> None:
    """What was made and could not be written down is found by its name."""
    stack = _stack(bench, fresh_url)
    with _running(bench, stack) as outcomes:
        _shut(databases, fresh_url)
    _reopen(databases, fresh_url)
    failure = outcomes[0].failure
    assert isinstance(failure, StateUnreachable), failure
    assert not bench.engine.settled(stack)
    recovered = bench.engine.recover(stack, bench.find)
    made = bench.engine.up(stack)

    assert recovered.ok, recovered.failure
    assert made.ok, made.failure
    assert {name: len(found) for name, found in bench.cloud().items()} == dict.fromkeys(NAMES, 1)
    assert str(urlsplit(fresh_url).password) not in str(failure)


class _running:  # noqa: N801  # used as `with`
    """An `up` whose slow objects exist and whose answers are still to come."""

    def __init__(self, bench: Bench, stack: StackRef) -> None:
        self._bench = bench
        self._outcomes: list[Outcome] = []
        self._thread = threading.Thread(
            target=lambda: self._outcomes.append(bench.engine.up(stack))
        )

    def __enter__(self) -> list[Outcome]:
        self._thread.start()
        until = time.monotonic() + 40
        while set(self._bench.cloud()) != NAMES:
            assert time.monotonic() < until, "it did not come"
            time.sleep(0.05)
        time.sleep(0.5)
        return self._outcomes

    def __exit__(self, *_: object) -> None:
        self._thread.join()


def _of(bench: Bench, word: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            ours = process.environ().get("FAKE_CLOUD") == str(bench.root / "cloud")
            if ours and any(word in part for part in process.cmdline()):
                yield process
        except psutil.Error:
            continue


def _as_if_locked_elsewhere(url: str) -> None:
    lock: dict[str, Any] = {
        "pid": 7,
        "username": "byoc",
        "hostname": "elsewhere",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    name = "11111111-2222-3333-4444-555555555555.json"
    key = f"{urlsplit(url).path[1:]}/.pulumi/locks/organization/proj/dev/{name}"
    data = json.dumps({"data": base64.b64encode(json.dumps(lock).encode()).decode()})
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO pulumi_state (key, data) VALUES (%s, %s)", (key, data))


def _shut(databases: Databases, url: str) -> None:
    name = urlsplit(url).path[1:]
    with psycopg.connect(databases.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )


def _reopen(databases: Databases, url: str) -> None:
    name = urlsplit(url).path[1:]
    with psycopg.connect(databases.url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name))
        )
