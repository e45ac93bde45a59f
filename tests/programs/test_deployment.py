"""What the deployment program makes, asks and says."""

import json
import pickle
from typing import Any

import pulumi
import pytest

from byoc_infra.aws import secrets
from byoc_infra.components._database_tls import rds_ca_bundle
from byoc_infra.errors import (
    AccountNotReady,
    ByocError,
    SecretWithoutValue,
    SpecError,
    WrongAccount,
)
from byoc_infra.naming import Place
from byoc_infra.programs import DeploymentProgram
from byoc_infra.programs.deployment import OUTPUTS, main
from byoc_infra.spec import DeploymentSpec, parse
from tests.support.answers import answers
from tests.support.examples import IMAGE, REDIS_IMAGE
from tests.support.expected import compare
from tests.support.recorder import ACCOUNT, PLACE, REGION, Recorder, record

RDS = "aws:rds/instance:Instance"
TASK = "aws:ecs/taskDefinition:TaskDefinition"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GIVEN: dict[str, Any] = {
    "name": "orders",
    "aws_account_id": ACCOUNT,
    "region": REGION,
    "image": IMAGE,
    "environment": {"MODEL": "small"},
    "secrets": {"OPENAI_API_KEY": None},
}
CERTIFICATE = "arn:aws:acm:eu-west-1:222222222222:certificate/0a1b"
ELSEWHERE, OTHERS = Place(ACCOUNT, "us-east-1"), Place("333333333333", REGION)
EXTERNAL: dict[str, Any] = {
    "secrets": {
        "POSTGRES_URI_CUSTOM": {
            "arn": "arn:aws:secretsmanager:eu-west-1:222222222222:secret:team/orders-AbCdEf"
        }
    },
    "database_tls": "verify-full",
    "database_ca_pem": rds_ca_bundle(REGION),
    "database_max_connections": 40,
}
PUBLIC: dict[str, Any] = {"public": True, "certificate_arn": CERTIFICATE}

Asked = list[tuple[str, ...]]


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What Secrets Manager's client was asked to do."""
    calls: Asked = []
    monkeypatch.setattr(
        secrets, "ensure_redis_password", lambda arn, host: calls.append(("redis", arn, host))
    )
    monkeypatch.setattr(
        secrets, "require_value", lambda arn, name: calls.append(("value", arn, name))
    )
    monkeypatch.setattr(
        secrets, "require_platform_value", lambda arn, name: calls.append(("owner's", arn, name))
    )
    return calls


def program(**changes: Any) -> DeploymentProgram:
    """The program for the usual spec with changes."""
    return DeploymentProgram(parse(DeploymentSpec, {**GIVEN, **changes}))


def made(found: dict[str, Any] | None = None, **changes: Any) -> Recorder:
    """What the program registers."""
    return record(program(**changes), found or answers())


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("deployment-verify-full", {"database_tls": "verify-full", "postgres_version": "17"}),
        ("deployment-external-verify-full", EXTERNAL),
    ],
)
def test_the_resource_graph_of_a_variant_is_the_reviewed_one(
    name: str, changes: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """Every input of every resource, as data; the usual shapes are in `test_shapes`."""
    compare(f"programs/{name}", made(**changes).graph(), request)


def test_every_output_is_described() -> None:
    """What is exported is what OUTPUTS explains, and all of it is known."""
    exports = made().exports

    assert set(exports) == set(OUTPUTS)
    assert exports["service"] == f"lg-orders-api-{exports['deployment_id']}"
    place = f"langgraph-cloud/default/orders-{exports['deployment_id']}"
    assert exports["secret_names"] == {"OPENAI_API_KEY": f"{place}/OPENAI_API_KEY"}
    unknown = {name for name, value in exports.items() if value is None}
    assert unknown == {"queue_service", "queue_task_definition_arn"}, "development has none"


def test_production_names_its_queue_service() -> None:
    """So that `byoc` can say whether it is healthy too."""
    exports = made(size="production", min_scale=1).exports

    assert exports["queue_service"] == f"lg-orders-queue-{exports['deployment_id']}"
    assert exports["queue_task_definition_arn"].endswith(f"{exports['queue_service']}:1")


def test_an_external_database_has_no_outputs() -> None:
    """They are there, so that readers need not ask which kind it is, and empty."""
    exports, usual = made(**EXTERNAL).exports, made().exports
    empty = {name for name, value in exports.items() if value is None}

    assert set(exports) == set(OUTPUTS)
    assert empty - {name for name, value in usual.items() if value is None} == {
        "database_identifier",
        "database_endpoint",
        "database_secret_arn",
        "final_snapshot_name",
    }


def test_values_are_put_and_asked_for_outside_the_engine(asked: Asked) -> None:
    """The cache's password is made for its host; a person's secret must have a value."""
    exports = made().exports
    place = f"langgraph-cloud/default/orders-{exports['deployment_id']}"
    base = PLACE.arn("secretsmanager", f"secret:{place}")

    assert sorted(asked) == [
        (
            "redis",
            f"{base}/redis-AbCdEf",
            f"lg-orders-{exports['deployment_id']}.langgraph-cloud-redis",
        ),
        ("value", f"{base}/OPENAI_API_KEY-AbCdEf", "OPENAI_API_KEY"),
    ]


def test_a_preview_touches_no_secret(asked: Asked) -> None:
    """It only looks."""
    record(program(), answers(), preview=True)

    assert asked == []


def test_taking_away_wants_no_values(asked: Asked) -> None:
    """A secret that nobody has filled does not stand in the way of a destroy."""
    record(DeploymentProgram(program().spec, wants_values=False), answers())

    assert asked == []


def test_a_secret_without_a_value_stops_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No task definition is made that ECS could not start."""

    def refuse(arn: str, name: str) -> None:
        raise SecretWithoutValue(name, wanted="a value", got="none", next_step="Put one.")

    monkeypatch.setattr(secrets, "require_value", refuse)

    with pytest.raises(pulumi.RunError, match="SECRET_WITHOUT_VALUE: OPENAI_API_KEY"):
        made()


SMITH = "https://smith.example.com/api/v1"
TOLD = {
    "byoc:redis-image": REDIS_IMAGE,
    "byoc:task-roles": "/default reader",
    "byoc:platform-secrets": "LANGGRAPH_CLOUD_LICENSE_KEY LANGSMITH_API_KEY",
    "byoc:tracing-endpoint": SMITH,
    "byoc:role-suffix": "-eu-west-1",
}


def container(recorder: Recorder) -> dict[str, Any]:
    """The server's container."""
    task = next(one for one in recorder.of_type(TASK) if one.name.endswith("-api"))
    (found,) = json.loads(task.inputs["containerDefinitions"])
    return {
        **task.inputs,
        "environment": {one["name"]: one["value"] for one in found["environment"]},
        "secrets": {one["name"]: one["valueFrom"] for one in found["secrets"]},
    }


def test_what_the_owner_gives_to_all_reaches_the_server(asked: Asked) -> None:
    """Roles, keys and the traces' way, out of the cluster's tags; values are seen to be there."""
    recorder = made(answers(cluster_tags=TOLD), task_role="reader")
    found = container(recorder)
    arns = {
        name: PLACE.arn("secretsmanager", f"secret:langgraph-cloud/default/platform/{name}-AbCdEf")
        for name in ("LANGGRAPH_CLOUD_LICENSE_KEY", "LANGSMITH_API_KEY")
    }

    assert found["taskRoleArn"] == PLACE.role_arn(
        "LangGraphCloudTaskRole-reader-eu-west-1", "/langgraph-cloud/"
    )
    assert found["executionRoleArn"].endswith("TaskExecutionRole-eu-west-1")
    assert arns.items() <= found["secrets"].items()
    assert found["environment"]["LANGSMITH_ENDPOINT"] == SMITH
    assert found["environment"]["LANGSMITH_PROJECT"] == "orders"
    assert recorder.exports["platform_secrets"] == arns
    assert [(name, arn) for kind, arn, name in asked if kind == "owner's"] == list(arns.items())


def test_a_deployments_own_licence_wins() -> None:
    """Over the account's."""
    own = PLACE.arn("secretsmanager", "secret:licence-AbCdEf")

    found = container(made(answers(cluster_tags=TOLD), license_key={"arn": own}))

    assert found["secrets"]["LANGGRAPH_CLOUD_LICENSE_KEY"] == own


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_role": "writer"}, "task_role: want one that the account has: default, reader"),
        ({"secrets": {"LANGSMITH_API_KEY": None}}, "secrets.LANGSMITH_API_KEY: want a name that"),
        (
            {"environment": {"LANGSMITH_ENDPOINT": "https://elsewhere.example.com"}},
            "environment.LANGSMITH_ENDPOINT: want a name that the account's owner has not set",
        ),
    ],
)
def test_what_is_the_owners_is_not_the_deployments(changes: dict[str, Any], message: str) -> None:
    """Before anything is registered."""
    with pytest.raises(SpecError) as refused:
        made(answers(cluster_tags=TOLD), **changes)

    assert str(refused.value).startswith(message)


def test_a_role_that_went_does_not_stand_in_the_way_of_a_destroy() -> None:
    """The owner took it away first."""
    going = DeploymentProgram(program(task_role="writer").spec, wants_values=False)

    assert record(going, answers(cluster_tags=TOLD)).exports["service"]


def test_a_key_that_nobody_has_put_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made: no task of it could start."""

    def refuse(arn: str, name: str) -> None:
        raise SecretWithoutValue(name, wanted="a value", got="none", next_step="Put one.")

    monkeypatch.setattr(secrets, "require_platform_value", refuse)

    with pytest.raises(SecretWithoutValue, match="LANGGRAPH_CLOUD_LICENSE_KEY"):
        made(answers(cluster_tags=TOLD))


@pytest.mark.parametrize(
    ("found", "changes", "message"),
    [
        (answers(vpcs=()), {}, "vpc: want exactly one VPC with the tags langgraph-cloud-enabled=1"),
        (answers(vpcs=("vpc-2", "vpc-1")), {}, "vpc: want exactly one VPC"),
        (answers(private=("subnet-1",)), {}, "subnets: want two or more subnets of vpc-1"),
        (answers(public=()), PUBLIC, "subnets: want two or more subnets of vpc-1"),
        (answers(groups=()), {}, "security group: want langgraph-cloud-lb-internal, got"),
        (answers(), PUBLIC, "security group: want langgraph-cloud-lb-public, got"),
        (answers(cluster_tags={}), {}, "redis_image: want the tag byoc:redis-image"),
    ],
)
def test_an_account_that_is_not_ready_is_refused(
    found: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    """Each missing piece by name, before anything is registered."""
    with pytest.raises(AccountNotReady) as refused:
        made(found, **changes)

    assert str(refused.value).startswith(message)


def test_several_networks_are_listed() -> None:
    """So that a person can take the tags off the wrong ones."""
    with pytest.raises(AccountNotReady, match=r"got vpc-1, vpc-2\. Take the tags off"):
        made(answers(vpcs=("vpc-2", "vpc-1")))


def test_a_public_deployment_needs_the_owners_consent() -> None:
    """The refusal says who can change it."""
    with pytest.raises(AccountNotReady, match="owner must set public_ingress: true"):
        made(**PUBLIC)


def test_another_account_is_refused() -> None:
    """Before anything is looked up in it."""
    with pytest.raises(WrongAccount, match="aws_account_id: want 222222222222, got 333333333333"):
        made(answers(account="333333333333"))


def test_the_account_is_found_by_tags_of_its_installation() -> None:
    """Another installation's network is not this one's."""
    recorder = made(installation="blue")
    (asked_vpcs,) = [args for token, args in recorder.lookups if "getVpcs" in token]

    assert asked_vpcs["tags"] == {"langgraph-cloud-enabled": "1", "byoc:installation": "blue"}


@pytest.mark.parametrize(
    ("spec", "given", "kept"),
    [
        ({}, None, "lg-orders-final-"),
        ({}, "lg-orders-final-2", "lg-orders-final-2"),
        ({"final_snapshot": False}, "lg-orders-final-2", None),
    ],
)
def test_the_spec_decides_whether_a_last_snapshot_is_kept(
    spec: dict[str, Any], given: str | None, kept: str | None
) -> None:
    """Under its usual name, or one that is free."""
    wanted = DeploymentProgram(program(**spec).spec, final_snapshot_name=given)

    asked_for = record(wanted, answers()).inputs(RDS)

    assert asked_for["skipFinalSnapshot"] is (kept is None)
    assert str(asked_for.get("finalSnapshotIdentifier")).startswith(str(kept))


def test_lifting_the_protection_changes_nothing_else() -> None:
    """A destroy lifts it first, and only it."""
    before, after = made(), made(deletion_protection=False)
    differing = {
        (one.type, key)
        for one in before.resources
        for key in one.inputs
        if one.inputs[key] != after.only(one.type, one.name).inputs[key]
    }

    assert differing == {(RDS, "deletionProtection"), (BALANCER, "enableDeletionProtection")}


@pytest.mark.parametrize(
    ("architecture", "word"), [(None, "X86_64"), ("amd64", "X86_64"), ("arm64", "ARM64")]
)
def test_the_architecture_is_said_in_the_words_of_ecs(architecture: Any, word: str) -> None:
    """An image's manifest has other words."""
    wanted = DeploymentProgram(program().spec, architecture=architecture)
    task = next(one for one in record(wanted, answers()).of_type(TASK) if one.name.endswith("-api"))

    assert task.inputs["runtimePlatform"]["cpuArchitecture"] == word


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/agents:v1"}, "image: want <account>"),
        ({"environment": {"REDIS_URI": "x"}}, "environment.REDIS_URI: want a name that is free"),
        ({"secrets": {"MODEL": None}}, "secrets.MODEL: want a name that environment"),
        ({"cpu": 1024, "memory_mib": 1024}, "memory_mib: want with 1024 CPU units"),
        ({"public": True}, "certificate_arn: want a certificate"),
        ({"task_role": "a/reader"}, "task_role: want the name of a task role, without path"),
        ({"task_role": PLACE.role_arn("x")}, "task_role: want the name of a task role"),
        (
            {"secrets": {"A": {"arn": ELSEWHERE.arn("secretsmanager", "secret:a-AbCdEf")}}},
            "secrets.A.arn: want a secret of region eu-west-1, got region us-east-1",
        ),
        (
            {"license_key": {"arn": OTHERS.arn("secretsmanager", "secret:a-AbCdEf")}},
            "secrets.LANGGRAPH_CLOUD_LICENSE_KEY.arn: want a secret of account 222222222222",
        ),
        ({"postgres_version": "14"}, "postgres_version: want PostgreSQL 15.8 or newer"),
        ({**EXTERNAL, "database_ca_pem": None}, "database_ca_pem: want the certificates"),
    ],
)
def test_bad_input_is_refused_before_the_engine_starts(
    changes: dict[str, Any], message: str
) -> None:
    """The program cannot even be made."""
    with pytest.raises(SpecError) as refused:
        program(**changes)

    assert isinstance(refused.value, ByocError)
    assert str(refused.value).startswith(message)


def test_a_program_can_be_sent_to_a_worker() -> None:
    """It is pickled on the way."""
    sent = program()

    assert pickle.loads(pickle.dumps(sent)) == sent  # noqa: S301 - our own bytes


def test_by_hand_the_spec_comes_from_config() -> None:
    """The same program as with a file."""
    config = {
        "aws:region": REGION,
        "byoc-deployment:name": "orders",
        "byoc-deployment:aws_account_id": ACCOUNT,
        "byoc-deployment:image": IMAGE,
        "byoc-deployment:environment": '{"MODEL": "small"}',
        "byoc-deployment:secrets": '{"OPENAI_API_KEY": null}',
    }

    by_hand = record(main, answers(), config=config, project="byoc-deployment")

    assert by_hand.graph() == made().graph()


def test_a_config_key_that_nothing_reads_is_refused() -> None:
    """Pulumi says nothing of it; the nearest known one is named."""
    config = {"aws:region": REGION, "byoc-deployment:task_rol": "reader", "other:task_rol": "x"}

    with pytest.raises(pulumi.RunError, match=r"byoc-deployment:task_role\?") as refused:
        record(main, answers(), config=config, project="byoc-deployment")

    assert isinstance(refused.value.__cause__, SpecError)
    assert refused.value.__cause__.field == "byoc-deployment:task_rol"
