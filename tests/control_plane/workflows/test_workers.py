"""Worker processes on a real PostgreSQL: what survives whose death."""

import pytest

from tests.support.workers import Plane, Workers, until

pytestmark = pytest.mark.e2e


def test_an_operation_runs_to_its_end(plane: Plane, started: Workers) -> None:
    """From the row to the deployment that serves."""
    deployment = plane.deployment()
    operation = plane.ask(deployment)
    started.start()
    until(lambda: plane.operation(operation.id).status == "SUCCEEDED", "an end")

    assert plane.told(operation.id) == ["RUNNING", "SUCCEEDED"]
    assert plane.revision(operation).status == "DEPLOYED"
    assert plane.now(deployment).status == "READY"
    assert plane.now(deployment).active_revision_id == operation.revision_id
    until(lambda: plane.workflows() == {f"{operation.id}.1": "SUCCESS"}, "its workflow's end")
