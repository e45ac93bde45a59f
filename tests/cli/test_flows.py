"""What the commands do, with an engine that only answers."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from moto import mock_aws

from byoc_infra import redaction
from byoc_infra.aws import databases, health, images, services
from byoc_infra.aws import secrets as stored_secrets
from byoc_infra.aws.health import ServiceTruth, Truth
from byoc_infra.aws.images import Image
from byoc_infra.cli import calling
from byoc_infra.cli.files import load_account, load_deployment
from byoc_infra.engine import Change, Outcome, StackRef
from byoc_infra.errors import (
    AccessRefused,
    CloudUnreachable,
    DuplicateName,
    EngineFailed,
    NotFound,
    ReservedName,
    RunFailed,
    SpecError,
    WrongAccount,
)
from byoc_infra.flows import account, deployment, secrets
from byoc_infra.flows.database_choice import QUEUE
from byoc_infra.flows.results import Status
from byoc_infra.flows.work import Backend, Work
from byoc_infra.spec import AccountSpec, DeploymentSpec
from tests.cli.conftest import DEPLOYMENT, Run

DIGEST = "sha256:" + "d" * 64
URI = "222222222222.dkr.ecr.eu-west-1.amazonaws.com/agents"
RDS, LB = "aws:rds/instance:Instance", "aws:lb/loadBalancer:LoadBalancer"
GUARDED = {"enableDeletionProtection": True}
OUTPUTS = {
    "url": "http://lg-chat.example",
    "cluster": "langgraph-cloud-cluster",
    "service": "lg-chat-api",
    "task_definition_arn": "arn:api:1",
    "cache_service": "lg-chat-cache",
    "cache_task_definition_arn": "arn:cache:1",
    "target_group_arn": "arn:tg",
}
GONE = NotFound("stack", wanted="a stack", got="none", next_step="-")


class FakeEngine:
    """Remembers what it was asked and answers as it was told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, StackRef, dict[str, Any]]] = []
        self.answers: dict[str, Outcome] = {}

    def __getattr__(self, kind: str) -> Callable[..., Outcome]:
        def run(stack: StackRef, *_: object, **options: Any) -> Outcome:
            self.asked.append((kind, stack, options))
            outputs = OUTPUTS if kind in ("up", "outputs") else {}
            return self.answers.get(kind, Outcome(kind="up", ok=True, outputs=outputs))

        return run

    @property
    def kinds(self) -> list[str]:
        """What was asked, in order."""
        return [kind for kind, _, _ in self.asked]

    def program(self, kind: str) -> Any:
        """The program of the first run of this kind."""
        return next(stack.program for asked, stack, _ in self.asked if asked == kind)


@pytest.fixture
def engine() -> FakeEngine:
    """An engine."""
    return FakeEngine()


@pytest.fixture
def work(engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """Work in the account 222222222222, on emulated AWS."""
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "222222222222")
    monkeypatch.setattr("moto.core.models.DEFAULT_ACCOUNT_ID", "222222222222", raising=False)
    env = {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "PULUMI_CONFIG_PASSPHRASE": "pass",
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_HOME": "/home/pulumi",
        "HOME": str(tmp_path),
    }
    with mock_aws():
        yield Work(engine=engine, env=env, operation="op-1")  # type: ignore[arg-type]  # a fake


@pytest.fixture
def spec(deployment_file: Path) -> DeploymentSpec:
    """The deployment."""
    return load_deployment(deployment_file)[0]


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """AWS's answers as a good day has them; a test changes one."""
    told: dict[str, Any] = {"newer": False, "restarted": [], "waited": []}
    monkeypatch.setattr(images, "resolve", lambda *_a, **_k: Image(f"{URI}@{DIGEST}", "arm64"))
    monkeypatch.setattr(databases, "password_is_newer", lambda *_a, **_k: told["newer"])
    monkeypatch.setattr(
        services, "force_new_deployment", lambda _s, _c, name: told["restarted"].append(name)
    )
    monkeypatch.setattr(
        health, "wait_until_true", lambda _s, wanted, **_k: told["waited"].append(wanted)
    )
    return told


def account_spec(path: Path) -> AccountSpec:
    """The account."""
    return load_account(path)


def test_up_pins_recovers_and_waits(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """In this order; the program gets digest and architecture."""
    result = deployment.up(spec, None, work)

    assert engine.kinds == ["recover", "export", "up"]
    program = engine.program("up")
    assert (program.spec.image, program.architecture) == (f"{URI}@{DIGEST}", "arm64")
    (wanted,) = healthy["waited"]
    assert [one.task_definition for one in wanted.services] == ["arn:api:1", "arn:cache:1"]
    assert (result.image, result.architecture) == (f"{URI}@{DIGEST}", "arm64")
    assert result.outputs["url"] == OUTPUTS["url"]


def test_the_engine_gets_credentials_it_can_renew_and_no_keys(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """Nothing of the caller's own keys, role or external id."""
    deployment.up(spec, None, work)

    env = engine.asked[0][1].env
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].startswith("http://127.0.0.1:")
    assert env["PULUMI_HOME"] == "/home/pulumi"
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "PULUMI_BACKEND_URL"} & set(env)
    assert "external" not in json.dumps(dict(env) | dict(engine.asked[0][1].config))


def test_stacks_are_named_by_account_region_installation_and_id(spec: DeploymentSpec) -> None:
    """So that the recorded place is part of the stack's identity."""
    number = deployment.names_of(spec).id

    assert deployment.stack_name(spec) == f"222222222222-eu-west-1-default-chat-{number}"


def test_a_newer_password_starts_the_tasks_anew(
    work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """Before the wait, and it is told."""
    healthy["newer"] = True

    result = deployment.up(spec, None, work)

    name = deployment.names_of(spec).service("api")
    assert healthy["restarted"] == [name]
    assert result.restarted == (name,)


def test_a_newer_password_starts_both_services_anew(
    work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """The queue's tasks read it as well."""
    healthy["newer"] = True
    large = spec.model_copy(update={"size": "production"})

    names = deployment.names_of(spec)
    assert deployment.up(large, None, work).restarted == (
        names.service("api"),
        names.service("queue"),
    )


def test_the_queue_service_is_waited_for(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """A deployment is up when all of its services are."""
    queue = {"queue_service": "lg-chat-queue", "queue_task_definition_arn": "arn:queue:1"}
    outcome = Outcome(kind="up", ok=True, outputs={**OUTPUTS, **queue})
    engine.answers["up"] = outcome
    deployment.up(spec, None, work)
    (wanted,) = healthy["waited"]

    assert [one.name for one in wanted.services][1] == "lg-chat-queue"
    assert wanted.services[1].task_definition == "arn:queue:1"
    assert wanted.services[1].target_group is None


def test_a_production_deployment_never_shrinks(
    engine: FakeEngine,
    work: Work,
    spec: DeploymentSpec,
    healthy: dict[str, Any],
) -> None:
    """Told before anything is touched, with the way to make it small."""
    engine.answers["export"] = Outcome(
        kind="export", ok=True, state={"deployment": {"resources": [{"type": QUEUE}]}}
    )

    with pytest.raises(SpecError, match="size: want production") as refused:
        deployment.up(spec, None, work)
    assert "max_scale" in refused.value.next_step
    assert "up" not in engine.kinds
    assert healthy["waited"] == []


@pytest.mark.parametrize("act", [deployment.up, deployment.preview])
def test_a_certificate_that_is_not_there_is_refused_before_anything_is_built(
    act: Callable[..., object],
    engine: FakeEngine,
    work: Work,
    spec: DeploymentSpec,
    healthy: dict[str, Any],
) -> None:
    """The engine is not asked."""
    arn = "arn:aws:acm:eu-west-1:222222222222:certificate/00000000-0000-4000-8000-000000000000"
    with pytest.raises(NotFound, match="certificate_arn: want a certificate in ACM"):
        act(spec.model_copy(update={"certificate_arn": arn}), None, work)

    assert engine.kinds == []
    assert healthy["waited"] == []


def test_what_cannot_work_is_refused_before_aws(
    engine: FakeEngine, work: Work, spec: DeploymentSpec
) -> None:
    """A reserved name costs no call."""
    bad = spec.model_copy(update={"environment": {"DATABASE_URI": "x"}})

    with pytest.raises(ReservedName):
        deployment.up(bad, None, work)

    assert engine.asked == []


def test_a_failed_run_is_its_own_error(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """And nobody waits for it."""
    failure = EngineFailed("stack", wanted="w", got="g", next_step="n")
    engine.answers["up"] = Outcome(kind="up", ok=False, failure=failure)

    with pytest.raises(EngineFailed):
        deployment.up(spec, None, work)

    assert healthy["waited"] == []


def test_credentials_of_another_account_end_it(
    engine: FakeEngine, work: Work, spec: DeploymentSpec
) -> None:
    """Nothing is asked of the engine."""
    elsewhere = spec.model_copy(
        update={
            "aws_account_id": "333333333333",
            "image": URI.replace("222", "333") + ":v1",
            "secrets": {},
        }
    )

    with pytest.raises(WrongAccount):
        deployment.up(elsewhere, None, work)

    assert engine.asked == []


def test_destroy_lifts_only_the_protection_first(
    engine: FakeEngine, work: Work, spec: DeploymentSpec
) -> None:
    """Of the database and the balancer; with what runs, and needing no secret's value."""
    resources = [
        {
            "urn": "urn:stack",
            "type": "pulumi:pulumi:Stack",
            "outputs": {"image": f"{URI}@{DIGEST}"},
        },
        {"urn": "urn:db", "type": RDS},
        {"urn": "urn:lb", "type": LB},
        {"urn": "urn:other", "type": "aws:ecs/service:Service"},
    ]
    engine.answers["export"] = Outcome(
        kind="export", ok=True, state={"deployment": {"resources": resources}}
    )
    gone = Change(urn="urn:db", type=RDS, name="chat", op="delete")
    engine.answers["destroy"] = Outcome(kind="destroy", ok=True, changes=(gone,))

    receipt = deployment.destroy(spec, None, work)

    assert engine.kinds == ["recover", "export", "up", "destroy"]
    assert engine.asked[2][2]["target"] == ["urn:db", "urn:lb"]
    program = engine.program("up")
    assert program.spec.deletion_protection is False
    assert program.spec.final_snapshot is True
    assert program.spec.image == f"{URI}@{DIGEST}"
    assert program.final_snapshot_name == deployment.names_of(spec).final_snapshot()
    assert program.wants_values is False
    assert [one.name for one in receipt.destroyed] == ["chat"]


def test_destroying_what_is_not_there_is_done(
    engine: FakeEngine, work: Work, spec: DeploymentSpec
) -> None:
    """After an interrupt it is run again."""
    for kind in ("export", "destroy"):
        engine.answers[kind] = Outcome(kind="export", ok=False, failure=GONE)

    receipt = deployment.destroy(spec, None, work)

    assert engine.kinds == ["recover", "export", "destroy"]
    assert receipt.destroyed == ()


def test_the_receipt_lists_what_aws_still_has(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked, not assumed: a snapshot, and a secret that can still be brought back."""
    engine.answers["export"] = Outcome(
        kind="export",
        ok=True,
        state={"deployment": {"resources": [{"urn": "urn:db", "type": RDS}]}},
    )
    names = deployment.names_of(spec)
    with work.reach(spec, None) as reached:
        rds = reached.session.client("rds")
        rds.create_db_instance(
            DBInstanceIdentifier="x",
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            MasterUsername="u",
            MasterUserPassword="not-a-secret",
        )
        manager = reached.session.client("secretsmanager")
        manager.create_secret(Name=names.secret("API_TOKEN"))
        manager.delete_secret(SecretId=names.secret("API_TOKEN"))
        ecs = reached.session.client("ecs")
        ecs.register_task_definition(
            family=names.service("api"),
            containerDefinitions=[{"name": "api", "image": "x", "memory": 64}],
        )

        def snapshot(*_a: object, **_k: object) -> Outcome:
            rds.create_db_snapshot(
                DBSnapshotIdentifier=names.final_snapshot(), DBInstanceIdentifier="x"
            )
            return Outcome(kind="destroy", ok=True)

        monkeypatch.setattr(engine, "destroy", snapshot, raising=False)
        receipt = deployment.destroy(spec, None, work)

    kept = {one.kind: one for one in receipt.kept}
    assert kept["rds snapshot"].name == names.final_snapshot()
    assert kept["secret"].why == "in its recovery window"
    assert kept["ecs task definition"].name.endswith(f"{names.service('api')}:1")


def test_the_flows_keep_the_database_that_there_is(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """Also a destroy, whose first step would take an RDS instance away that the file lacks."""
    engine.answers["export"] = Outcome(
        kind="export",
        ok=True,
        state={"deployment": {"resources": [{"urn": "urn:db", "type": RDS}]}},
    )
    changed = spec.model_copy(update={"secrets": {"POSTGRES_URI_CUSTOM": None}})

    for flow in (deployment.up, deployment.preview, deployment.destroy):
        with pytest.raises(SpecError, match=r"secrets\.POSTGRES_URI_CUSTOM: want nothing"):
            flow(changed, None, work)
    assert set(engine.kinds) == {"recover", "export"}


def test_an_external_database_is_left_alone(
    engine: FakeEngine, work: Work, spec: DeploymentSpec, healthy: dict[str, Any]
) -> None:
    """No password of ours to renew, no snapshot to keep; the receipt says whose it is."""
    outside = spec.model_copy(update={"secrets": {"POSTGRES_URI_CUSTOM": None}})
    healthy["newer"] = True
    up = deployment.up(outside, None, work)
    engine.asked.clear()
    engine.answers["export"] = Outcome(
        kind="export",
        ok=True,
        state={"deployment": {"resources": [{"urn": "urn:lb", "type": LB, "inputs": GUARDED}]}},
    )
    receipt = deployment.destroy(outside, None, work)

    assert up.restarted == ()
    assert engine.program("up").snapshot_name is None
    kept = {one.kind: one.name for one in receipt.kept}
    assert kept["external postgres"] == "POSTGRES_URI_CUSTOM"
    assert "rds snapshot" not in kept


def test_status_tells_a_lost_account_as_disconnected(
    work: Work, spec: DeploymentSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deployment may well run on; this is no crash."""

    def refuse(*_a: object, **_k: object) -> None:
        raise AccessRefused("role_arn", wanted="the role", got="AccessDenied", next_step="Ask.")

    monkeypatch.setattr("byoc_infra.flows.work.open_session", refuse)

    found = deployment.status(spec, None, work)

    assert found.state == "DISCONNECTED"
    assert "AccessDenied" in found.said


@pytest.mark.parametrize(
    ("outcome", "truth", "state"),
    [
        (None, Truth(services=(ServiceTruth(name="a"),)), "DEPLOYED"),
        (None, Truth(services=(ServiceTruth(name="a", wrong=("x",)),)), "UNHEALTHY"),
        (Outcome(kind="outputs", ok=True), None, "NOT_DEPLOYED"),
        (Outcome(kind="outputs", ok=False, failure=GONE), None, "NOT_DEPLOYED"),
    ],
)
def test_status_is_what_is_true(
    *,
    engine: FakeEngine,
    work: Work,
    spec: DeploymentSpec,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome | None,
    truth: Truth | None,
    state: str,
) -> None:
    """Not what was told last."""
    if outcome is not None:
        engine.answers["outputs"] = outcome
    monkeypatch.setattr(health, "truth", lambda *_a: truth)

    assert deployment.status(spec, None, work).state == state


def test_an_account_with_a_deployment_is_not_destroyed(
    engine: FakeEngine, work: Work, account_file: Path
) -> None:
    """Its services would lose their network."""
    wanted = account_spec(account_file)
    with work.reach(wanted, None) as reached:
        ecs = reached.session.client("ecs")
        ecs.create_cluster(clusterName="langgraph-cloud-cluster")
        ecs.register_task_definition(
            family="f", containerDefinitions=[{"name": "a", "image": "x", "memory": 64}]
        )
        ecs.create_service(
            cluster="langgraph-cloud-cluster",
            serviceName="lg-chat-api",
            taskDefinition="f",
            desiredCount=0,
        )

    with pytest.raises(SpecError, match="services lg-chat-api"):
        account.destroy(wanted, work)

    assert engine.asked == []


def test_the_accounts_redis_is_pinned_to_its_digest(
    engine: FakeEngine,
    work: Work,
    account_file: Path,
    healthy: dict[str, Any],
) -> None:
    """A tag is resolved before anything is made; a digest stays as it is."""
    given = account_spec(account_file)
    account.up(given.model_copy(update={"redis_image": f"{URI}:8"}), work)
    tagged = engine.program("up").spec.redis_image
    engine.asked.clear()
    account.up(given, work)

    assert tagged == f"{URI}@{DIGEST}"
    assert engine.program("up").spec.redis_image == given.redis_image


def test_a_redis_outside_of_ecr_needs_its_digest(work: Work, account_file: Path) -> None:
    """Nobody but ECR is asked what a tag means."""
    wanted = account_spec(account_file).model_copy(update={"redis_image": "docker.io/redis:8"})

    with pytest.raises(SpecError, match="redis_image: want"):
        account.preview(wanted, work)


def test_service_linked_roles_are_kept_and_told(
    engine: FakeEngine, work: Work, account_file: Path
) -> None:
    """They leave the stack, and stay in the account."""
    wanted = account_spec(account_file)
    with work.reach(wanted, None) as reached:
        reached.session.client("iam").create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    role = Change(urn="u", type=account.SERVICE_LINKED, name="rds", op="delete")
    engine.answers["destroy"] = Outcome(kind="destroy", ok=True, changes=(role,))

    receipt = account.destroy(wanted, work)

    assert receipt.destroyed == ()
    assert [one.kind for one in receipt.kept] == ["service-linked role"]


def test_without_a_passphrase_nothing_starts(tmp_path: Path) -> None:
    """Stacks are never kept unencrypted."""
    with pytest.raises(SpecError, match="PULUMI_CONFIG_PASSPHRASE"):
        Backend.of({"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("env", "provider"),
    [
        ({"PULUMI_CONFIG_PASSPHRASE": "x"}, None),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "/x"}, None),
        ({"BYOC_SECRETS_PROVIDER": "awskms://alias/x"}, "awskms://alias/x"),
    ],
)
def test_states_are_kept_with_the_user_by_default(
    tmp_path: Path, env: dict[str, str], provider: str | None
) -> None:
    """In a directory that is there and that only they read."""
    found = Backend.of({**env, "HOME": str(tmp_path)})

    place = tmp_path / ".local" / "share" / "byoc-infra" / "state"
    assert (found.url, found.secrets_provider) == (f"file://{place}", provider)
    assert place.stat().st_mode & 0o077 == 0


def test_a_secret_comes_from_stdin_and_is_not_told(
    byoc: Run, deployment_file: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it went is told; what it is, never."""
    spec = load_deployment(deployment_file)[0]
    deployment_file.write_text(DEPLOYMENT.split("access:")[0])
    for name, value in work.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.StringIO("planted-value-42\n"))
    container = deployment.names_of(spec).secret("API_TOKEN")
    with work.reach(spec, None) as reached:
        manager = reached.session.client("secretsmanager")
        manager.create_secret(Name=container)

        said = byoc("secrets", "put", "API_TOKEN", "-f", str(deployment_file), "--json")

        stored = manager.get_secret_value(SecretId=container)
    assert said.code == 0, said.out
    assert stored["SecretString"] == "planted-value-42"
    assert said.json["result"]["version_id"] == stored["VersionId"]
    assert "planted-value-42" not in said.out + said.err
    assert "planted-value-42" not in redaction.scrub("boom: planted-value-42", {})


def test_an_owner_puts_a_key_for_all_deployments(
    byoc: Run, account_file: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into the container that the account stack made; the value is told nowhere."""
    account_file.write_text(f"{account_file.read_text()}platform_secrets: [LANGSMITH_API_KEY]\n")
    for name, value in work.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.StringIO("planted-value-43\n"))
    with work.reach(account_spec(account_file), None) as reached:
        manager = reached.session.client("secretsmanager")
        manager.create_secret(Name="langgraph-cloud/default/platform/LANGSMITH_API_KEY")

        command = ("account", "secrets", "put", "LANGSMITH_API_KEY", "-f", str(account_file))
        said = byoc(*command, "--json")

        stored = manager.get_secret_value(SecretId=said.json["result"]["secret"])
    assert said.code == 0, said.out
    assert stored["SecretString"] == "planted-value-43"
    assert "planted-value-43" not in said.out + said.err


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("OPENAI_API_KEY", "k", "name: want one of the account's platform secrets: LANGSMITH_API"),
        ("LANGSMITH_API_KEY", "two words", "value of LANGSMITH_API_KEY: want a key in one line"),
        ("LANGSMITH_API_KEY", "k", "secret: want an existing secret"),
    ],
)
def test_a_key_that_has_no_place_or_form_is_refused(
    account_file: Path, work: Work, name: str, value: str, message: str
) -> None:
    """The way out is the owner's own command."""
    spec = account_spec(account_file).model_copy(
        update={"platform_secrets": ("LANGSMITH_API_KEY",)}
    )

    with pytest.raises(SpecError) as refused:
        secrets.put_platform(spec, name, value, work.env)

    assert str(refused.value).startswith(message)
    assert "deployment" not in refused.value.next_step


@pytest.mark.parametrize(
    ("tags", "step"),
    [
        ([{"Key": "byoc:installation", "Value": "default"}], "Set first_region to the region"),
        ([{"Key": "byoc:installation", "Value": "blue"}], "Take another name."),
        ([], "Take another name, or remove the role."),
    ],
)
def test_a_name_in_iam_that_is_taken_is_refused(
    engine: FakeEngine, work: Work, account_file: Path, tags: list[dict[str, str]], step: str
) -> None:
    """By the same installation in another region, by another one, or by somebody else."""
    wanted = account_spec(account_file)
    with work.reach(wanted, None) as reached:
        reached.session.client("iam").create_role(
            RoleName="LangGraphCloudTaskRole-default", AssumeRolePolicyDocument="{}", Tags=tags
        )

    with pytest.raises(DuplicateName) as refused:
        account.up(wanted, work)

    assert refused.value.field == "task_roles"
    assert refused.value.next_step.startswith(step)
    assert "up" not in engine.kinds


def test_a_role_of_the_stack_itself_is_its_own(
    engine: FakeEngine, work: Work, account_file: Path
) -> None:
    """The second run finds what the first has made."""
    wanted = account_spec(account_file)
    role = {"type": "aws:iam/role:Role", "id": "LangGraphCloudBYOCRole"}
    state = {"deployment": {"resources": [role]}}
    engine.answers["export"] = Outcome(kind="export", ok=True, state=state)
    with work.reach(wanted, None) as reached:
        reached.session.client("iam").create_role(
            RoleName="LangGraphCloudBYOCRole", AssumeRolePolicyDocument="{}"
        )

    account.up(wanted, work)

    assert "up" in engine.kinds


def test_a_newer_key_of_the_owner_starts_the_tasks_anew(
    engine: FakeEngine,
    work: Work,
    spec: DeploymentSpec,
    healthy: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a rotated password does, and once for both."""
    given = {"LANGSMITH_API_KEY": "arn:a", "LANGGRAPH_CLOUD_LICENSE_KEY": "arn:b"}
    outputs = {**OUTPUTS, "platform_secrets": given}
    engine.answers["up"] = Outcome(kind="up", ok=True, outputs=outputs)
    healthy["newer"] = True
    asked: list[tuple[str, ...]] = []

    def newer(_session: object, arns: Any, **_place: str) -> tuple[str, ...]:
        asked.append(tuple(arns))
        return ("arn:a",)

    monkeypatch.setattr(stored_secrets, "newer_than_tasks", newer)
    said: list[str] = []

    result = deployment.up(spec, None, replace(work, report=said.append))

    assert asked == [("arn:a", "arn:b")]
    assert (
        healthy["restarted"] == list(result.restarted) == [deployment.names_of(spec).service("api")]
    )
    assert any("LANGSMITH_API_KEY, the database's password" in line for line in said)


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Certificates end with a line end."""
    path = tmp_path / "value"
    path.write_text("line one\nline two\n")

    assert secrets.read_value(path, prompt=lambda: "") == "line one\nline two\n"


@pytest.mark.parametrize(("name", "kind"), [("NOPE", NotFound), ("SHARED", SpecError)])
def test_only_containers_of_the_stack_take_values(
    spec: DeploymentSpec, name: str, kind: type[Exception]
) -> None:
    """Not unknown names, and not other people's secrets."""
    with pytest.raises(kind):
        secrets.put(spec, None, name, "planted-value-42")


@pytest.mark.parametrize(
    ("uri", "tls"),
    [
        ("postgresql://app:planted-value-42@127.0.0.1/app", "require"),
        ("postgresql://app:planted-value-42@db.example.com/app", "require"),
        ("postgresql://app:planted-value-42@db/app?sslmode=require", "verify-full"),
    ],
)
def test_an_address_that_cannot_work_is_not_stored(
    spec: DeploymentSpec, uri: str, tls: str
) -> None:
    """It is refused where it passes through, and not repeated."""
    outside = spec.model_copy(
        update={"secrets": {"POSTGRES_URI_CUSTOM": None}, "database_tls": tls}
    )

    with pytest.raises(SpecError, match="value: want") as refused:
        secrets.put(outside, None, "POSTGRES_URI_CUSTOM", uri)
    assert "planted-value-42" not in str(refused.value)


@pytest.mark.parametrize("text", ["{", "[]", "1"])
def test_a_runs_input_is_a_json_object(text: str) -> None:
    """Refused before anything is called."""
    with pytest.raises(SpecError, match="input: want a JSON object"):
        calling.parse_input(text)


def test_calling_what_does_not_answer_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """An internal balancer is not reachable from everywhere."""

    def refuse(_url: str) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(
        calling,
        "_client",
        lambda _url: nullcontext(
            SimpleNamespace(threads=SimpleNamespace(create=lambda: refuse("x")))
        ),
    )

    with pytest.raises(CloudUnreachable, match="url: want an answer"):
        calling.call("http://lg.example", graph="chat", values={})


def test_a_failed_run_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the graph's own words."""
    failed = {"__error__": {"error": "KeyError", "message": "'said'"}}
    client = SimpleNamespace(
        threads=SimpleNamespace(create=lambda: {"thread_id": "t"}),
        runs=SimpleNamespace(wait=lambda *_a, **_k: failed),
        assistants=SimpleNamespace(search=lambda **_: [{"graph_id": "chat"}]),
    )
    monkeypatch.setattr(calling, "_client", lambda _url: nullcontext(client))

    with pytest.raises(RunFailed, match="KeyError: 'said'"):
        calling.call("http://lg.example", values={})


def test_there_is_no_url_before_the_deployment_is_up() -> None:
    """The way out is told."""
    status = Status(name="chat", state="NOT_DEPLOYED", said="there is no stack")

    with pytest.raises(NotFound, match="byoc deployment up"):
        calling.url_of(status)
