"""A developer's day with a running `byoc server`: what fails, and the ways back.

The tests tell one story in order and share the deployment; each begins where the last ended.
"""

import base64
import os
import shutil
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing

import httpx
import psycopg
import pytest

from byoc_infra.aws.session import Session, open_session
from byoc_infra.cli import calling
from byoc_infra.client import Client, Deployment, Event, Operation
from byoc_infra.errors import AlreadyRunning
from byoc_infra.flows.deployment import names_of
from tests.e2e.stage import APP, REPOSITORY, Stage
from tests.support.leaks import leaks
from tests.support.server import Server, alive, on_cloud, ready
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

CRY = "no-such-model-was-found"
BROKEN = f"""
import os, sys
print("{CRY}", file=sys.stderr, flush=True)
os._exit(3)
"""
OLDER = "0.0.1"
"""A version of this package that gave the cache's secret another name."""


class Day:
    """Who works, and with what."""

    def __init__(self, stage: Stage, server: Server, key: str, client: Client) -> None:
        self.stage = stage
        self.server = server
        self.key = key
        self.client = client

    @property
    def deployment(self) -> Deployment:
        """As the API shows it."""
        return self.client.deployment("day")

    def image(self, version: str, *, graph: str | None = None) -> str:
        """The example app as this version, pushed; by digest."""
        app = self.stage.cloud.directory / f"day-{version}"
        shutil.copytree(APP, app, dirs_exist_ok=True)
        (app / "VERSION").write_text(f"{version}\n")
        if graph is not None:
            (app / "graph.py").write_text(graph)
        return self.stage.cloud.push(app, REPOSITORY, f"day-{version}")

    def halted(self, operation_id: str) -> Operation:
        """The operation once it has ended, or waits for somebody."""
        for event in self.client.events(operation_id):
            if event.kind == "status" and (found := self.client.operation(operation_id)).halted:
                return found
        return self.client.operation(operation_id)

    def answer(self) -> str:
        """What the graph says."""
        said = calling.call(str(self.deployment.url), values={"said": "hello"})
        return str(said.values["answer"])

    def log(self) -> str:
        """The end of the server's."""
        return (self.server.place / "log").read_text()[-4000:]

    def connect(self) -> None:
        """Ask for a connection, have the customer's set-up trust its id, and prove it."""
        cloud = self.stage.cloud
        made, setup = self.client.connect(
            {"name": "customer", "aws_account_id": cloud.customer.id, "region": cloud.region}
        )
        ids = (self.stage.external_id, *setup.external_ids)
        self.stage.set_up(self.stage.account(external_ids=ids))
        assert self.client.activate(made.id).status == "active"


@pytest.fixture(scope="module")
def day(stage: Stage) -> Iterator[Day]:
    """A server, a tenant with an API key, and an account that is proven."""
    tuned = {"BYOC_CONCURRENCY": "1", "BYOC_HEALTH_DEADLINE_S": "300", "BYOC_LEASE_S": "10"}
    with on_cloud(stage.cloud, **tuned) as server:
        _, key = server.tenant("acme")
        with Client(server.url, key) as client:
            one = Day(stage, server, key, client)
            one.connect()
            yield one


def test_a_server_killed_in_mid_request_keeps_what_it_accepted_and_only_that(day: Day) -> None:
    """Each event is told once, in order, across its death; each key makes one operation."""
    image, deploy_key, preview_key = day.image("v1"), uuid.uuid4().hex, uuid.uuid4().hex
    accepted = day.client.deploy("day", image, key=deploy_key)
    operation_id = accepted.operation_id or ""
    told: list[Event] = []
    died = False
    for event in day.client.events(operation_id):
        told.append(event)
        if event.kind == "resource" and not died:
            died = True
            _die_in_mid_request(day, accepted.deployment.id, preview_key)
            again = day.client.deploy("day", image, key=deploy_key)
            known = [one.id for one in day.client.operations()]
            with pytest.raises(AlreadyRunning):  # it may be at work elsewhere, for all one knows
                day.client.preview(accepted.deployment.id, key=preview_key)
            _wait_out(day, preview_key)
            preview = day.client.preview(accepted.deployment.id, key=preview_key)
            assert day.client.preview(accepted.deployment.id, key=preview_key).id == preview.id

    assert again.operation_id == operation_id
    assert known == [operation_id]
    seqs = [event.seq for event in told]
    assert seqs == sorted(set(seqs))
    assert day.client.operation(operation_id).status == "SUCCEEDED", day.log()
    assert "v1: 1 heard" in day.answer()
    previewed = day.client.wait(preview.id)
    assert previewed.status == "SUCCEEDED", previewed.failure
    assert previewed.plan is not None
    assert (previewed.plan["changes"], previewed.plan["needs_approval"]) == ([], [])
    assert {one.id for one in day.client.operations()} == {operation_id, preview.id}


def _die_in_mid_request(day: Day, deployment_id: uuid.UUID, key: str) -> None:
    """Kill the server while it writes what a request asked for, and start it again."""
    url = f"{day.server.url}/byoc/v1/deployments/{deployment_id}/preview"
    headers = {"X-Api-Key": day.key, "Idempotency-Key": key}
    broken: list[httpx.TransportError] = []

    def ask() -> None:
        try:
            httpx.post(url, json={}, headers=headers, timeout=120)
        except httpx.TransportError as error:
            broken.append(error)

    asking = threading.Thread(target=ask)
    with psycopg.connect(day.server.dsn) as holding:
        holding.execute("LOCK TABLE byoc.operations IN SHARE MODE")
        asking.start()
        until(lambda: day.server.rows(WRITING))
        server = day.server.started[-1]
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        asking.join(60)
        holding.rollback()
    assert broken
    day.server.start(port=day.server.url.rsplit(":", 1)[1])


WRITING = """
SELECT 1 FROM pg_stat_activity
WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT INTO byoc.operations%'
"""


def _wait_out(day: Day, key: str) -> None:
    """As if the minutes had passed after which a dead server's request may be done by another."""
    changed = day.server.rows(
        "UPDATE byoc.idempotency_keys SET claimed_at = claimed_at - interval '4 minutes'"
        " WHERE key = %s AND status_code IS NULL RETURNING key",
        key,
    )
    assert changed == [(key,)]


def test_a_revision_that_fails_leaves_the_old_one_serving(day: Day) -> None:
    """It says why, in ECS's words; the application's own are not among them."""
    started = day.client.deploy("day", day.image("v2", graph=BROKEN))

    ended = day.client.wait(started.operation_id or "")

    newest = next(iter(day.client.revisions(day.deployment.id)))
    assert (ended.status, newest.status) == ("FAILED", "DEPLOY_FAILED")
    assert ended.failure is not None
    assert ended.failure.code == "DEPLOYMENT_UNHEALTHY"
    assert "exit code 3" in ended.failure.got
    assert CRY not in ended.model_dump_json()
    assert "v1: 1 heard" in day.answer()


def test_the_last_lines_are_fetched_and_never_stored(day: Day) -> None:
    """Whoever asks why gets them from the customer's account; no table and no log has them."""
    failed = next(iter(day.client.operations(deployment_id=day.deployment.id)))

    now = day.client.failure(failed.id)
    logs = day.client.logs(day.deployment.id, query=CRY, limit=5)

    tables = day.server.rows(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    kept = [
        row[0]
        for (table,) in tables
        for row in day.server.rows(f"SELECT to_jsonb(t)::text FROM {table} t")  # noqa: S608 - our own names
    ]
    assert any(CRY in line for task in now.tasks for line in task.lines), now
    assert logs.logs
    assert any("DEPLOYMENT_UNHEALTHY" in row for row in kept)
    assert leaks(CRY, {"tables": "\n".join(kept)}) == []
    assert CRY not in (day.server.place / "log").read_text()


def test_what_would_replace_a_secret_waits_for_a_person_who_may_refuse(day: Day) -> None:
    """Seen before anything is done; refused, all is as it was and the deployment serves."""
    secret = _made_by_an_older_version(day)
    first = day.client.roll_back(day.deployment.id, to=1)

    waiting = day.halted(first.id)
    refused = day.client.reject(first.id)

    assert (waiting.status, refused.status) == ("AWAITING_APPROVAL", "CANCELLED"), waiting
    assert waiting.plan is not None
    needs = waiting.plan["needs_approval"]
    assert [(one["op"], one["type"]) for one in needs] == [("replace", SECRET)]
    assert _secrets(day) == {f"{secret}-before"}
    assert day.deployment.active_revision_id == _revision(day, 1)
    assert "v1: 1 heard" in day.answer()


def test_one_goes_back_to_what_served_once_a_person_agrees(day: Day) -> None:
    """By just the plan that was shown; the control plane's database is restarted meanwhile."""
    started = day.client.roll_back(day.deployment.id, to=1)
    waiting = day.halted(started.id)
    day.client.approve(started.id)
    postmaster = day.server.postmaster
    begun = False
    for event in day.client.events(started.id):
        begun = begun or "Bringing the deployment stack up" in str(event.data)
        if begun and event.kind == "resource" and postmaster == day.server.postmaster:
            _restart_database(day)

    ended = day.client.operation(started.id)

    newest = next(iter(day.client.revisions(day.deployment.id)))
    first = day.client.revision(day.deployment.id, _revision(day, 1))
    assert waiting.status == "AWAITING_APPROVAL"
    assert ended.status == "SUCCEEDED", ended.failure
    assert ended.approved_by
    assert day.server.postmaster != postmaster
    assert (newest.number, newest.image) == (4, first.image)
    assert day.deployment.active_revision_id == newest.id
    assert {name.removesuffix("-before") for name in _secrets(day)} == _secrets(day)
    assert "v1: 1 heard" in day.answer()


def test_a_deletion_leaves_a_receipt(day: Day) -> None:
    """Of what went and of what was kept."""
    ended = day.client.wait(day.client.delete_deployment(day.deployment.id) or "")

    assert ended.status == "SUCCEEDED", ended.failure
    assert ended.result is not None
    assert len(ended.result["destroyed"]) > 10
    assert "rds snapshot" in {one["kind"] for one in ended.result["kept"]}
    assert ended.result["left"]["found"] == {}
    assert list(day.client.deployments()) == []


def _restart_database(day: Day) -> None:
    """Stop it as its administrator does: who is connected is cut off. It is started again."""
    postmaster = day.server.postmaster
    os.kill(postmaster, signal.SIGINT)
    until(lambda: not alive(postmaster))
    until((day.server.place / "data" / "postmaster.pid").exists)
    until(lambda: ready(day.server))


SECRET = "aws:secretsmanager/secret:Secret"


def _revision(day: Day, number: int) -> uuid.UUID:
    (id_,) = (one.id for one in day.client.revisions(day.deployment.id) if one.number == number)
    return id_


def _made_by_an_older_version(day: Day) -> str:
    """Give AWS and the state what that version would have left; the secret's name today."""
    name = names_of(day.stage.deployment("day", "any")).secret("redis")
    before = f"{name}-before"
    with closing(_customer(day)) as session:
        has = session.ask("secretsmanager", "describe_secret", SecretId=name)
        made = session.ask(
            "secretsmanager", "create_secret", Name=before, SecretString="{}", Tags=has["Tags"]
        )
        session.ask(
            "secretsmanager", "delete_secret", SecretId=name, ForceDeleteWithoutRecovery=True
        )
    _rewrite_state(day, {has["ARN"]: made["ARN"], f'"{name}"': f'"{before}"'})
    by = day.server.rows(
        "UPDATE byoc.operations SET result = jsonb_set(result::jsonb, '{package}', %s)"
        " WHERE kind = 'deploy' AND status = 'SUCCEEDED' RETURNING id",
        f'"{OLDER}"',
    )
    assert len(by) == 1
    return name


def _rewrite_state(day: Day, changes: Mapping[str, str]) -> None:
    """Pulumi keeps a state as base64 in JSON."""
    ((key, kept),) = day.server.rows(
        "SELECT key, data->>'data' FROM pulumi_state"
        " WHERE key LIKE '%/stacks/byoc-deployment/%.json'"
    )
    state = base64.b64decode(kept).decode()
    for old, new in changes.items():
        assert old in state
        state = state.replace(old, new)
    day.server.rows(
        "UPDATE pulumi_state SET data = json_build_object('data', %s::text)"
        " WHERE key = %s RETURNING key",
        base64.b64encode(state.encode()).decode(),
        key,
    )


def _secrets(day: Day) -> set[str]:
    """The deployment's secrets that are not on their way out."""
    with closing(_customer(day)) as session:
        listed = session.each("secretsmanager", "list_secrets", "SecretList")
        return {one["Name"] for one in listed if "/day" in one["Name"]}


def _customer(day: Day) -> Session:
    env = day.stage.cloud.env("customer")
    return open_session(None, region=day.stage.cloud.region, env=env)
