"""A supervisor runs operations on the local cloud, whatever dies meanwhile.

E1 to E7 are the ways in which an engine or what is around it can die, one after the other on one
deployment: each attempt takes up what the one before had made.
"""

import json
import time
from collections.abc import Callable

import psycopg
import pytest

from byoc_infra.aws import inventory
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import DeploymentRow
from byoc_infra.control_plane.supervisor.backend import state_url
from byoc_infra.engine import state_table
from tests.e2e.plane import Plane, Supervisor
from tests.e2e.stage import Stage
from tests.support.waiting import until

pytestmark = pytest.mark.e2e

KINDS = ("ecs service", "load balancer", "target group", "rds instance", "secret", "listener")


@pytest.fixture
def plane(account: Stage, store: Store) -> Plane:
    """An empty control plane over the stage."""
    return Plane(account, store)


def _counted(plane: Plane, name: str) -> dict[str, int]:
    """How many things of each kind carry the deployment's name."""
    stage = plane.stage
    with stage.work("customer").reach(stage.account(), None) as reached:
        found = inventory.take(reached.session, KINDS)
    assert found.unread == {}
    return {kind: sum(name in one for one in found.kinds[kind]) for kind in KINDS}


ONE_OF_EACH = {
    "ecs service": 2,
    "load balancer": 1,
    "target group": 1,
    "rds instance": 1,
    "secret": 1,
    "listener": 1,
}


def _locks(plane: Plane) -> list[str]:
    return state_table.keys(state_url(plane.store.url), ".pulumi/locks/")


def _pending(plane: Plane) -> list[str]:
    """What the states say was begun and not ended."""
    url = state_url(plane.store.url)
    found = []
    for key in state_table.keys(url, ".pulumi/stacks/"):
        if key.endswith(".json"):
            latest = json.loads(state_table.read(url, key) or "{}")["checkpoint"]["latest"]
            found += [one["type"] for one in (latest or {}).get("pending_operations") or ()]
    return found


def _begun(plane: Plane, operation_id: str, type_: str = "aws:") -> Callable[[], bool]:
    """Whether the engine has begun something, in this attempt, with one of that type."""
    before = plane.times_begun(operation_id, type_)
    return lambda: plane.times_begun(operation_id, type_) > before


def _await(true: Callable[[], bool], supervisor: Supervisor, what: str) -> None:
    """Wait for it, and no longer than the operation runs."""

    def there() -> bool:
        assert not supervisor.answered, (what, supervisor.answer(), supervisor.log)
        return true()

    until(there, within_s=240, what=what)


def _begin(plane: Plane, supervisor: Supervisor, operation_id: str) -> None:
    """Have it done, and come back as soon as its engine runs."""
    told = "Bringing the deployment stack up"
    before = plane.times_told(operation_id, told)
    supervisor.tell(operation_id)

    def runs() -> bool:
        return plane.times_told(operation_id, told) > before and bool(supervisor.part(CLI))

    _await(runs, supervisor, "its engine's start")


def _kill(supervisor: Supervisor, word: str) -> None:
    found = supervisor.part(word)
    assert found, f"no process with {word} in its command line"
    for process in found:
        process.kill()


def _assert_sound(plane: Plane, deployment: DeploymentRow) -> None:
    """One object for each name, nothing locked, nothing half-done, and the lease given back."""
    assert _counted(plane, deployment.name) == ONE_OF_EACH
    assert _locks(plane) == []
    assert _pending(plane) == []
    with plane.store.begin() as tx:
        lease = tx.leases.seen(str(deployment.id))
    assert lease is not None
    assert (lease.given_back, lease.clean) == (True, True)


CLI = "pulumi/v"
"""A part of the path of the CLI in its cache."""
RDS = "aws:rds/instance:Instance"
SERVICE = "aws:ecs/service:Service"


def test_whatever_dies_the_next_attempt_takes_up_what_was_made(plane: Plane) -> None:
    """E1 to E7 on one deployment: each name has one object, no lock stays, nothing is lost."""
    deployment = plane.deployment("mortal")
    revision = plane.revision(deployment, plane.stage.push("v1"))
    deploy = plane.operation("deploy", deployment, revision)
    with plane.supervisor() as first:
        # E7: the provider dies in mid-create, and the engine leaves no trace of what it was at.
        begun = _begun(plane, deploy, RDS)
        first.tell(deploy)
        _await(begun, first, "the database's creation")
        _kill(first, "byoc_infra.local.provider")
        provider_died = first.answer()
        # E1, and E2: the CLI dies; its lock and its pending creates stay.
        _begin(plane, first, deploy)
        _kill(first, CLI)
        engine_died = first.answer()
        # E4: everything dies at once, as with the machine.
        _begin(plane, first, deploy)
        for process in first.family():
            process.kill()
    with plane.supervisor() as second, plane.supervisor() as third:
        # E5 and E6: two at once; one waits, and does not touch the living one's lock.
        for supervisor in (second, third):
            supervisor.tell(deploy)
        ended = [_in_turn(supervisor, deploy) for supervisor in (second, third)]
        plane.succeeded(deploy)
        tokens = _token(plane, deployment)
        _assert_sound(plane, deployment)
        # E3: the worker goes away; what is in flight ends, is written down and unlocked.
        newer = plane.revision(deployment, plane.stage.push("v2"), environment={"A": "1"})
        again = plane.operation("deploy", deployment, newer)
        begun = _begun(plane, again, SERVICE)
        second.tell(again)
        _await(begun, second, "a service's update")
        code = second.close()
        _assert_sound(plane, deployment)
        deployed = third.conduct(again)
        plane.succeeded(again)
        _assert_sound(plane, deployment)
        deleted = third.conduct(plane.operation("delete", deployment))

    assert (provider_died["ended"], provider_died["error"]["code"]) == ("RETRY", "PROVIDER_DIED")
    assert (engine_died["ended"], engine_died["error"]["code"]) == ("RETRY", "PROVIDER_DIED")
    assert ended == ["SUCCEEDED", "SUCCEEDED"]
    assert tokens == 5  # two attempts, the killed one, and one each of the two at once
    assert code == 0
    assert deployed["ended"] == "SUCCEEDED"
    assert deleted["error"] is None
    assert set(_counted(plane, "mortal").values()) == {0}


def _in_turn(supervisor: Supervisor, operation_id: str) -> str:
    """How it ended there; whoever has waited for the other for long is told once more."""
    while "after_s" in (answer := supervisor.answer()):
        supervisor.tell(operation_id)
    return str(answer["ended"])


def _token(plane: Plane, deployment: DeploymentRow) -> int:
    with plane.store.begin() as tx:
        lease = tx.leases.seen(str(deployment.id))
    assert lease is not None
    return lease.token


def test_a_stopped_supervisor_elsewhere_changes_nothing_when_it_wakes(plane: Plane) -> None:
    """Past its lease and its credentials another host goes on; neither state nor rows nor AWS hear
    of the first any more.
    """
    plane.lease_s = 6.0
    deployment = plane.deployment("sleeper")
    revision = plane.revision(deployment, plane.stage.push("v1"))
    deploy = plane.operation("deploy", deployment, revision)
    with plane.supervisor() as sleeper, plane.supervisor_elsewhere() as other:
        begun = _begun(plane, deploy, RDS)
        sleeper.tell(deploy)
        _await(begun, sleeper, "the database's creation")
        asleep = sleeper.family()
        for process in asleep:
            process.suspend()
        other.tell(deploy)
        until(lambda: plane.told(deploy, "Waiting until"), what="the other's waiting")
        time.sleep(plane.lease_s + 2)  # credentials last at least 900 s: it still waits
        waited = _token(plane, deployment)
        _end_credentials(plane, deployment)
        taken_up = other.answer()
        state = _states(plane)
        for process in asleep:
            process.resume()
        woken = sleeper.answer()
        plane.succeeded(deploy)
        after = _states(plane)
        _assert_sound(plane, deployment)
        deleted = other.conduct(plane.operation("delete", deployment))

    assert waited == 1
    assert taken_up["ended"] == "SUCCEEDED"
    assert (woken["ended"], woken["error"]["code"]) == ("RETRY", "LEASE_LOST")
    assert after == state
    assert deleted["error"] is None


def _end_credentials(plane: Plane, deployment: DeploymentRow) -> None:
    """As if the quarter of an hour had passed."""
    with psycopg.connect(plane.store.url) as connection:
        connection.execute(
            "UPDATE byoc.leases SET credentials_end_at = now() WHERE stack = %s",
            (str(deployment.id),),
        )


def _states(plane: Plane) -> list[tuple[object, ...]]:
    with psycopg.connect(plane.store.url) as connection:
        return connection.execute(
            "SELECT key, data::text FROM pulumi_state WHERE key LIKE '%/stacks/%' ORDER BY key"
        ).fetchall()


def test_a_hung_supervisor_is_replaced_and_a_cancelled_one_stops(plane: Plane) -> None:
    """Here its process can be ended for good; and whoever cancels is heard in mid-run."""
    plane.lease_s = 6.0
    deployment = plane.deployment("hung")
    revision = plane.revision(deployment, plane.stage.push("v1"))
    deploy = plane.operation("deploy", deployment, revision)
    with plane.supervisor() as hung, plane.supervisor() as next_one:
        begun = _begun(plane, deploy, RDS)
        hung.tell(deploy)
        _await(begun, hung, "the database's creation")
        for process in hung.family():
            process.suspend()
        begun = _begun(plane, deploy, SERVICE)
        next_one.tell(deploy)
        _await(begun, next_one, "a service's creation")
        code = hung.process.wait(10)
        with plane.store.begin() as tx:
            operation = tx.operations.by_id(deploy, lock=True)
            assert operation is not None
            operation.cancel_requested_at = operation.created_at
        cancelled = next_one.answer()
        locks, pending = _locks(plane), _pending(plane)
        deleted = next_one.conduct(plane.operation("delete", deployment))

    assert code == -9
    assert cancelled["ended"] == "CANCELLED"
    assert (locks, pending) == ([], [])
    assert deleted["error"] is None
    assert set(_counted(plane, "hung").values()) == {0}


def test_a_closed_account_makes_operations_wait(plane: Plane) -> None:
    """The deployment goes on; when the way in is open again the same operation goes on too."""
    deployment = plane.deployment("shut")
    revision = plane.revision(deployment, plane.stage.push("v1"))
    deploy = plane.operation("deploy", deployment, revision)
    right = plane.account.external_id
    _set_external_id(plane, "wrong-2b0f7a1e-5d7f")
    with plane.supervisor() as supervisor:
        waiting = supervisor.conduct(deploy)
        _set_external_id(plane, right)
        preview = plane.operation("preview", deployment, revision)
        previewed = supervisor.conduct(preview)
    plan = plane.row(preview).plan

    assert waiting["ended"] == "WAITING"
    assert waiting["error"]["code"] == "ACCESS_REFUSED"
    assert right not in json.dumps(waiting)
    assert "wrong-2b0f7a1e-5d7f" not in json.dumps(waiting)
    assert previewed["ended"] == "SUCCEEDED"
    assert plan is not None
    assert {one["op"] for one in plan["changes"]} == {"create"}
    assert plan["needs_approval"] == []


def _set_external_id(plane: Plane, value: str) -> None:
    with plane.store.begin() as tx:
        tx.accounts.get(plane.tenant.id, plane.account.id, lock=True).external_id = value
