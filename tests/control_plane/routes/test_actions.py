"""Rolling back, previewing and forgetting over HTTP."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import DeploymentRow
from tests.support.plane import IMAGE, Plane


@pytest.fixture
def plane(shared_store: Store) -> Plane:
    """A tenant with an account."""
    return Plane(shared_store)


def path(deployment: DeploymentRow, verb: str) -> str:
    """Where one does it."""
    return f"/byoc/v1/deployments/{deployment.id}/{verb}"


@pytest.mark.parametrize("by", ["id", "number"])
def test_a_roll_back_is_a_new_revision_of_what_was(plane: Plane, by: str) -> None:
    """Image, environment, secrets and their place; the queue has it."""
    deployment = plane.deployment()
    first, _, _ = (plane.revision(deployment) for _ in range(3))
    body = {"revision_id": str(first.id)} if by == "id" else {"number": 1}

    answer = plane.client("deploy").post(path(deployment, "rollback"), json=body)

    assert answer.status_code == 202
    told = answer.json()
    with plane.store.begin() as tx:
        made = tx.revisions.get(plane.tenant.id, uuid.UUID(told["revision_id"]))
        now = tx.deployments.get(plane.tenant.id, deployment.id)
    assert (made.number, made.status) == (4, "QUEUED")
    assert made.spec == first.spec
    assert made.spec["image"] == IMAGE.format(1)
    assert (made.secrets_arn, made.secret_names) == (first.secrets_arn, first.secret_names)
    assert now.latest_revision_id == made.id
    assert now.active_revision_id != made.id
    assert plane.queue.taken == [(told["id"], deployment.id, 1)]
    assert ("deployment.roll_back", told["id"]) in plane.audited()


@pytest.mark.parametrize("verb", ["rollback", "preview"])
def test_a_repeat_with_the_same_key_starts_nothing(plane: Plane, verb: str) -> None:
    """It is answered as the first was; with another body the key is refused."""
    deployment = plane.deployment()
    first, second = plane.revision(deployment), plane.revision(deployment)
    client = plane.client("deploy")
    client.headers["Idempotency-Key"] = f"{verb} of {plane.tenant.id}"
    bodies = [{"revision_id": str(one.id)} for one in (first, first, second)]

    answers = [client.post(path(deployment, verb), json=body) for body in bodies]

    assert [one.status_code for one in answers] == [202, 202, 422]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["Operation-Location"] == answers[1].headers["Operation-Location"]
    assert len(plane.queue.taken) == 1


@pytest.mark.parametrize("status", ["QUEUED", "DEPLOYING", "DEPLOY_FAILED", "SKIPPED"])
def test_what_never_served_is_nothing_to_go_back_to(plane: Plane, status: str) -> None:
    """409 names the revision and its status."""
    deployment = plane.deployment()
    plane.revision(deployment, status=status)
    plane.revision(deployment)

    answer = plane.client().post(path(deployment, "rollback"), json={"number": 1})

    assert answer.status_code == 409
    assert status in answer.json()["got"]
    assert plane.queue.taken == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"number": 1, "revision_id": str(uuid.uuid4())},
        {"number": 0},
        {"number": "one"},
        {"number": 1, "force": True},
        {"revision_id": "latest"},
    ],
)
def test_a_roll_back_to_nowhere_is_refused(plane: Plane, body: dict[str, Any]) -> None:
    """422, and nothing is made."""
    deployment = plane.deployment()
    plane.revision(deployment)

    answer = plane.client().post(path(deployment, "rollback"), json=body)

    assert answer.status_code == 422
    assert plane.queue.taken == []


def test_another_deployments_revision_is_not_there(plane: Plane) -> None:
    """Though it is the same tenant's; nor is a number that was never given."""
    deployment, other = plane.deployment(), plane.deployment("other")
    plane.revision(deployment)
    foreign = plane.revision(other)
    client = plane.client()

    answers = [
        client.post(path(deployment, "rollback"), json=body).status_code
        for body in ({"revision_id": str(foreign.id)}, {"number": 7})
    ]

    assert answers == [404, 404]


@pytest.mark.parametrize("verb", ["rollback", "preview", "forget"])
def test_a_foreign_deployment_is_not_there(plane: Plane, verb: str) -> None:
    """Nothing of it changes."""
    deployment = plane.deployment()
    plane.revision(deployment)
    body = {"rollback": {"number": 1}, "preview": {}, "forget": {"name": "chat"}}[verb]

    answer = plane.stranger().post(path(deployment, verb), json=body)

    assert answer.status_code == 404
    assert plane.queue.taken == []


@pytest.mark.parametrize("verb", ["rollback", "preview"])
def test_what_is_being_deleted_is_left_alone(plane: Plane, verb: str) -> None:
    """409: its deletion would be overtaken."""
    deployment = plane.deployment()
    plane.revision(deployment)
    with plane.store.begin() as tx:
        tx.deployments.get(plane.tenant.id, deployment.id).status = "AWAITING_DELETE"
    body = {"rollback": {"number": 1}, "preview": {}}[verb]

    assert plane.client().post(path(deployment, verb), json=body).status_code == 409


def test_a_preview_is_of_the_newest_revision_or_of_one_that_is_named(plane: Plane) -> None:
    """No revision is made, and the deployment is as it was."""
    deployment = plane.deployment()
    first, second = plane.revision(deployment), plane.revision(deployment)
    client = plane.client("deploy")

    newest = client.post(path(deployment, "preview"), json={}).json()
    named = client.post(path(deployment, "preview"), json={"revision_id": str(first.id)}).json()

    assert [one["kind"] for one in (newest, named)] == ["preview", "preview"]
    assert newest["revision_id"] == str(second.id)
    assert named["revision_id"] == str(first.id)
    with plane.store.begin() as tx:
        now = tx.deployments.get(plane.tenant.id, deployment.id)
    assert now.latest_revision_id == second.id


def test_a_forgotten_deployment_is_named_with_what_stays(plane: Plane) -> None:
    """It is gone from here; its stack, account and region are told, and no operation begins."""
    deployment = plane.deployment()
    plane.revision(deployment)
    client = plane.client()

    told = client.post(path(deployment, "forget"), json={"name": "chat"}).json()

    assert told["name"] == "chat"
    assert told["stack"].startswith("222222222222-eu-west-1-default-chat-")
    assert (told["aws_account_id"], told["region"]) == ("222222222222", "eu-west-1")
    assert plane.queue.taken == []
    assert client.post(path(deployment, "preview"), json={}).status_code == 404
    assert ("deployment.forget", None) in plane.audited()


def test_forgetting_wants_the_name_and_an_administrator(plane: Plane) -> None:
    """Nothing of it can be undone."""
    deployment = plane.deployment()

    wrong = plane.client().post(path(deployment, "forget"), json={"name": "chart"})
    small = plane.client("deploy").post(path(deployment, "forget"), json={"name": "chat"})

    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"] == ["body", "name"]
    assert small.status_code == 403


def test_a_deployment_is_not_forgotten_while_something_is_done_on_it(plane: Plane) -> None:
    """Whoever works on it would work for nobody."""
    deployment = plane.deployment()
    plane.operation(deployment, status="SUCCEEDED", finished_at=datetime.now(UTC))
    running = plane.operation(deployment, status="RUNNING")

    answer = plane.client().post(path(deployment, "forget"), json={"name": "chat"})

    assert answer.status_code == 409
    assert running.id in answer.json()["got"]
