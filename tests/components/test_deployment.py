"""How a LangGraphDeployment wires its parts."""

import base64
import json
from typing import Any

import pulumi
import pytest

from byoc_infra.components import LangGraphDeployment
from byoc_infra.errors import ByocError, ReservedName, SpecError
from tests.support.examples import IMAGE, REFERENCE, deployment_args
from tests.support.recorder import Recorder, maker, record

TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
RDS = "aws:rds/instance:Instance"
SECRET = "aws:secretsmanager/secret:Secret"
PLANTED = 'p@ss/"word'

made = maker(LangGraphDeployment, "orders", deployment_args)


def secrets_of(recorder: Recorder, task: str) -> dict[str, str]:
    """What ECS is told about the secrets of a task, by environment name."""
    (container,) = json.loads(recorder.inputs(TASK, task)["containerDefinitions"])
    return {one["name"]: one["valueFrom"] for one in container["secrets"]}


def test_no_secret_is_in_the_stack() -> None:
    """A filler that knows a value leaves no trace of it: the stack holds references."""
    written: dict[str, str] = {}

    def filler(name: str, arn: pulumi.Output[str], _host: pulumi.Output[str]) -> pulumi.Output[str]:
        def put(where: str) -> str:
            written[name] = PLANTED
            return where

        return arn.apply(put)

    recorder = made(filled=filler)
    text = json.dumps([one.as_data() for one in recorder.resources]) + repr(
        recorder.component_outputs
    )

    assert written == {"redis": PLANTED, "OPENAI_API_KEY": PLANTED}
    assert PLANTED not in text
    assert json.dumps(PLANTED)[1:-1] not in text
    assert base64.b64encode(PLANTED.encode()).decode() not in text


def test_tasks_wait_for_their_secrets() -> None:
    """A task definition is made from what the filler gives back, so after it."""
    recorder = record(
        lambda: LangGraphDeployment(
            "orders",
            deployment_args(filled=lambda name, arn, host: pulumi.Output.concat("filled-", name)),
        )
    )

    assert secrets_of(recorder, "orders-api")["OPENAI_API_KEY"] == "filled-OPENAI_API_KEY"
    assert secrets_of(recorder, "orders-api")["REDIS_URI"] == "filled-redis:uri::"
    assert secrets_of(recorder, "orders-cache") == {"REDIS_PASSWORD": "filled-redis:password::"}


def test_the_password_comes_from_the_managed_secret() -> None:
    """ECS reads it when a task starts, so a new task has the newest."""
    assert secrets_of(made(), "orders-api")["PGPASSWORD"] == (
        "arn:aws:secretsmanager:eu-west-1:222222222222:secret:rds!db-orders-database-AbCdEf"
        ":password::"
    )


def test_the_cache_is_reached_by_name() -> None:
    """The filler is told the host under which Cloud Map knows it."""
    hosts: list[str] = []

    def filler(_name: str, arn: pulumi.Output[str], host: pulumi.Output[str]) -> pulumi.Output[str]:
        host.apply(hosts.append)
        return arn

    made(filled=filler)

    assert set(hosts) == {"lg-orders-1a2b3c4d.langgraph-cloud-redis"}


def test_both_guards_are_on_by_default() -> None:
    """Database and balancer refuse deletion, and the last snapshot is kept."""
    recorder = made()

    assert recorder.inputs(RDS)["deletionProtection"] is True
    assert recorder.inputs(RDS)["skipFinalSnapshot"] is False
    assert recorder.inputs("aws:lb/loadBalancer:LoadBalancer")["enableDeletionProtection"] is True


def test_development_runs_one_container() -> None:
    """1 vCPU and 2 GB, on the smallest database."""
    recorder = made()

    assert recorder.inputs(SERVICE, "orders-api")["desiredCount"] == 1
    assert recorder.inputs(TASK, "orders-api")["cpu"] == "1024"
    assert recorder.inputs(TASK, "orders-api")["memory"] == "2048"
    assert recorder.inputs(RDS)["instanceClass"] == "db.t4g.micro"
    assert recorder.inputs(RDS)["allocatedStorage"] == 20


def test_the_server_goes_before_the_cache_on_the_way_down() -> None:
    """What is depended on is destroyed later."""
    assert f"{SERVICE}::orders-cache" in made().only(TASK, "orders-api").depends_on


def test_a_licence_key_is_a_reference() -> None:
    """The vendor's image reads it from its environment; it never is in ours."""
    told = secrets_of(made(license_key=REFERENCE), "orders-api")

    assert told["LANGGRAPH_CLOUD_LICENSE_KEY"] == f"{REFERENCE.arn}:key::v1"


def test_a_new_image_changes_only_the_server() -> None:
    """A revision leaves database, cache and balancer alone."""
    before, after = made(), made(image=IMAGE.replace("0123", "4567"))
    differing = {
        one.id for one in before.resources if one.inputs != after.only(one.type, one.name).inputs
    }

    assert differing == {f"{TASK}::orders-api"}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"image": "agents:v1"}, SpecError, "image: want <account>"),
        ({"redis_image": "redis:7"}, SpecError, "redis_image: want an image by digest"),
        ({"cpu": 300}, SpecError, "cpu: want one of"),
        ({"memory_mib": 1000}, SpecError, "memory_mib: want with 1024"),
        ({"password_rotation_days": 0}, SpecError, "rotation_days: want 1 to 1000"),
        ({"secrets": {"PGPASSWORD": None}}, ReservedName, "secrets.PGPASSWORD: want a name"),
        ({"secrets": {"redis": None}}, ReservedName, "secrets.redis: want a name"),
        (
            {"environment": {"LANGGRAPH_CLOUD_LICENSE_KEY": "x"}},
            ReservedName,
            "environment.LANGGRAPH_CLOUD_LICENSE_KEY: want a name that is free",
        ),
        ({"public": True}, SpecError, "certificate_arn: want a certificate"),
        ({"mount_prefix": "x"}, SpecError, "mount_prefix: want nothing"),
    ],
)
def test_bad_input_is_refused_before_anything_is_made(
    changes: dict[str, Any], error: type[ByocError], message: str
) -> None:
    """Also what only a part can judge: its arguments are made first, all of them."""
    with pytest.raises(error) as refused:
        deployment_args(**changes)

    assert str(refused.value).startswith(message)
