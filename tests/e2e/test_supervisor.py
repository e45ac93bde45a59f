"""A supervisor runs operations on the local cloud, whatever dies meanwhile.

E1 to E7 are the ways in which an engine or what is around it can die, one after the other on one
deployment: each attempt takes up what the one before had made.
"""

import json
from collections.abc import Callable

import pytest

from byoc_infra.aws import inventory
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.supervisor.backend import state_url
from byoc_infra.engine import state_table
from tests.e2e.plane import Plane
from tests.e2e.stage import Stage

pytestmark = pytest.mark.e2e

KINDS = ("ecs service", "load balancer", "target group", "rds instance", "secret", "listener")
LATE = "byoc:aws:DATABASE"


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


def _begun(plane: Plane, operation_id: str, type_: str) -> Callable[[], bool]:
    """Whether the engine has begun, in this attempt, to create one of that type."""
    seen = len(plane.events(operation_id))

    def asked() -> bool:
        return any(
            event.data.get("type") == type_ and event.data.get("state") == "started"
            for event in plane.events(operation_id)[seen:]
        )

    return asked
