"""Why an operation failed, over HTTP: what was recorded, and what AWS still knows."""

from datetime import timedelta
from typing import Any

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.errors import CloudUnreachable, DeploymentUnhealthy
from tests.aws.fakes import NOON, FakeSession, task
from tests.support.plane import Plane

RECORDED = DeploymentUnhealthy(
    "deployment", wanted="healthy tasks", got="the roll-out failed", next_step="Correct it."
).as_dict()
LINE = "ModuleNotFoundError: no module named 'agent'"


def ended(number: int = 1, **more: Any) -> dict[str, Any]:
    """A task that ended by itself."""
    return task(
        number,
        stopCode="EssentialContainerExited",
        stoppedReason="Essential container in task exited",
        stoppedAt=NOON + timedelta(seconds=20),
        containers=[{"name": "api", "exitCode": 1}],
        **more,
    )


def account(*stopped: dict[str, Any]) -> FakeSession:
    """An account in which these tasks of the API service have ended."""

    def of_api(**asked: Any) -> dict[str, Any]:
        return {"taskArns": [one["taskArn"] for one in stopped if "-api-" in asked["serviceName"]]}

    session = FakeSession(
        list_tasks=of_api,
        get_log_events={"events": [{"message": LINE}, {"message": "at redis://u:pa55word@r"}]},
    )
    session.tasks, session.stopped = [], list(stopped)
    return session


def failed(plane: Plane, **columns: object) -> OperationRow:
    """An operation that failed at noon."""
    deployment = plane.deployment()
    revision = plane.revision(deployment, status="DEPLOY_FAILED")
    values: dict[str, object] = {
        "status": "FAILED",
        "started_at": NOON - timedelta(minutes=1),
        "finished_at": NOON + timedelta(minutes=1),
        "failure": RECORDED,
        **columns,
    }
    return plane.operation(deployment, revision, **values)


def now(plane: Plane, operation: OperationRow) -> dict[str, Any]:
    """What a reader is told."""
    answer = plane.client("read").get(f"/byoc/v1/operations/{operation.id}/failure")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_cause_comes_with_the_last_lines(shared_store: Store) -> None:
    """ECS's words and the containers' own; passwords in addresses are masked."""
    plane = Plane(shared_store, session=account(ended()))

    told = now(plane, failed(plane))

    assert told["failure"]["got"] == "the roll-out failed"
    assert told["unavailable"] is None
    assert told["tasks"] == [
        {
            "task": "t1",
            "said": [
                "EssentialContainerExited: Essential container in task exited",
                "container api: exit code 1",
            ],
            "lines": [LINE, "at redis://u:…@r"],
        }
    ]


def test_tasks_of_other_operations_are_no_cause(shared_store: Store) -> None:
    """Those that were made before or after are another operation's."""
    early = ended(1, createdAt=NOON - timedelta(minutes=5))
    late = ended(2, createdAt=NOON + timedelta(minutes=5))
    plane = Plane(shared_store, session=account(early, late, ended(3)))

    assert [one["task"] for one in now(plane, failed(plane))["tasks"]] == ["t3"]


def test_an_account_that_is_away_hides_only_its_own_part(shared_store: Store) -> None:
    """What was recorded is told in any case."""
    away = CloudUnreachable("ecs", wanted="an answer", got="none", next_step="Wait.")
    plane = Plane(shared_store, session=away)

    told = now(plane, failed(plane))

    assert told["failure"]["code"] == "DEPLOYMENT_UNHEALTHY"
    assert told["tasks"] == []
    assert "want an answer" in told["unavailable"]


def test_an_operation_that_went_well_has_no_failure(shared_store: Store) -> None:
    """And AWS is not asked."""
    plane = Plane(shared_store, session=AssertionError("asked"))

    told = now(plane, failed(plane, status="SUCCEEDED", failure=None))

    assert (told["failure"], told["tasks"]) == (None, [])
