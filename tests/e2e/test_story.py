"""One deployment under `least_privilege`, from its first `up` to its receipt.

The tests tell one story in order and share the deployment; each begins where the last ended.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from byoc_infra.aws import inventory
from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import (
    AccessRefused,
    ByocError,
    DeploymentUnhealthy,
    SecretWithoutValue,
)
from byoc_infra.flows import account as accounts
from byoc_infra.flows import deployment, reading, secrets
from byoc_infra.flows.results import Up
from byoc_infra.local.authorizer import replay
from byoc_infra.spec import AccessSpec, DeploymentSpec
from tests.e2e.stage import Stage, decrypted
from tests.support.leaks import disguises, leaks

pytestmark = pytest.mark.e2e

PLANTED = 'pl4nted "s3cret"/+%?'


class Story:
    """What the tests of this file hand on to each other."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.spec = stage.deployment("story", stage.push("v1"), secrets={"APP_SECRET": None})
        self.caller = Caller("")
        self.errors: list[str] = []
        self.outputs: Mapping[str, object] = {}

    @property
    def access(self) -> AccessSpec:
        """The way in, with the external id of the moment."""
        return self.stage.access()

    def up(self, **changes: object) -> Up:
        """Bring the deployment up, changed."""
        self.spec = DeploymentSpec.model_validate({**self.spec.model_dump(), **changes})
        up = deployment.up(self.spec, self.access, self.stage.work("vendor"))
        self.outputs = up.outputs
        return up


@pytest.fixture(scope="module")
def story(account: Stage) -> Story:
    """The deployment, as far as the story has come."""
    return Story(account)


def test_a_secret_without_a_value_stops_the_first_up(story: Story) -> None:
    """Everything else is made, and the error says how to go on."""
    with pytest.raises(SecretWithoutValue) as refused:
        story.up()
    story.errors.append(json.dumps(refused.value.as_dict()))

    assert "byoc secrets put APP_SECRET" in refused.value.next_step


def test_the_next_up_completes_it(story: Story) -> None:
    """The value goes in from outside, and the deployment answers."""
    stored = secrets.put(
        story.spec, story.access, "APP_SECRET", PLANTED, story.stage.work("vendor").env
    )
    up = story.up()
    story.caller.url = str(up.outputs["url"])

    assert PLANTED not in str(stored)
    assert story.caller.say("first").values["version"] == "v1"


def test_a_second_up_changes_nothing(story: Story) -> None:
    """Providers and components count too."""
    again = story.up()

    assert again.changes == ()
    assert again.restarted == ()


def test_another_session_name_and_external_id_change_nothing(story: Story) -> None:
    """Nothing of how the account is reached is in the stack; the old id is refused afterwards."""
    stage = story.stage
    old = stage.external_id
    accounts.up(
        stage.account(external_ids=(old, "story-77aa0d9f-1b52-4c1e")), stage.work("customer")
    )
    stage.external_id = "story-77aa0d9f-1b52-4c1e"
    stage.set_up(stage.account())
    preview = deployment.preview(
        story.spec, stage.access(source_identity="somebody-else"), stage.work("vendor")
    )
    with pytest.raises(AccessRefused) as refused:
        deployment.preview(story.spec, stage.access(external_id=old), stage.work("vendor"))
    story.errors.append(json.dumps(refused.value.as_dict()))

    assert preview.changes == ()
    assert old not in story.errors[-1]


def test_a_preview_shows_exactly_what_up_does(story: Story) -> None:
    """Resource by resource, with the properties that differ; sessions end in mid-run meanwhile."""
    stage = story.stage
    changed = story.spec.model_copy(
        update={"image": stage.push("v2"), "environment": {"CHAT_THINKING_S": "0.1"}}
    )
    preview = deployment.preview(changed, story.access, stage.work("vendor"))
    stage.cloud.control("limit-sessions", seconds=8)
    try:
        with story.caller:
            up = story.up(image=changed.image, environment=changed.environment)
    finally:
        stage.cloud.control("limit-sessions", seconds=None)

    assert sorted(map(str, preview.changes)) == sorted(map(str, up.changes))
    assert {change.type for change in up.changes} >= {"aws:ecs/service:Service"}
    assert story.caller.failures == []
    assert story.caller.versions[-1] == "v2"
    assert _assumed(stage, up.operation) > 1


def test_a_rotated_password_leads_to_new_tasks(story: Story) -> None:
    """AWS changes it, the next `up` sees that, and no call fails afterwards."""
    stage = story.stage
    identifier = str(story.outputs["database_identifier"])
    rotated = stage.cloud.control("rotate-password", db=identifier)
    after = story.up()
    answers = [story.caller.say(f"after rotation {number}") for number in range(3)]

    assert rotated
    assert after.restarted
    assert len(answers) == len({answer.values["answer"] for answer in answers})
    assert story.caller.failures == []


def test_a_wrong_password_is_refused(story: Story) -> None:
    """By the server itself, over TLS."""
    endpoint = str(story.outputs["database_endpoint"]).partition(":")[0]
    hosts = json.loads((story.stage.cloud.directory / "hosts.json").read_text())
    where = f"host={hosts[endpoint]} user=langgraph dbname=langgraph sslmode=require"

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"{where} password=wrong")


def test_a_database_is_known_by_its_certificate(story: Story) -> None:
    """AWS's own CAs have not signed the local cloud's: a server says so, and the old one serves."""
    with pytest.raises(DeploymentUnhealthy) as refused:
        story.up(database_tls="verify-full")
    story.errors.append(json.dumps(refused.value.as_dict()))

    assert "certificate verify failed" in refused.value.got
    assert story.caller.say("meanwhile").values["version"] == "v2"


def test_it_grows_into_production(story: Story) -> None:
    """The same database and threads, with a queue service and behind TLS; nothing is replaced.

    The database is verified by the right CA from now on: servers that did not find it true would
    not become healthy.
    """
    cloud, domain = story.stage.cloud, "story.example.com"
    balancer = story.caller.url
    certificate = cloud.control("certificate", domain=domain)["certificate"]
    cloud.control("point", name=domain, at=balancer)
    before = story.caller.say("before it grew").values["answer"]
    small = {"min_scale": 1, "max_scale": 2, "queue_min_scale": 1, "queue_max_scale": 2}
    ca = (cloud.directory / "ca.pem").read_text()
    up = story.up(
        size="production",
        certificate_arn=certificate,
        domain=domain,
        database_tls="verify-full",
        database_ca_pem=ca,
        **small,
    )
    story.caller.url = str(up.outputs["url"])
    after = story.caller.say("after it grew").values["answer"]

    assert {change.op for change in up.changes} <= {"create", "update", "replace"}
    replaced = {change.type for change in up.changes if change.op == "replace"}
    assert replaced <= {"aws:ecs/taskDefinition:TaskDefinition"}
    assert story.caller.url == f"https://{domain}"
    assert after.endswith("before it grew, after it grew")
    assert before.endswith("before it grew")


def test_the_vendor_may_read_the_log_lines(story: Story) -> None:
    """Passed through from CloudWatch Logs, by the container that wrote them."""
    read = reading.lines(
        story.spec, story.access, reading.Asked(limit=50), story.stage.work("vendor").env
    )

    assert read
    assert all("/api/" in line.stream for line in read)


def test_no_planted_secret_comes_out_anywhere(story: Story) -> None:
    """Not in state, outputs, progress, errors, task definitions, logs or the engine's files."""
    texts = _texts(story)
    missed = [
        (name, form)
        for name, text in texts.items()
        for form in disguises(PLANTED)
        if leaks(PLANTED, {name: text + form}) != [name]
    ]

    assert leaks(PLANTED, texts) == []
    assert missed == [], "what the test plants itself must be found"
    assert {"state", "outputs", "errors", "verdicts", "task logs"} <= set(texts)


def test_destroy_gives_a_receipt_and_leaves_nothing_else(story: Story) -> None:
    """With the rotated external id; what it keeps is named."""
    stage = story.stage
    receipt = deployment.destroy(story.spec, story.access, stage.work("vendor"))
    with stage.work("customer").reach(stage.account(), None) as reached:
        left = inventory.take(
            reached.session, ["ecs service", "load balancer", "rds instance", "secret"]
        )

    assert left.count() == 0
    assert {kept.kind for kept in receipt.kept} >= {"rds snapshot", "ecs task definition"}


def test_every_allow_statement_is_needed(story: Story) -> None:
    """Without it, at least one request of this life would have been denied."""
    lines = replay.allowed_lines(_verdicts(story.stage), story.stage.role_arn())
    documents = _policies(story.stage)

    assert replay.denied(documents, lines) == []
    assert [one.name for one in replay.unneeded(documents, lines)] == []


FORBIDDEN: dict[str, tuple[str, str, dict[str, Any]]] = {
    "NeverReadSecretValues": ("secretsmanager", "get_secret_value", {"SecretId": "x"}),
    "NeverEnterContainers": (
        "ecs",
        "execute_command",
        {"cluster": "c", "task": "t", "command": "sh", "interactive": True},
    ),
    "NeverPrepareShells": (
        "ecs",
        "update_service",
        {"cluster": "c", "service": "s", "enableExecuteCommand": True},
    ),
    "NeverGiveOutPublicAddresses": (
        "ecs",
        "update_service",
        {
            "cluster": "c",
            "service": "s",
            "networkConfiguration": {
                "awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}
            },
        },
    ),
    "NeverShareSnapshots": (
        "rds",
        "modify_db_snapshot_attribute",
        {"DBSnapshotIdentifier": "s", "AttributeName": "restore", "ValuesToAdd": ["all"]},
    ),
    "NeverPassOtherRoles": (
        "ecs",
        "register_task_definition",
        {
            "family": "f",
            "taskRoleArn": "Administrator",
            "containerDefinitions": [{"name": "a", "image": "b"}],
        },
    ),
    "NeverMoveTheTag": (
        "ecs",
        "untag_resource",
        {
            "resourceArn": "arn:aws:ecs:eu-west-1:222222222222:service/c/s",
            "tagKeys": ["byoc:installation"],
        },
    ),
}
"""For each Deny statement, a request that only it can deny: everything else allows it."""


@pytest.mark.parametrize("sid", FORBIDDEN)
def test_every_deny_statement_denies(story: Story, sid: str) -> None:
    """Even beside an administrator's policy; without the statement nothing would."""
    service, operation, params = FORBIDDEN[sid]
    stage = story.stage
    with (
        _administrator_too(stage),
        stage.work("vendor").reach(story.spec, story.access) as reached,
        pytest.raises(ByocError),
    ):
        reached.session.ask(service, operation, **params)
    line = next(
        line
        for line in reversed(_verdicts(stage))
        if line["role"] == stage.role_arn() and line["verdict"] == "deny"
    )
    rest = [
        replay.without(document, place)
        for document in _policies(stage)
        for place, statement in enumerate(json.loads(document)["Statement"])
        if statement["Sid"] == sid
    ]

    assert sid in str(line["why"])
    assert replay.denied([*rest, ADMINISTRATOR], [line]) == []


def test_the_forbidden_requests_cover_every_deny_statement(story: Story) -> None:
    """A new one needs its request here."""
    denies = {
        statement["Sid"]
        for document in _policies(story.stage)
        for statement in json.loads(document)["Statement"]
        if statement["Effect"] == "Deny"
    }

    assert denies == set(FORBIDDEN)


ADMINISTRATOR = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@contextmanager
def _administrator_too(stage: Stage) -> Iterator[None]:
    """The access role with an administrator's policy beside its own, for a while."""
    role = stage.role_arn().rpartition("/")[2]
    with stage.work("customer").reach(stage.account(), None) as reached:
        ask = reached.session.ask
        name: dict[str, Any] = {"RoleName": role, "PolicyName": "for-a-test"}
        ask("iam", "put_role_policy", **name, PolicyDocument=ADMINISTRATOR)
        try:
            yield
        finally:
            ask("iam", "delete_role_policy", **name)


def _verdicts(stage: Stage) -> list[dict[str, object]]:
    return replay.read_lines(stage.cloud.directory / "verdicts.jsonl")


def _assumed(stage: Stage, operation: str) -> int:
    """How many sessions one operation has used."""
    return sum(
        line["operation"] == "AssumeRole" and operation in json.dumps(line)
        for line in _verdicts(stage)
        if line["action"] == "sts:AssumeRole"
    )


def _policies(stage: Stage) -> list[str]:
    """The documents of the access role, as AWS has them."""
    with stage.work("customer").reach(stage.account(), None) as reached:
        session = reached.session
        role = stage.role_arn().rpartition("/")[2]
        found = []
        for one in session.each(
            "iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role
        ):
            arn = one["PolicyArn"]
            version = session.ask("iam", "get_policy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            answer = session.ask("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
            found.append(json.dumps(answer["PolicyVersion"]["Document"]))
    return found


def _texts(story: Story) -> dict[str, str]:
    """Everywhere a secret might have gone, decrypted."""
    stage = story.stage
    texts = {
        "progress": "\n".join(stage.said),
        "errors": "\n".join(story.errors),
        "verdicts": (stage.cloud.directory / "verdicts.jsonl").read_text(),
        "emulator log": (stage.cloud.directory / "emulator.log").read_text(errors="replace"),
    }
    with stage.work("vendor").reach(story.spec, story.access) as reached:
        stack = deployment._stack(story.spec, reached)
        texts["state"] = json.dumps(decrypted(stack))
        texts["outputs"] = json.dumps(dict(stage.engine.outputs(stack).outputs))
    with stage.work("customer").reach(stage.account(), None) as reached:
        session = reached.session
        for arn in session.each("ecs", "list_task_definitions", "taskDefinitionArns"):
            answer = session.ask("ecs", "describe_task_definition", taskDefinition=arn)
            texts[arn] = json.dumps(answer["taskDefinition"], default=str)
        events = session.each(
            "logs", "filter_log_events", "events", logGroupName="/aws/ecs/langgraph-cloud"
        )
        texts["task logs"] = "\n".join(event["message"] for event in events)
    for path in (stage.cloud.directory / "pulumi").rglob("*"):
        if path.is_file():
            texts[f"backend {path.name}"] = path.read_text(errors="replace")
    return texts
