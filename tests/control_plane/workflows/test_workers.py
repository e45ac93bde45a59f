"""Worker processes on a real PostgreSQL: what survives whose death."""

import itertools
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.embedded import Embedded
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.control_plane.workflows import schema
from byoc_infra.control_plane.workflows.queue import Queue
from tests.support.waiting import until
from tests.support.workers import Plane, Worker, Workers, workers

pytestmark = pytest.mark.e2e

LONG = {"seconds": 60.0}
"""So that whoever runs an operation is caught at it; no test waits for it."""


def succeeded(plane: Plane, *operations: OperationRow) -> None:
    """Wait until all of them have."""
    ids = {operation.id for operation in operations}
    until(lambda: not plane.unfinished(ids), f"the end of {sorted(ids)}", within_s=180.0)


def running(plane: Plane, worker: Worker, count: int = 1) -> None:
    """Wait until supervisors of the worker are at work."""
    until(lambda: plane.at_work(worker.pid) >= count, f"a run on {worker.pid}")


def overlaps(plane: Plane) -> list[tuple[int, int]]:
    """Runs on one stack at one time."""
    asked = (
        "SELECT r.*, o.deployment_id FROM public.runs r JOIN byoc.operations o"
        " ON o.id = r.operation ORDER BY r.number"
    )
    return [
        (a.number, b.number)
        for a, b in itertools.combinations(plane.rows(asked), 2)
        if a.deployment_id == b.deployment_id and (a.ended is None or a.ended > b.began)
    ]


def test_fifty_at_once_all_finish_and_both_workers_take_part(
    plane: Plane, started: Workers
) -> None:
    """More workers on one database are all that it takes to grow; each minds its limit, and a
    stack has one writer.
    """
    stacks = [plane.deployment(f"app-{n}") for n in range(25)]
    asked = [plane.ask(stack, kind) for stack in stacks for kind in ("deploy", "preview")]
    both = {started.start().pid, started.start().pid}
    succeeded(plane, *asked)
    runs = plane.runs()

    assert sorted(r.operation for r in runs) == sorted(o.id for o in asked)
    assert {r.worker for r in runs} == both
    assert len({r.pid for r in runs}) == 4
    assert overlaps(plane) == []
    assert plane.told(asked[0].id) == ["RUNNING", "SUCCEEDED"]
    assert plane.now(stacks[0]).active_revision_id == asked[0].revision_id


def test_what_a_killed_worker_ran_another_takes_up_at_once(plane: Plane, started: Workers) -> None:
    """Killed alone or with its supervisors; on the same host nobody waits for a heartbeat to be
    missed. What waited behind the operation stays behind it.
    """
    deployment = plane.deployment()
    operation = plane.ask(deployment)
    first = started.start(plan=LONG)
    running(plane, first)
    behind = plane.ask(deployment, "preview")
    second = started.start(plan=LONG)
    until(lambda: "takes operations" in second.said(), "the second worker")
    first.signal(signal.SIGKILL)
    running(plane, second)
    for process in psutil.Process(second.pid).children(recursive=True):
        process.kill()
    second.signal(signal.SIGKILL)
    started.start()
    succeeded(plane, operation, behind)

    assert [(r.operation, r.attempt, r.result) for r in plane.runs()] == [
        (operation.id, 1, "stopped"),
        (operation.id, 2, None),
        (operation.id, 3, "SUCCEEDED"),
        (behind.id, 1, "SUCCEEDED"),
    ]
    ended = {
        f"{operation.id}.1": "CANCELLED",
        f"{operation.id}.2": "CANCELLED",
        f"{operation.id}.3": "SUCCESS",
        f"{behind.id}.1": "SUCCESS",
    }
    until(lambda: plane.workflows() == ended, "the workflows' ends")


def test_a_worker_that_sleeps_past_its_time_and_wakes_up_spoils_nothing(
    plane: Plane, started: Workers
) -> None:
    """Its operation was given to another; the one who wakes is not heard, and works on."""
    operation = plane.ask(plane.deployment())
    sleeper = started.start(plan={"seconds": 6.0})
    running(plane, sleeper)
    sleeper.signal(signal.SIGSTOP)
    started.start()
    succeeded(plane, operation)
    told = plane.told(operation.id)
    sleeper.signal(signal.SIGCONT)
    others = [plane.ask(plane.deployment(f"app-{n}")) for n in range(6)]
    succeeded(plane, *others)

    assert told == plane.told(operation.id) == ["RUNNING", "QUEUED", "RUNNING", "SUCCEEDED"]
    assert overlaps(plane) == []
    assert plane.workflows()[f"{operation.id}.1"] == "CANCELLED"
    until(
        lambda: sleeper.pid in {r.pid for r in plane.rows("SELECT pid FROM byoc.workers")},
        "the sleeper's heartbeat",
    )


def test_a_worker_that_is_asked_to_end_hands_on_what_it_cannot_finish(
    plane: Plane, started: Workers
) -> None:
    """It finishes what is nearly done, takes nothing more, and is gone within seconds whatever
    its engine has in flight.
    """
    quick, long = plane.ask(plane.deployment("quick")), plane.ask(plane.deployment("long"))
    ending = started.start(plan={"seconds": 1.5, "slow": {long.id: 60.0}}, drain_s=4.0)
    running(plane, ending, 2)
    later = plane.ask(plane.deployment("later"))
    ending.signal(signal.SIGTERM)
    assert ending.end() == 0
    at_its_end = [plane.operation(o.id) for o in (quick, long, later)]
    left = plane.rows("SELECT id FROM byoc.workers")
    started.start()
    succeeded(plane, long, later)

    assert [(o.status, o.attempt) for o in at_its_end] == [
        ("SUCCEEDED", 1),
        ("QUEUED", 2),
        ("QUEUED", 1),
    ]
    assert left == []
    assert sorted(r.result for r in plane.runs() if r.operation == long.id) == [
        "SUCCEEDED",
        "stopped",
    ]
    assert "Traceback" not in ending.said()


def test_an_upgrade_takes_up_what_the_old_version_had_begun(plane: Plane, started: Workers) -> None:
    """DBOS alone leaves workflows of another version where they are. The old one's living workers
    finish theirs; going back to the old version works as well.
    """
    left, finished = (plane.ask(plane.deployment(n)) for n in ("left", "finished"))
    old = started.start(plan=LONG, concurrency=1)
    running(plane, old)
    staying = started.start(plan={"seconds": 4.0}, concurrency=1)
    running(plane, staying)
    new = started.start(version="2")
    until(lambda: "takes operations" in new.said(), "the new version")
    fresh = plane.ask(plane.deployment("fresh"))
    succeeded(plane, fresh)
    old.signal(signal.SIGKILL)
    succeeded(plane, left, finished)
    new.signal(signal.SIGKILL)
    back = plane.ask(plane.deployment("back"))
    succeeded(plane, back)
    by_worker = {r.operation: r.worker for r in plane.runs()}

    assert by_worker[fresh.id] == new.pid
    assert by_worker[back.id] == staying.pid
    assert sorted((plane.operation(o.id).attempt) for o in (left, finished)) == [1, 2]


def test_errors_that_pass_and_supervisors_that_die_are_tried_again(
    plane: Plane, started: Workers
) -> None:
    """The cause is told each time, and gone at the end. An operation that has lost its workflow,
    as after a restore, gets another.
    """
    operation, fails, bare = (plane.ask(plane.deployment(name)) for name in "abc")
    plane.queue._client.delete_workflow(f"{bare.id}.1")
    endings = {operation.id: ["RETRY", "DIES", "SUCCEEDED"], fails.id: ["FAILED"]}
    started.start(plan={"seconds": 0.0, "endings": endings})
    succeeded(plane, operation, bare)
    until(lambda: plane.operation(fails.id).status == "FAILED", "the failure")

    assert plane.told(operation.id) == [*["RUNNING", "QUEUED"] * 2, "RUNNING", "SUCCEEDED"]
    assert plane.operation(operation.id).failure is None
    assert plane.operation(bare.id).attempt == 2
    assert plane.operation(fails.id).failure == {"code": "FAKE", "got": "as planned"}
    assert plane.revision(fails).status == "DEPLOY_FAILED"


@pytest.fixture
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A PostgreSQL that a test may kill."""
    place = Path("/tmp") / f"byoc-mortal-{time.time_ns()}"  # noqa: S108 - root's server runs as nobody
    server = Embedded(place, durable=False)
    server.open()
    yield server
    server.close()
    shutil.rmtree(place)


def test_a_database_that_restarts_interrupts_nothing(mortal: Embedded, tmp_path: Path) -> None:
    """Workers wait for it, and write down then what had ended meanwhile."""
    with ExitStack() as closing:
        store = Store(mortal.url)
        closing.callback(store.close)
        store.migrate()
        schema.migrate(mortal.url)
        queue = Queue(mortal.url)
        closing.callback(queue.close)
        plane = Plane(store, queue)
        started = closing.enter_context(workers(plane, tmp_path))
        asked = [plane.ask(plane.deployment(f"app-{n}")) for n in range(8)]
        both = [started.start(plan={"seconds": 1.0}) for _ in range(2)]
        running(plane, both[0])
        for _ in range(2):
            postmaster = int((mortal.directory / "data" / "postmaster.pid").read_text().split()[0])
            psutil.Process(postmaster).send_signal(signal.SIGQUIT)  # ends every session at once
            psutil.Process(postmaster).wait(20.0)
            mortal.revive()
            running(plane, both[0])
        succeeded(plane, *asked)

        assert all(worker.lives for worker in both)
        ended = [r.operation for r in plane.runs() if r.result == "SUCCEEDED"]
        assert sorted(ended) == sorted(operation.id for operation in asked)
