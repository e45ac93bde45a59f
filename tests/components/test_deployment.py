"""How a LangGraphDeployment wires its parts."""

import base64
import json
from typing import Any

import pulumi
import pytest

from byoc_infra.components import LangGraphDeployment
from byoc_infra.errors import ByocError, ReservedName, SpecError
from tests.support.certificates import ca_pem
from tests.support.examples import IMAGE, REFERENCE, deployment_args
from tests.support.recorder import Recorder, maker, record

TASK = "aws:ecs/taskDefinition:TaskDefinition"
SERVICE = "aws:ecs/service:Service"
RDS = "aws:rds/instance:Instance"
SECRET = "aws:secretsmanager/secret:Secret"
EXTERNAL = {"POSTGRES_URI_CUSTOM": None}
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


def test_an_external_database_takes_the_place_of_rds() -> None:
    """Nothing of RDS is made; the server gets the address under the name that it reads."""
    recorder = made(secrets={"POSTGRES_URI_CUSTOM": REFERENCE, "OPENAI_API_KEY": None})
    told = secrets_of(recorder, "orders-api")
    outputs = recorder.component_outputs["byoc:aws:LangGraphDeployment::orders"]

    assert [one.type for one in recorder.resources if ":rds/" in one.type] == []
    assert told["DATABASE_URI"] == f"{REFERENCE.arn}:key::v1"
    assert set(told) == {"DATABASE_URI", "REDIS_URI", "OPENAI_API_KEY"}
    assert outputs.get("database_identifier") is None


def test_the_address_may_be_in_a_container_of_the_stack() -> None:
    """The task waits for its value, as for any other's."""
    filled = made(
        secrets={"POSTGRES_URI_CUSTOM": None},
        filled=lambda name, arn, host: pulumi.Output.concat("filled-", name),
    )

    assert secrets_of(filled, "orders-api")["DATABASE_URI"] == "filled-POSTGRES_URI_CUSTOM"
    assert {one.name for one in filled.of_type(SECRET)} == {
        "orders-secrets-POSTGRES_URI_CUSTOM",
        "orders-secrets-redis",
    }


def test_every_server_has_the_certificates_and_the_same_address() -> None:
    """The queue service's tasks connect as the API's do."""
    recorder = made(
        size="production",
        secrets={"POSTGRES_URI_CUSTOM": REFERENCE},
        database_tls="verify-full",
        database_ca_pem=ca_pem(),
    )
    for task in ("orders-api", "orders-queue"):
        server, init = json.loads(recorder.inputs(TASK, task)["containerDefinitions"])
        told = {one["name"]: one["valueFrom"] for one in server["secrets"]}

        assert told["DATABASE_URI"] == f"{REFERENCE.arn}:key::v1"
        assert server["dependsOn"] == [{"containerName": init["name"], "condition": "SUCCESS"}]
        assert init["environment"] == [{"name": "DATABASE_CA_PEM", "value": ca_pem()}]


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


def jobs_of(recorder: Recorder, task: str) -> str | None:
    """How many runs a container of this task works at once."""
    (container,) = json.loads(recorder.inputs(TASK, task)["containerDefinitions"])
    told = {one["name"]: one["value"] for one in container["environment"]}
    return told.get("N_JOBS_PER_WORKER")


def test_production_takes_runs_in_a_service_of_its_own() -> None:
    """From the same image and with the same secrets; the API takes none."""
    recorder = made(size="production")

    assert jobs_of(recorder, "orders-api") == "0"
    assert jobs_of(recorder, "orders-queue") == "10"
    assert secrets_of(recorder, "orders-queue") == secrets_of(recorder, "orders-api")
    assert recorder.inputs(TASK, "orders-queue")["cpu"] == "2048"
    assert recorder.inputs(TASK, "orders-queue")["memory"] == "4096"


def test_production_scales_both_services() -> None:
    """2 to 10 containers each, unless other numbers are given; development scales nothing."""
    targets = "aws:appautoscaling/target:Target"
    recorder = made(size="production", min_scale=1, queue_max_scale=4)
    limits = {
        one.name: (one.inputs["minCapacity"], one.inputs["maxCapacity"])
        for one in recorder.of_type(targets)
    }

    assert limits == {"orders-api-scaling": (1, 10), "orders-queue-scaling": (2, 4)}
    assert recorder.inputs(SERVICE, "orders-api")["desiredCount"] == 1
    assert recorder.inputs(SERVICE, "orders-queue")["desiredCount"] == 2
    assert made().of_type(targets) == []


def test_production_keeps_its_database_in_two_zones() -> None:
    """With backups for two weeks and storage that grows."""
    asked = made(size="production").inputs(RDS)

    assert asked["multiAz"] is True
    assert asked["backupRetentionPeriod"] == 14
    assert (asked["allocatedStorage"], asked["maxAllocatedStorage"]) == (50, 1000)


def test_growing_replaces_nothing() -> None:
    """Every resource of a development deployment is there in production under the same name."""
    small = {one.id: one.parent for one in made().resources}
    large = {one.id: one.parent for one in made(size="production").resources}

    assert small.items() <= large.items()


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
        (
            {"environment": {"POSTGRES_URI_CUSTOM": "x"}},
            ReservedName,
            "environment.POSTGRES_URI_CUSTOM: want a name that is free",
        ),
        ({"secrets": {"REDIS_URI_CUSTOM": None}}, ReservedName, "secrets.REDIS_URI_CUSTOM: want"),
        ({"postgres_version": "14"}, SpecError, "postgres_version: want PostgreSQL 15.8 or newer"),
        ({"postgres_version": "15.7"}, SpecError, "postgres_version: want PostgreSQL 15.8"),
        ({"database_max_connections": 50}, SpecError, "database_max_connections: want nothing"),
        (
            {"database_instance_class": "db.x1.large"},
            SpecError,
            "database_instance_class: want one of db.t4g.micro",
        ),
        ({"database_storage_gib": 19}, SpecError, "database_storage_gib: want 20 to 32768"),
        (
            {"secrets": EXTERNAL, "database_storage_gib": 30},
            SpecError,
            "database_storage_gib: want nothing beside secrets.POSTGRES_URI_CUSTOM",
        ),
        ({"database_ca_pem": ca_pem()}, SpecError, "database_ca_pem: want nothing"),
        (
            {"database_tls": "verify-full", "database_ca_pem": "x"},
            SpecError,
            "database_ca_pem: want public certificates",
        ),
        (
            {"secrets": EXTERNAL, "database_tls": "verify-full"},
            SpecError,
            "database_ca_pem: want the certificates",
        ),
        (
            {"secrets": EXTERNAL, "postgres_version": "16"},
            SpecError,
            "postgres_version: want nothing beside secrets.POSTGRES_URI_CUSTOM",
        ),
        (
            {"secrets": EXTERNAL, "database_max_connections": 3},
            SpecError,
            "database_max_connections: want 17 or more",
        ),
        (
            {"secrets": EXTERNAL, "size": "production", "database_max_connections": 54},
            SpecError,
            "database_max_connections: want 55 or more",
        ),
        ({"public": True}, SpecError, "certificate_arn: want a certificate"),
        (
            {"certificate_arn": "arn:aws:acm:eu-west-1:111111111111:certificate/0a1b"},
            SpecError,
            "certificate_arn: want a certificate of account 222222222222",
        ),
        ({"max_scale": 2}, SpecError, "max_scale: want 1 to 1 containers"),
        ({"queue_cpu": 1024}, SpecError, "queue_cpu: want nothing: development has no queue"),
        ({"queue_min_scale": 1}, SpecError, "queue_min_scale: want nothing"),
        ({"size": "production", "min_scale": 0}, SpecError, "min_scale: want 1 to 10"),
        ({"size": "production", "max_scale": 11}, SpecError, "max_scale: want 1 to 10"),
        (
            {"size": "production", "queue_min_scale": 3, "queue_max_scale": 2},
            SpecError,
            "queue_min_scale: want 1 to 2",
        ),
        (
            {"size": "production", "queue_cpu": 256},
            SpecError,
            "memory_mib: want with 256 CPU units",
        ),
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
