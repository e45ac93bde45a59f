"""A supervisor and a connection that is not to be used."""

from typing import Any

import pytest

from byoc_infra.control_plane.settings import Settings
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.supervisor.conduct import Conductor
from tests.support.plane import Plane


@pytest.mark.parametrize("status", ["requested", "provisioning", "revoked"])
def test_an_operation_waits_for_a_connection_that_is_not_proven(store: Store, status: str) -> None:
    """No lease is taken and no engine asked: there is none in this test."""
    plane = Plane(store)
    deployment = plane.deployment()
    revision = plane.revision(deployment)
    operation = plane.operation(deployment, revision=revision)
    with store.begin() as tx:
        account = tx.accounts.get(deployment.tenant_id, deployment.account_id)
        account.status = status
    nothing: Any = None
    conductor = Conductor(store=store, engine=nothing, settings=Settings(), env={})
    answer = conductor.conduct(operation.id, 1)

    assert answer.ended == "WAITING"
    assert answer.error is not None
    assert answer.error["got"] == f"one that is {status}"
