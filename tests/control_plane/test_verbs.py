"""The verbs of the command that speak to a control plane, over HTTP, on a real PostgreSQL."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from byoc_infra.control_plane.routes import operations
from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.store.tables import OperationRow
from byoc_infra.errors import DeploymentUnhealthy
from tests.aws.fakes import NOON, FakeSession, task
from tests.cli.conftest import Run, byoc  # noqa: F401 - the fixture
from tests.support.plane import Plane
from tests.support.serving import served

FAILURE = DeploymentUnhealthy(
    "deployment", wanted="healthy tasks", got="the roll-out failed", next_step="Correct it."
).as_dict()


@pytest.fixture
def account() -> FakeSession:
    """An account in which a task ended at noon."""
    session = FakeSession(get_log_events={"events": [{"message": "no module named agent"}]})
    session.tasks = []
    session.stopped = [
        task(7, stopCode="EssentialContainerExited", stoppedReason="exited", createdAt=NOON)
    ]
    return session


@pytest.fixture
def plane(
    shared_store: Store, account: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plane]:
    """A control plane that is served, and the environment of one of its users."""
    monkeypatch.setattr(operations, "POLL_S", 0.01)
    made = Plane(shared_store, session=account)
    with served(made.app) as url:
        monkeypatch.setenv("BYOC_URL", url)
        monkeypatch.setenv("BYOC_API_KEY", made.client("deploy").headers["X-Api-Key"])
        yield made


def operation(plane: Plane, status: str, **columns: object) -> OperationRow:
    """One on a deployment of its own."""
    deployment = plane.deployment()
    return plane.operation(deployment, plane.revision(deployment), status=status, **columns)


def test_operations_are_listed_and_shown(plane: Plane, byoc: Run) -> None:  # noqa: F811 - the fixture
    """For people as a table, for programs as JSON."""
    row = operation(plane, "QUEUED")

    listed, shown = byoc("operations", "list"), byoc("operations", "show", row.id, "--json")

    assert (listed.code, shown.code) == (0, 0)
    assert row.id in listed.out
    assert "QUEUED" in listed.out
    assert shown.json["result"]["id"] == row.id


def test_watching_shows_what_happens_until_the_end(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """Each line on stderr as it comes; the result alone on stdout."""
    row = operation(plane, "RUNNING", started_at=datetime.now(UTC))
    plane.event(row, message="Reaching account")

    def happen() -> None:
        time.sleep(0.2)
        plane.event(row, "resource", state="started", op="create", type="aws:rds", name="db")
        plane.event(
            row, "resource", state="done", op="create", type="aws:rds", name="db", seconds=2.5
        )
        with plane.store.begin() as tx:
            now = tx.operations.get(plane.tenant.id, row.id)
            now.status, now.finished_at = "SUCCEEDED", datetime.now(UTC)

    thread = threading.Thread(target=happen)
    thread.start()
    said = byoc("operations", "watch", row.id, "--json")
    thread.join()

    assert said.code == 0
    assert said.json["result"]["status"] == "SUCCEEDED"
    assert said.err.splitlines() == ["Reaching account", "  create aws:rds db (2.5 s)"]


def test_a_failed_operation_is_told_with_its_cause(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """The error's own code and exit code, and the tasks' last lines."""
    row = operation(
        plane,
        "FAILED",
        failure=FAILURE,
        started_at=NOON - timedelta(minutes=1),
        finished_at=NOON + timedelta(minutes=1),
    )

    said = byoc("operations", "watch", row.id, "--json")

    assert said.code == 5
    assert said.json["error"]["code"] == "DEPLOYMENT_UNHEALTHY"
    assert "  | no module named agent" in said.err


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "words"),
    [
        ("AWAITING_APPROVAL", "APPROVAL_NEEDED", 5, "byoc operations approve op-"),
        ("WAITING", "ACCESS_REFUSED", 4, "goes on by itself"),
    ],
)
def test_what_waits_for_somebody_is_not_waited_for(  # noqa: PLR0917 - a table
    plane: Plane,
    byoc: Run,  # noqa: F811
    status: str,
    code: str,
    exit_code: int,
    words: str,
) -> None:
    """The command ends and says what to do."""
    row = operation(plane, status)
    plane.event(row, "status", status=status)

    said = byoc("operations", "watch", row.id, "--json")

    assert said.code == exit_code
    assert said.json["error"]["code"] == code
    assert words in said.json["error"]["next_step"]


def test_a_skipped_operation_says_that_a_newer_one_counts(plane: Plane, byoc: Run) -> None:  # noqa: F811
    """It is not what was asked, so the exit code is not 0."""
    row = operation(plane, "SKIPPED", finished_at=datetime.now(UTC))

    said = byoc("operations", "watch", row.id, "--json")

    assert said.code == 5
    assert "newer" in said.json["error"]["got"]


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("cancel", "QUEUED", "CANCELLED"),
        ("approve", "AWAITING_APPROVAL", "QUEUED"),
        ("reject", "AWAITING_APPROVAL", "CANCELLED"),
    ],
)
def test_one_decides_about_an_operation(
    plane: Plane,
    byoc: Run,  # noqa: F811
    verb: str,
    before: str,
    after: str,
) -> None:
    """And sees what it is then."""
    row = operation(plane, before)

    said = byoc("operations", verb, row.id, "--json")

    assert said.json["result"]["status"] == after


def test_without_a_key_the_way_to_one_is_told(
    byoc: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anything is asked."""
    monkeypatch.delenv("BYOC_API_KEY", raising=False)

    said = byoc("operations", "list", "--json")

    assert said.code == 4
    assert said.json["error"]["field"] == "BYOC_API_KEY"


def test_a_control_plane_that_is_not_there_is_named(
    byoc: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its address and what to do."""
    monkeypatch.setenv("BYOC_API_KEY", "byoc_0123456789ab_secret")
    monkeypatch.setenv("BYOC_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("byoc_infra.client.http.PAUSE_S", 0.0)

    said = byoc("operations", "list", "--json")

    assert said.code == 6
    assert said.json["error"]["code"] == "SERVER_UNREACHABLE"
    assert "127.0.0.1:9" in said.json["error"]["wanted"]
    assert "secret" not in said.out
