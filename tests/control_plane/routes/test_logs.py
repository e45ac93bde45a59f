"""Log lines over HTTP, in the form that the stock client reads; and why an operation failed."""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from moto import mock_aws

from byoc_infra.aws.session import Session, open_session
from byoc_infra.control_plane.store import Store
from byoc_infra.errors import AccessRefused, CloudUnreachable
from byoc_infra.flows.deployment import names_of
from byoc_infra.spec import DeploymentSpec
from tests.support.plane import Plane

GROUP = "/aws/ecs/langgraph-cloud"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
NOW = int(time.time() * 1000)
LINES = {
    "api": [(50, "INFO:     started"), (10, '{"level": "error", "event": "boom"}')],
    "queue": [(30, "WARNING slow"), (20, "connecting to postgresql://u:pa55word@db/x")],
    "cache": [(5, "redis")],
}
"""By container: how many seconds ago, and the line."""
At = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def aws() -> Iterator[Session]:
    """One account of moto's, in process."""
    with mock_aws():
        opened = open_session(None, region="eu-west-1", env=KEYS)
        yield opened
        opened.close()


@pytest.fixture
def plane(shared_store: Store, aws: Session) -> Plane:
    """A tenant whose account is moto's."""
    return Plane(shared_store, session=aws)


@pytest.fixture
def chat(plane: Plane, aws: Session) -> str:
    """A deployment whose containers have written; its id."""
    deployment = plane.deployment()
    revision = plane.revision(deployment)
    prefix = names_of(DeploymentSpec.model_validate(revision.spec)).log_prefix
    logs = aws.client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]:
        logs.create_log_group(logGroupName=GROUP)
        for container, lines in LINES.items():
            stream = f"{prefix}/{container}/t1"
            logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
            events = [{"timestamp": NOW - ago * 1000, "message": line} for ago, line in lines]
            logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)
    return str(deployment.id)


def said(answer: dict[str, Any]) -> list[str]:
    """The lines' words."""
    return [one["message"] for one in answer["logs"]]


def test_lines_are_newest_first_unless_asked_otherwise(plane: Plane, chat: str) -> None:
    """Of API and queue, each with id, time and level; Redis's own are left out."""
    client = plane.client("read")

    first = client.post(f"/v1/projects/{chat}/deploy_logs", json={}).json()
    turned = client.post(f"/v1/projects/{chat}/deploy_logs", json={"order": "asc"}).json()

    assert [one["level"] for one in first["logs"]] == ["ERROR", "INFO", "WARNING", "INFO"]
    assert first["logs"][-1]["message"] == "INFO:     started"
    assert datetime.fromisoformat(first["logs"][-1]["timestamp"]).tzinfo is not None
    assert len({one["id"] for one in first["logs"]}) == 4
    assert said(turned) == said(first)[::-1]


def test_a_password_in_an_address_is_left_out(plane: Plane, chat: str) -> None:
    """Whoever logged it should not have."""
    answer = plane.client().post(f"/v1/projects/{chat}/deploy_logs", json={"query": "connecting"})

    assert said(answer.json()) == ["connecting to postgresql://u:…@db/x"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"level": "WARNING"}, ["boom", "slow"]),
        ({"level": "CRITICAL"}, []),
        ({"query": "slow"}, ["slow"]),
        ({"limit": 1}, ["boom"]),
        ({"limit": 1, "order": "asc"}, ["started"]),
        ({"start_time": datetime.fromtimestamp(NOW / 1000 - 25, UTC).isoformat()}, ["boom", "con"]),
        ({"end_time": datetime.fromtimestamp(NOW / 1000 - 25, UTC).isoformat()}, ["slow", "star"]),
    ],
)
def test_lines_are_filtered(
    plane: Plane, chat: str, asked: dict[str, Any], words: list[str]
) -> None:
    """By level and above, text, time; the limit counts what is left."""
    found = said(plane.client().post(f"/v1/projects/{chat}/deploy_logs", json=asked).json())

    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_pages_follow_each_other(plane: Plane, chat: str) -> None:
    """`next_offset` leads on until there is nothing more."""
    client = plane.client()
    asked: dict[str, Any] = {"limit": 3}

    first = client.post(f"/v1/projects/{chat}/deploy_logs", json=asked).json()
    asked["offset"] = first["next_offset"]
    second = client.post(f"/v1/projects/{chat}/deploy_logs", json=asked).json()

    assert (len(first["logs"]), len(second["logs"])) == (3, 1)
    assert second["next_offset"] is None


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"level": "LOUD"}, "level"),
        ({"order": "sideways"}, "order"),
        ({"query": "x" * 257}, "query"),
        ({"start_time": "yesterday"}, "start_time"),
        ({"start_time": "2026-01-01T00:00:00"}, "start_time"),
        ({"colour": "red"}, "colour"),
        ({"offset": "nonsense"}, "offset"),
        ({"start_time": "2020-01-01T00:00:00Z"}, "start_time"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(
    plane: Plane, chat: str, asked: dict[str, Any], field: str
) -> None:
    """Limits on count, window and text."""
    answer = plane.client().post(f"/v1/projects/{chat}/deploy_logs", json=asked)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", field]


@pytest.mark.parametrize("which", ["deploy_logs", "build_logs"])
def test_a_revisions_lines_are_its_own(plane: Plane, chat: str, which: str) -> None:
    """A foreign tenant's, or another deployment's revision, is not there."""
    other = plane.deployment("other")
    revision = plane.revision(other)
    path = f"/v1/projects/{chat}/revisions/{revision.id}/{which}"

    answers = [
        client.post(path, json={}).status_code for client in (plane.client(), plane.stranger())
    ]

    assert answers == [404, 404]


def test_lines_of_a_revision_are_those_of_its_time(plane: Plane, chat: str) -> None:
    """From the start of its roll-out to the end of its successor's."""
    with plane.store.begin() as tx:
        deployment = tx.deployments.get(plane.tenant.id, uuid.UUID(chat))
    middle, last = plane.revision(deployment), plane.revision(deployment)
    moment = datetime.fromtimestamp(NOW / 1000, UTC)
    plane.operation(deployment, middle, started_at=moment - timedelta(seconds=35))
    plane.operation(
        deployment,
        last,
        started_at=moment - timedelta(seconds=25),
        finished_at=moment - timedelta(seconds=15),
    )

    answer = plane.client().post(f"/v1/projects/{chat}/revisions/{middle.id}/deploy_logs", json={})

    assert [line.split()[0] for line in said(answer.json())] == ["connecting", "WARNING"]


def test_build_logs_tell_what_was_done(plane: Plane, chat: str) -> None:
    """Nothing is built here; the operation's own events stand there, in the same form."""
    with plane.store.begin() as tx:
        deployment = tx.deployments.get(plane.tenant.id, uuid.UUID(chat))
    revision = plane.revision(deployment)
    operation = plane.operation(deployment, revision)
    plane.event(operation, message="Reaching account")
    plane.event(operation, "resource", op="create", type="aws:rds", name="db")
    plane.event(operation, "status", status="FAILED", message="it failed")
    path = f"/v1/projects/{chat}/revisions/{revision.id}/build_logs"
    client = plane.client()

    answer = client.post(path, json={"order": "asc", "limit": 2}).json()
    rest = client.post(path, json={"order": "asc", "offset": answer["next_offset"]}).json()

    assert said(answer) == ["Reaching account", "create aws:rds db"]
    assert said(rest) == ["FAILED: it failed"]
    assert rest["logs"][0]["level"] == "ERROR"
    assert said(client.post(path, json={}).json()) == said(rest) + said(answer)[::-1]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CloudUnreachable("sts", wanted="an answer", got="none", next_step="Wait."), 503),
        (AccessRefused("role", wanted="access", got="AccessDenied", next_step="Ask."), 400),
    ],
)
def test_an_account_that_is_away_is_told(
    shared_store: Store, error: Exception, status: int
) -> None:
    """As what it is."""
    plane = Plane(shared_store, session=error)
    deployment = plane.deployment()
    plane.revision(deployment)

    answer = plane.client().post(f"/v1/projects/{deployment.id}/deploy_logs", json={})

    assert answer.status_code == status


def test_nothing_of_a_line_is_stored(plane: Plane, chat: str) -> None:
    """The lines pass through: no table has any of them."""
    plane.client().post(f"/v1/projects/{chat}/deploy_logs", json={})

    with plane.store.engine.connect() as connection:
        tables = connection.scalars(
            sa.text("SELECT tablename FROM pg_tables WHERE schemaname IN ('byoc', 'dbos')")
        ).all()
        rows = [
            str(row)
            for table in tables
            for schema in ("byoc", "dbos")
            if connection.scalar(sa.text(f"SELECT to_regclass('{schema}.{table}')"))
            for row in connection.execute(sa.text(f'SELECT t::text FROM {schema}."{table}" t'))  # noqa: S608 - our own names
        ]
    assert any("deployments" in table for table in tables)
    assert any("chat" in row for row in rows)
    assert not [row for row in rows if "boom" in row or "started" in row]
