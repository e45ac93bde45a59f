"""Operations over HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from byoc_infra.control_plane.routes import operations
from byoc_infra.control_plane.store import Store
from tests.support.plane import Plane

OPERATIONS = "/byoc/v1/operations"


@pytest.fixture
def plane(shared_store: Store) -> Plane:
    """A tenant with an account."""
    return Plane(shared_store)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "POLL_S", 0.01)


def events(text: str) -> list[tuple[str, str, Any]]:
    """Kind, id and data of each server-sent event."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def test_operations_are_listed_newest_first(plane: Plane) -> None:
    """With the platform's shape of lists: `offset` is that of the next page."""
    chat, other = plane.deployment("chat"), plane.deployment("other")
    made = [plane.operation(chat), plane.operation(other), plane.operation(chat, kind="delete")]
    client = plane.client("read")

    first = client.get(OPERATIONS, params={"limit": 2}).json()
    second = client.get(OPERATIONS, params={"limit": 2, "offset": first["offset"]}).json()

    ids = [one["id"] for one in first["resources"] + second["resources"]]
    assert ids == [made[2].id, made[1].id, made[0].id]
    assert (first["offset"], second["offset"]) == (2, 3)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"kind": "delete"}, [3]),
        ({"status": ["QUEUED", "FAILED"]}, [2, 1]),
        ({"status": "CANCELLED"}, [3]),
    ],
)
def test_operations_are_filtered(plane: Plane, asked: dict[str, Any], numbers: list[int]) -> None:
    """By kind and by statuses."""
    chat = plane.deployment()
    made = {
        1: plane.operation(chat),
        2: plane.operation(chat, status="FAILED"),
        3: plane.operation(chat, kind="delete", status="CANCELLED"),
    }

    found = plane.client().get(OPERATIONS, params=asked).json()["resources"]

    assert [one["id"] for one in found] == [made[n].id for n in numbers]


@pytest.mark.parametrize("path", ["", "/events", "/failure"])
def test_a_foreign_operation_is_not_there(plane: Plane, path: str) -> None:
    """Its id reads like one that never was."""
    operation = plane.operation(plane.deployment())

    answer = plane.stranger().get(f"{OPERATIONS}/{operation.id}{path}")

    assert answer.status_code == 404
    assert answer.json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize("verb", ["cancel", "approve", "reject"])
def test_nobody_decides_with_a_key_for_reading(plane: Plane, verb: str) -> None:
    """Nor does anybody about another tenant's operation."""
    operation = plane.operation(plane.deployment(), status="AWAITING_APPROVAL")
    path = f"{OPERATIONS}/{operation.id}/{verb}"

    answers = [client.post(path).status_code for client in (plane.client("read"), plane.stranger())]

    assert answers == [403, 404]
    assert plane.client().get(f"{OPERATIONS}/{operation.id}").json() == {
        **plane.client().get(f"{OPERATIONS}/{operation.id}").json(),
        "status": "AWAITING_APPROVAL",
    }


@pytest.mark.parametrize("status", ["QUEUED", "WAITING", "AWAITING_APPROVAL"])
def test_what_nobody_works_on_is_cancelled_at_once(plane: Plane, status: str) -> None:
    """Its revision is INTERRUPTED, the operation says who it was, and the audit knows."""
    deployment = plane.deployment()
    revision = plane.revision(deployment, status="QUEUED")
    operation = plane.operation(deployment, revision, status=status)

    told = plane.client("deploy").post(f"{OPERATIONS}/{operation.id}/cancel").json()

    with plane.store.begin() as tx:
        assert tx.revisions.get(plane.tenant.id, revision.id).status == "INTERRUPTED"
    assert told["status"] == "CANCELLED"
    assert told["finished_at"] is not None
    assert told["failure"]["code"] == "CANCELLED"
    assert told["failure"]["got"] == "cancelled by deploy key"


def test_a_running_operation_is_told_to_end(plane: Plane) -> None:
    """Whoever runs it ends it: a second request changes nothing."""
    operation = plane.operation(plane.deployment(), status="RUNNING")
    client = plane.client("deploy")

    first = client.post(f"{OPERATIONS}/{operation.id}/cancel").json()
    second = client.post(f"{OPERATIONS}/{operation.id}/cancel").json()

    assert first["status"] == second["status"] == "RUNNING"
    assert first["cancel_requested_at"] == second["cancel_requested_at"] is not None
    assert first["finished_at"] is None


def test_a_deletion_that_is_cancelled_leaves_the_deployment_ready(plane: Plane) -> None:
    """It had not begun."""
    deployment = plane.deployment()
    plane.revision(deployment)
    operation = plane.operation(deployment, kind="delete")
    with plane.store.begin() as tx:
        tx.deployments.get(plane.tenant.id, deployment.id).status = "AWAITING_DELETE"

    plane.client().post(f"{OPERATIONS}/{operation.id}/cancel")

    with plane.store.begin() as tx:
        assert tx.deployments.get(plane.tenant.id, deployment.id).status == "READY"


def test_what_has_ended_is_not_cancelled(plane: Plane) -> None:
    """409, and nothing changes."""
    operation = plane.operation(
        plane.deployment(), status="SUCCEEDED", finished_at=datetime.now(UTC)
    )

    answer = plane.client().post(f"{OPERATIONS}/{operation.id}/cancel")

    assert answer.status_code == 409
    assert "SUCCEEDED" in answer.json()["got"]


def test_an_approval_puts_the_operation_into_the_queue_again(plane: Plane) -> None:
    """As its next attempt, with the one who approved."""
    operation = plane.operation(plane.deployment(), status="AWAITING_APPROVAL")

    told = plane.client("deploy").post(f"{OPERATIONS}/{operation.id}/approve").json()

    assert (told["status"], told["attempt"]) == ("QUEUED", 2)
    assert told["approved_by"].startswith("deploy-key@")
    assert plane.queue.taken == [(operation.id, operation.deployment_id, 2)]


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize("status", ["QUEUED", "RUNNING", "CANCELLED"])
def test_only_what_waits_for_approval_is_decided(plane: Plane, verb: str, status: str) -> None:
    """Two people may press the button at a time."""
    operation = plane.operation(plane.deployment(), status=status)

    answer = plane.client().post(f"{OPERATIONS}/{operation.id}/{verb}")

    assert answer.status_code == 409
    assert plane.queue.taken == []


def test_a_rejected_operation_ends(plane: Plane) -> None:
    """And its revision with it."""
    deployment = plane.deployment()
    revision = plane.revision(deployment, status="DEPLOYING")
    operation = plane.operation(deployment, revision, status="AWAITING_APPROVAL")

    told = plane.client("deploy").post(f"{OPERATIONS}/{operation.id}/reject").json()

    with plane.store.begin() as tx:
        assert tx.revisions.get(plane.tenant.id, revision.id).status == "INTERRUPTED"
    assert told["status"] == "CANCELLED"
    assert told["failure"]["got"] == "rejected by deploy key"


def test_events_come_with_their_ids_until_the_end(plane: Plane) -> None:
    """The last one says how the operation ended."""
    operation = plane.operation(
        plane.deployment(), status="SUCCEEDED", finished_at=datetime.now(UTC)
    )
    made = [plane.event(operation, message="one"), plane.event(operation, message="two")]

    answer = plane.client("read").get(f"{OPERATIONS}/{operation.id}/events")

    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.text)
    assert [(kind, seq) for kind, seq, _ in told] == [
        ("progress", str(made[0].seq)),
        ("progress", str(made[1].seq)),
        ("end", str(made[1].seq)),
    ]
    assert told[0][2]["data"] == {"message": "one"}
    assert told[-1][2]["status"] == "SUCCEEDED"


def test_a_reader_goes_on_behind_the_last_event_that_it_had(plane: Plane) -> None:
    """None comes twice and none is left out, also when there are more than are read at once."""
    operation = plane.operation(plane.deployment(), status="FAILED", finished_at=datetime.now(UTC))
    made = [plane.event(operation, message=str(n)) for n in range(5)]
    other = plane.operation(plane.deployment("other"))
    plane.event(other, message="of another operation")

    answer = plane.client().get(
        f"{OPERATIONS}/{operation.id}/events", headers={"Last-Event-ID": str(made[1].seq)}
    )

    assert [one[1] for one in events(answer.text)] == [
        str(one.seq) for one in [*made[2:], made[-1]]
    ]


@pytest.fixture
def later(plane: Plane) -> Iterator[list[threading.Thread]]:
    """Threads that are waited for."""
    threads: list[threading.Thread] = []
    yield threads
    for thread in threads:
        thread.join()


def test_events_come_while_they_happen(plane: Plane, later: list[threading.Thread]) -> None:
    """A reader that came first is told what comes later, in pages."""
    operation = plane.operation(plane.deployment(), status="RUNNING")

    def happen() -> None:
        for number in range(3):
            time.sleep(0.05)
            plane.event(operation, message=str(number))
        with plane.store.begin() as tx:
            row = tx.operations.get(plane.tenant.id, operation.id)
            row.status, row.finished_at = "SUCCEEDED", datetime.now(UTC)

    later.append(threading.Thread(target=happen))
    later[0].start()
    told = events(plane.client().get(f"{OPERATIONS}/{operation.id}/events").text)

    assert [kind for kind, *_ in told] == ["progress", "progress", "progress", "end"]


def test_a_stream_ends_after_a_while(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `end`, so that the reader comes again with a key that still holds."""
    monkeypatch.setattr(operations, "LONGEST_S", 0.05)
    operation = plane.operation(plane.deployment(), status="RUNNING")
    plane.event(operation, message="one")

    told = events(plane.client().get(f"{OPERATIONS}/{operation.id}/events").text)

    assert [kind for kind, *_ in told] == ["progress"]


@pytest.mark.parametrize("given", ["-1", "x", str(2**63)])
def test_an_id_that_is_none_is_refused(plane: Plane, given: str) -> None:
    """By name, before a stream begins."""
    operation = plane.operation(plane.deployment())

    answer = plane.client().get(
        f"{OPERATIONS}/{operation.id}/events", headers={"Last-Event-ID": given}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "last-event-id"]


def test_every_decision_is_in_the_audit(plane: Plane) -> None:
    """Who, what, and on which operation."""
    deployment = plane.deployment()
    waiting = plane.operation(deployment, status="AWAITING_APPROVAL")
    queued = plane.operation(deployment)
    client = plane.client("deploy")

    client.post(f"{OPERATIONS}/{waiting.id}/approve")
    client.post(f"{OPERATIONS}/{queued.id}/cancel")

    rows = plane.audited()
    assert ("operation.approve", waiting.id) in rows
    assert ("operation.cancel", queued.id) in rows
