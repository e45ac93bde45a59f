"""A supervisor runs operations on the local cloud, whatever dies meanwhile."""

import pytest

from byoc_infra.control_plane.store import Store
from tests.e2e.plane import Plane
from tests.e2e.stage import Stage

pytestmark = pytest.mark.e2e


@pytest.fixture
def plane(account: Stage, store: Store) -> Plane:
    """An empty control plane over the stage."""
    return Plane(account, store)


def test_a_deployment_is_made_and_taken_away(plane: Plane) -> None:
    """Deploy, then delete: results, events and lease as they have to be."""
    deployment = plane.deployment("first")
    revision = plane.revision(deployment, plane.stage.push("v1"))
    with plane.supervisor() as supervisor:
        deploy = plane.operation("deploy", deployment, revision)
        deployed = supervisor.conduct(deploy)
        assert deployed == {"operation": deploy, "ended": "SUCCEEDED", "error": None}, (
            supervisor.log
        )
        plane.succeeded(deploy)
        delete = plane.operation("delete", deployment)
        deleted = supervisor.conduct(delete)
        code = supervisor.close()
    with plane.store.begin() as tx:
        lease = tx.leases.seen(str(deployment.id))
        url = tx.deployments.get(plane.tenant.id, deployment.id).url

    assert deleted == {"operation": delete, "ended": "SUCCEEDED", "error": None}
    result = plane.row(deploy).result
    receipt = plane.row(delete).result
    assert result is not None
    assert receipt is not None
    assert url == result["outputs"]["url"]
    assert receipt["left"]["found"] == {}
    assert "rds snapshot" in {one["kind"] for one in receipt["kept"]}
    assert lease is not None
    assert lease.given_back
    assert lease.clean
    assert code == 0
