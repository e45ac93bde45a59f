"""The reaper's ways that need no worker process: accounts that were closed, and dead workers."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa

from byoc_infra.control_plane.processes import this_process
from byoc_infra.control_plane.store.tables import AccountRow, WorkerRow
from byoc_infra.control_plane.workflows.operate import Operate
from byoc_infra.control_plane.workflows.outcome import Ended
from byoc_infra.control_plane.workflows.reaper import Patience, Reaper
from byoc_infra.errors import AccessRefused, ByocError, CloudUnreachable
from tests.control_plane.workflows.test_operate import NoLanes
from tests.support.workers import Plane

Reapers = Callable[..., Reaper]


def refusal(kind: type[ByocError] = AccessRefused) -> ByocError:
    """What the role says."""
    return kind("role_arn", wanted="a way in", got="still closed", next_step="Ask its owner.")


class Door:
    """A role that may refuse, and counts who knocks."""

    def __init__(self, answer: ByocError | None = None) -> None:
        self.answer = answer
        self.knocks = 0

    def __call__(self, _: AccountRow) -> None:
        """Knock."""
        self.knocks += 1
        if self.answer is not None:
            raise self.answer


def reaper(plane: Plane, door: Door, soonest_s: float = 0.0, latest_s: float = 0.0) -> Reaper:
    """One whose worker runs nothing."""
    return Reaper(
        store=plane.store,
        queue=plane.queue,
        probe=door,
        executor_id="me",
        version="1",
        running=set(),
        patience=Patience(
            silent_s=30.0, probe_soonest_s=soonest_s, probe_latest_s=max(soonest_s, latest_s)
        ),
    )


def waiting(plane: Plane) -> str:
    """An operation that the account has refused."""
    steps = Operate(store=plane.store, queue=plane.queue, lanes=NoLanes())
    operation = plane.ask(plane.deployment(uuid.uuid4().hex[:8]))
    steps.begin(operation.id, 1)
    steps.finish(operation.id, 1, 0, Ended("WAITING", refusal().as_dict()))
    return operation.id


def account(plane: Plane) -> AccountRow:
    """As it is now."""
    with plane.store.begin() as tx:
        return tx.accounts.get(plane.tenant.id, plane.account.id)


def test_operations_go_on_when_the_role_lets_us_in_again(plane: Plane) -> None:
    """Nobody has to ask again."""
    ids = [waiting(plane), waiting(plane)]
    reaper(plane, Door()).reconnect()

    assert [(plane.operation(i).status, plane.operation(i).attempt) for i in ids] == [
        ("QUEUED", 2),
        ("QUEUED", 2),
    ]
    assert {f"{i}.2" for i in ids} <= set(plane.workflows())
    assert account(plane).status == "active"


@pytest.mark.parametrize(
    ("answer", "message"),
    [(refusal(), "still closed"), (refusal(CloudUnreachable), "earlier")],
)
def test_a_role_that_refuses_leaves_all_as_it_is(
    plane: Plane, answer: ByocError, message: str
) -> None:
    """The account says why; an AWS that does not answer is not the account's doing."""
    operation = waiting(plane)
    with plane.store.begin() as tx:
        tx.accounts.get(plane.tenant.id, plane.account.id).status_message = "earlier"
    reaper(plane, Door(answer)).reconnect()

    assert (plane.operation(operation).status, plane.operation(operation).attempt) == ("WAITING", 1)
    assert (account(plane).status, account(plane).status_message) == ("disconnected", message)


def test_the_role_is_tried_less_and_less_often(plane: Plane) -> None:
    """No storm of refused calls in the customer's CloudTrail."""
    waiting(plane)
    door = Door(refusal())
    soon = reaper(plane, door, soonest_s=60.0, latest_s=600.0)
    tried = []
    for minutes_waiting, minutes_since_try in (
        (1, 0.5),
        (2, 1.5),
        (9, 3),
        (9, 6),
        (60, 9),
        (60, 11),
    ):
        age(plane, waited=minutes_waiting, tried=minutes_since_try)
        before = door.knocks
        soon.reconnect()
        tried.append(door.knocks > before)

    assert tried == [False, True, False, True, False, True]


def test_one_reaper_alone_tries_a_role(plane: Plane) -> None:
    """However many workers there are."""
    waiting(plane)
    age(plane, waited=5, tried=5)
    door = Door(refusal())
    for _ in range(3):
        reaper(plane, door, soonest_s=60.0).reconnect()

    assert door.knocks == 1


def test_operations_go_on_when_somebody_has_activated_the_account(plane: Plane) -> None:
    """Then nothing needs to be tried."""
    operation = waiting(plane)
    with plane.store.begin() as tx:
        tx.accounts.get(plane.tenant.id, plane.account.id).status = "active"
    door = Door()
    reaper(plane, door).reconnect()

    assert plane.operation(operation).status == "QUEUED"
    assert door.knocks == 0


def test_workers_that_are_gone_or_silent_are_buried(plane: Plane) -> None:
    """One that is gone from this host at once; one of another host when it has been silent."""
    me = this_process()
    clock = Clock()
    watching = replace(reaper(plane, Door()), clock_s=clock)
    known = [
        _worker("me", me.host, me.pid),
        _worker("gone", me.host, 2**22 - 1),
        _worker("far", "elsewhere", 1),
        _worker("silent", "elsewhere", 2),
    ]
    lived = []
    for telling in (known, known[:3], known[:3]):
        lived.append(_round(plane, watching, telling))
        clock.now_s += 20.0

    assert lived == [["far", "me", "silent"], ["far", "me", "silent"], ["far", "me"]]
    with plane.store.begin() as tx:
        assert [w.id for w in tx.workers.all()] == ["far", "me"]


def test_an_outage_of_the_database_makes_no_worker_silent(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could tell that it lives; whoever reaps first may not bury all the others."""
    clock = Clock()
    watching = replace(reaper(plane, Door()), clock_s=clock)
    far = _worker("far", "elsewhere", 1)
    _round(plane, watching, [far])
    with monkeypatch.context() as patched:
        patched.setattr(watching, "_claimed_and_lost", _away)
        with pytest.raises(ConnectionError):
            watching.reap()
    clock.now_s += 31.0

    assert _round(plane, watching, []) == ["far"]
    clock.now_s += 31.0
    assert _round(plane, watching, []) == []


class Clock:
    """Stands still until it is told otherwise."""

    now_s = 0.0

    def __call__(self) -> float:
        """Read it."""
        return self.now_s


def _worker(id_: str, host: str, pid: int) -> WorkerRow:
    started = this_process().started
    return WorkerRow(id=id_, host=host, pid=pid, process_started=started, version="1")


def _away() -> None:
    raise ConnectionError("the database is away")


def _round(plane: Plane, watching: Reaper, telling: list[WorkerRow]) -> list[str]:
    """Workers tell that they live, then the reaper looks; who lives."""
    with plane.store.begin() as tx:
        for worker in telling:
            tx.workers.beat(worker)
    with plane.store.begin() as tx:
        silent = watching._silent(tx.workers.all())
    return [worker.id for worker in watching._bury(silent)]


def test_an_operation_that_never_ends_fails_at_last(plane: Plane) -> None:
    """Else a worker that it brings down would be brought down for ever."""
    operation = plane.ask(plane.deployment())
    with plane.store.begin() as tx:
        tx.operations.get(plane.tenant.id, operation.id).attempt = 50
    reaper(plane, Door())._next_attempt(operation.id, 50)

    assert plane.operation(operation.id).status == "FAILED"
    assert (plane.operation(operation.id).failure or {})["code"] == "INTERNAL"


def age(plane: Plane, *, waited: float, tried: float) -> None:
    """As if operations had waited, and the role had been tried, so many minutes ago."""
    with plane.store.engine.begin() as connection:
        for asked, minutes in (
            ("UPDATE byoc.operations SET updated_at = now() - make_interval(secs => :s)", waited),
            ("UPDATE byoc.accounts SET checked_at = now() - make_interval(secs => :s)", tried),
        ):
            connection.execute(sa.text(asked), {"s": minutes * 60})
