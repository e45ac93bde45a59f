"""Each example is brought up as a person would, answers, and goes again."""

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from byoc_infra.cli.demo.caller import Caller
from byoc_infra.errors import ByocError
from byoc_infra.flows.work import Reached
from byoc_infra.local import redis_install
from byoc_infra.naming import SECRET_TAG, AccountNames, Place
from tests.e2e.stage import Stage
from tests.support.customer_network import customer_network
from tests.support.example_program import Example
from tests.support.outside_postgres import outside_postgres

pytestmark = pytest.mark.e2e

ANSWER_S = 90
IN_A_USED_ACCOUNT = {"create_service_linked_roles": [], "deletion_protection": False}
"""The account stack of all stories has made the roles; nothing is to stay of an example."""


@contextmanager
def brought_up(
    stage: Stage, reached: Reached, example: Example, config: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The example's outputs while it is up; afterwards nothing of it is left in its stack."""
    stack = reached.stack(example.project["name"], "test", example)
    told = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()
    }
    stack = replace(stack, config={**stack.config, **told})
    try:
        yield stage.engine.up(stack, deadline_s=300).raise_for_failure().outputs
    finally:
        stage.engine.destroy(stack, deadline_s=300).raise_for_failure()


def answered(url: str) -> Caller:
    """A caller of the deployment, once it answers."""
    caller = Caller(url)
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            caller.say("hello")
        except ByocError:
            if time.monotonic() > until:
                raise
            time.sleep(1)
        else:
            return caller


def test_a_service_alone_runs_on_what_is_there(account: Stage) -> None:
    """With a cluster, a network, roles, a PostgreSQL and a Redis that others have made."""
    example = Example("service-only")
    image = account.push("v1")
    with (
        account.work("customer").reach(account.account(), None) as reached,
        their_redis() as redis_uri,
        outside_postgres(account.cloud.directory, address_of(account)) as postgres,
        their_secret(reached, "their-postgres", postgres.uri) as database_secret,
        their_secret(reached, "their-redis", redis_uri) as redis_secret,
    ):
        config = {
            **their_network(reached),
            **their_cluster(account),
            "image": image,
            "database_ca_pem": postgres.ca_pem,
            "database_secret_arn": database_secret,
            "redis_secret_arn": redis_secret,
        }
        assert config.keys() == example.keys
        config["deletion_protection"] = False
        with brought_up(account, reached, example, config) as outputs:
            caller = answered(str(outputs["url"]))
            caller.say("again")

    assert caller.versions == ["v1", "v1"]


def test_a_new_vpc_with_a_production_deployment(account: Stage) -> None:
    """Network, shared pieces and two services from nothing, in one stack."""
    example = Example("new-vpc-production")
    config = {
        "aws_account_id": account.cloud.customer.id,
        "image": account.push("v1"),
        "redis_image": account.cloud.redis_image,
    }
    assert config.keys() == example.keys
    with (
        account.work("customer").reach(account.account(), None) as reached,
        brought_up(account, reached, example, {**config, **IN_A_USED_ACCOUNT}) as outputs,
    ):
        caller = answered(str(outputs["url"]))

    assert caller.versions == ["v1"]


def test_an_existing_vpc_with_an_external_postgres(account: Stage) -> None:
    """Both belong to somebody, and are afterwards as they were."""
    example = Example("existing-vpc-external-postgres")
    with (
        account.work("customer").reach(account.account(), None) as reached,
        outside_postgres(account.cloud.directory, address_of(account)) as postgres,
        their_secret(reached, "their-postgres", postgres.uri, "corp") as secret,
        customer_network(reached.session, account.cloud.region) as network,
    ):
        config = {
            "aws_account_id": account.cloud.customer.id,
            "image": account.push("v1"),
            "redis_image": account.cloud.redis_image,
            "database_secret_arn": secret,
            "database_cidr": "10.99.0.0/28",
            "database_ca_pem": postgres.ca_pem,
            **network,
        }
        assert config.keys() == example.keys
        before = tags_of(reached, network)
        with brought_up(account, reached, example, {**config, **IN_A_USED_ACCOUNT}) as outputs:
            caller = answered(str(outputs["url"]))
            marked = tags_of(reached, network)
        after = tags_of(reached, network)
        remembered = postgres.ask("select count(*) from checkpoints")

    assert caller.versions == ["v1"]
    assert marked != before
    assert after == before
    assert remembered != [(0,)]


def tags_of(reached: Reached, network: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """All tags of a VPC and its subnets."""
    ids = [network["vpc_id"], *network["private_subnet_ids"]]
    filters = [{"Name": "resource-id", "Values": ids}]
    found = reached.session.each("ec2", "describe_tags", "Tags", Filters=filters)
    return sorted((one["ResourceId"], one["Key"], one["Value"]) for one in found)


def address_of(stage: Stage) -> str:
    """One that belongs to the local cloud and that it never gives out."""
    network = str(urlsplit(stage.cloud.endpoint).hostname).split(".")[1]
    return f"127.{network}.0.9"


def their_network(reached: Reached) -> dict[str, Any]:
    """Stands for a customer's own: those of the account stack, by name and tag."""
    session, names = reached.session, AccountNames()
    groups = {
        one["GroupName"]: one["GroupId"]
        for one in session.each("ec2", "describe_security_groups", "SecurityGroups")
    }
    tags = [{"Name": "tag:byoc:installation", "Values": [names.installation]}]
    private = [{"Name": "tag:langgraph-cloud-private", "Values": ["1"]}, *tags]
    subnets = list(session.each("ec2", "describe_subnets", "Subnets", Filters=private))
    return {
        "vpc_id": subnets[0]["VpcId"],
        "subnet_ids": [one["SubnetId"] for one in subnets],
        "balancer_subnet_ids": [one["SubnetId"] for one in subnets],
        "security_group_ids": [groups[names.security_group("app")]],
        "balancer_security_group_ids": [groups[names.security_group("lb-internal")]],
    }


def their_cluster(stage: Stage) -> dict[str, Any]:
    """A cluster, roles and a log group, as above."""
    names, place = AccountNames(), Place(stage.cloud.customer.id, stage.cloud.region)
    return {
        "cluster_arn": place.arn("ecs", f"cluster/{names.cluster}"),
        "execution_role_arn": place.role_arn(names.execution_role),
        "task_role_arn": place.role_arn(names.task_role("default")),
        "log_group": names.log_group,
    }


@contextmanager
def their_redis() -> Iterator[str]:
    """A Redis that runs somewhere else; its address with the password."""
    password = secrets.token_urlsafe(16)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = redis_install.program("redis-server")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", password, "--save", ""]
    process = subprocess.Popen([str(program), *options], stdout=subprocess.DEVNULL)
    try:
        yield f"redis://:{password}@127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def their_secret(
    reached: Reached, name: str, value: str, installation: str = "default"
) -> Iterator[str]:
    """A secret that an installation's execution role may read; its ARN."""
    ask = reached.session.ask
    tags = [{"Key": SECRET_TAG, "Value": installation}]
    made = ask("secretsmanager", "create_secret", Name=name, SecretString=value, Tags=tags)
    try:
        yield str(made["ARN"])
    finally:
        ask("secretsmanager", "delete_secret", SecretId=name, ForceDeleteWithoutRecovery=True)
