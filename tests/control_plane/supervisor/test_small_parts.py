"""The supervisor's small parts: orders, the state's address, taking over, what is told."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import psutil
import pytest

from byoc_infra.control_plane.processes import ProcessId, this_host
from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.supervisor import approval, takeover
from byoc_infra.control_plane.supervisor.backend import environment, state_url
from byoc_infra.control_plane.supervisor.conduct import Answer
from byoc_infra.control_plane.supervisor.desk import Desk
from byoc_infra.control_plane.supervisor.telling import about
from byoc_infra.engine import EngineEvent
from byoc_infra.flows.results import Item
from byoc_infra.flows.work import Backend

KEY = "0123456789abcdef0123456789abcdef"


@dataclass
class FakeConductor:
    """Succeeds at once, or does what it is given."""

    done: list[tuple[str, int]] = field(default_factory=list)
    closing: bool = False
    then: Callable[[], None] = lambda: None

    def conduct(self, operation_id: str, attempt: int) -> Answer:
        """Note it."""
        self.done.append((operation_id, attempt))
        self.then()
        return Answer(ended="SUCCEEDED")

    def close(self) -> None:
        """No more."""
        self.closing = True


def test_orders_are_answered_one_by_one() -> None:
    """A line that is none is left out; the end of the input ends it."""
    conductor, answers = FakeConductor(), io.StringIO()
    desk = Desk(conductor, answers)

    def lines() -> Iterator[str]:
        yield from ('{"operation": "op-1", "attempt": 1}\n', "nonsense\n", "[]\n", "{}\n")
        yield '{"operation": "op-2", "attempt": 3}\n'
        while len(conductor.done) < 2:
            time.sleep(0.01)

    desk.serve(lines())

    assert conductor.done == [("op-1", 1), ("op-2", 3)]
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [
        {"operation": "op-1", "ended": "SUCCEEDED", "error": None},
        {"operation": "op-2", "ended": "SUCCEEDED", "error": None},
    ]
    assert conductor.closing


def test_who_does_not_listen_any_more_gets_no_more() -> None:
    """A worker that died while the operation ended."""

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    conductor = FakeConductor()
    Desk(conductor, Broken()).serve(['{"operation": "op-1", "attempt": 1}\n'])

    assert len(conductor.done) <= 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            "postgresql://u:p@/byoc?host=%2Frun%2Fpg",
            "postgres://u:p@/byoc?host=%2Frun%2Fpg&sslmode=disable",
        ),
        (
            "postgresql://u:p@127.0.0.1:5432/byoc",
            "postgres://u:p@127.0.0.1:5432/byoc?sslmode=disable",
        ),
        (
            "postgresql://u:p@db.example:5432/byoc",
            "postgres://u:p@db.example:5432/byoc?sslmode=require",
        ),
        (
            "postgresql://u:p@db.example/byoc?sslmode=verify-full",
            "postgres://u:p@db.example/byoc?sslmode=verify-full",
        ),
        (
            "postgresql://u:p@db.example/byoc?sslmode=prefer",
            "postgres://u:p@db.example/byoc?sslmode=require",
        ),
    ],
)
def test_the_states_are_in_the_control_planes_own_database(given: str, wanted: str) -> None:
    """In the words of Pulumi's driver; across a network never without TLS."""
    assert state_url(given) == wanted


def test_the_passphrase_is_worked_out_of_the_secret_key() -> None:
    """The same on every worker, not the key itself, and refused without either."""
    url = "postgresql://u:p@/byoc?host=%2Frun%2Fpg"
    settings = Settings.of({"BYOC_DATABASE_URL": url, "BYOC_SECRET_KEY": KEY})
    env = environment(settings, {})
    given = environment(
        settings, {"PULUMI_CONFIG_PASSPHRASE": "mine", "PULUMI_BACKEND_URL": "s3://b"}
    )

    assert env == environment(settings, {})
    assert KEY not in env["PULUMI_CONFIG_PASSPHRASE"]
    assert len(env["PULUMI_CONFIG_PASSPHRASE"]) == 64
    assert Backend.of(env).url == env["PULUMI_BACKEND_URL"]
    assert given == {"PULUMI_CONFIG_PASSPHRASE": "mine", "PULUMI_BACKEND_URL": "s3://b"}


def test_nothing_of_a_hung_supervisor_is_left() -> None:
    """Itself, and what carries its mark in a session of its own; others are left alone."""
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    owner = subprocess.Popen(sleep, start_new_session=True)
    started = psutil.Process(owner.pid).create_time()
    marked = {**os.environ, takeover.MARK: f"{owner.pid}/{started:.0f}"}
    engine = subprocess.Popen(sleep, env=marked, start_new_session=True)
    other = subprocess.Popen(sleep, start_new_session=True)
    try:
        psutil.Process(owner.pid).suspend()
        psutil.Process(engine.pid).suspend()
        takeover.end(ProcessId(this_host(), owner.pid, started), grace_s=0.2)
        owner.wait(5)
        left = [psutil.pid_exists(one.pid) for one in (owner, engine, other)]
    finally:
        for one in (engine, other):
            one.kill()
            one.wait()

    assert left == [False, False, True]


def test_a_process_of_another_host_is_never_killed() -> None:
    """Its number means another process here."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        started = psutil.Process(child.pid).create_time()
        takeover.end(ProcessId("elsewhere", child.pid, started), grace_s=0.2)
        alive = child.poll() is None
    finally:
        child.kill()
        child.wait()

    assert alive


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            EngineEvent(kind="started", urn="u", type="t", name="n", op="create"),
            ("resource", {"state": "started", "op": "create", "type": "t", "name": "n"}),
        ),
        (
            EngineEvent(kind="message", name="n", message=" password=hunter2hunter2 "),
            ("progress", {"message": "password=…", "resource": "n"}),
        ),
        (EngineEvent(kind="note", message="x" * 5000), ("progress", {"message": "x" * 2000})),
    ],
)
def test_what_the_engine_says_is_told_scrubbed_and_short(
    event: EngineEvent, told: tuple[str, dict[str, str]]
) -> None:
    """An event is read by whoever may read the operation."""
    assert about(event) == told


def test_only_loss_of_data_needs_approval() -> None:
    """Replacing a task definition is what every roll-out does."""
    changes = (
        Item(op="replace", type="aws:ecs/taskDefinition:TaskDefinition", name="api"),
        Item(op="update", type="aws:rds/instance:Instance", name="db"),
        Item(op="create", type="aws:rds/instance:Instance", name="db"),
        Item(op="delete", type="aws:rds/instance:Instance", name="old"),
    )

    assert [one.name for one in approval.needed(changes)] == ["old"]
