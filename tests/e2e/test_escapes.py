"""The vendor's own session tries to get out of its fences, on things that are there.

Only API calls: the things are made by the vendor's rights, one each, beside some of the
customer's. Every try is refused by the local cloud's authorizer, and afterwards all is as before.
"""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from byoc_infra.aws.session import Session
from byoc_infra.errors import AccessRefused, ByocError
from byoc_infra.naming import INSTALLATION_TAG, SECRET_TAG, AccountNames
from tests.e2e.stage import Stage

pytestmark = pytest.mark.e2e

NAMES = AccountNames()
UPPER = [{"Key": INSTALLATION_TAG, "Value": NAMES.installation}]
LOWER = [{"key": INSTALLATION_TAG, "value": NAMES.installation}]
AWAY = [{"Key": INSTALLATION_TAG, "Value": "green"}]
MINE, THEIRS = "lg-escaping", "lg-customers"
SECRET = f"{NAMES.secrets}escaping-1a2b3c4d/KEY"
CUSTOMERS_SECRET = "team/customers"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
Request = tuple[str, str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Sessions of both sides, and the ids of what they hold."""

    vendor: Session
    customer: Session
    subnets: list[str]
    group: str
    foreign_subnet: str
    foreign_group: str
    balancer: str
    customers_balancer: str
    definition: str
    customers_definition: str
    database: str
    service: str

    def network(self, **changes: object) -> dict[str, Any]:
        """Of an ECS service."""
        kept = {"subnets": self.subnets, "assignPublicIp": "DISABLED", **changes}
        return {"awsvpcConfiguration": kept}


@pytest.fixture(scope="module")
def ground(account: Stage) -> Iterator[Ground]:
    """What the tries are about, made and taken away again."""
    image = f"{account.cloud.customer.id}.dkr.ecr.{account.cloud.region}.amazonaws.com/agents"
    spec = account.deployment("escaping", f"{image}@sha256:{'0' * 64}")
    with ExitStack() as stack:
        reach = stack.enter_context
        vendor = reach(account.work("vendor").reach(spec, account.access())).session
        customer = reach(account.work("customer").reach(account.account(), None)).session
        yield _made(vendor, customer, stack, role=account.role_arn())


def _made(vendor: Session, customer: Session, stack: ExitStack, *, role: str) -> Ground:
    subnets = _private_subnets(customer)
    foreign_subnet, foreign_group = _foreign_network(customer, stack)
    group = customer.ask(
        "ec2",
        "describe_security_groups",
        Filters=[{"Name": "group-name", "Values": [NAMES.security_group("lb-internal")]}],
    )["SecurityGroups"][0]["GroupId"]
    execution = role.replace(NAMES.access_role, NAMES.execution_role)
    definition = _definition(vendor, stack, f"{MINE}-api", execution)
    customers = _definition(customer, stack, "billing", execution)
    where = {"Scheme": "internal", "Subnets": subnets, "SecurityGroups": [group]}
    balancers = {
        name: _balancer(session, stack, Name=name, Tags=tags, **where)
        for session, name, tags in ((vendor, MINE, UPPER), (customer, THEIRS, AWAY))
    }
    _secrets(vendor, customer, stack)
    database = _database(vendor, customer, stack)
    network = {"awsvpcConfiguration": {"subnets": subnets, "assignPublicIp": "DISABLED"}}
    made = vendor.ask(
        "ecs",
        "create_service",
        cluster=NAMES.cluster,
        serviceName=MINE,
        taskDefinition=definition,
        launchType="FARGATE",
        desiredCount=0,
        enableExecuteCommand=False,
        networkConfiguration=network,
        tags=LOWER,
    )["service"]["serviceArn"]
    stack.callback(
        vendor.ask, "ecs", "delete_service", cluster=NAMES.cluster, service=MINE, force=True
    )
    return Ground(
        vendor=vendor,
        customer=customer,
        subnets=subnets,
        group=group,
        foreign_subnet=foreign_subnet,
        foreign_group=foreign_group,
        balancer=balancers[MINE],
        customers_balancer=balancers[THEIRS],
        definition=definition,
        customers_definition=customers,
        database=database,
        service=made,
    )


def _private_subnets(customer: Session) -> list[str]:
    found = customer.ask(
        "ec2",
        "describe_subnets",
        Filters=[
            {"Name": "tag:langgraph-cloud-private", "Values": ["1"]},
            {"Name": f"tag:{INSTALLATION_TAG}", "Values": [NAMES.installation]},
        ],
    )["Subnets"]
    return [subnet["SubnetId"] for subnet in found]


def _foreign_network(customer: Session, stack: ExitStack) -> tuple[str, str]:
    vpc = customer.ask("ec2", "create_vpc", CidrBlock="10.99.0.0/24")["Vpc"]["VpcId"]
    stack.callback(customer.ask, "ec2", "delete_vpc", VpcId=vpc)
    subnet = customer.ask("ec2", "create_subnet", VpcId=vpc, CidrBlock="10.99.0.0/25")
    identifier = subnet["Subnet"]["SubnetId"]
    stack.callback(customer.ask, "ec2", "delete_subnet", SubnetId=identifier)
    group = customer.ask(
        "ec2", "create_security_group", VpcId=vpc, GroupName="open", Description="d"
    )["GroupId"]
    stack.callback(customer.ask, "ec2", "delete_security_group", GroupId=group)
    return identifier, group


def _definition(session: Session, stack: ExitStack, family: str, execution: str) -> str:
    arn = session.ask("ecs", "register_task_definition", **_task(family, execution))[
        "taskDefinition"
    ]["taskDefinitionArn"]
    stack.callback(session.ask, "ecs", "deregister_task_definition", taskDefinition=arn)
    return str(arn)


def _task(family: str, execution: str, **changes: object) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": execution,
        "containerDefinitions": [{"name": "api", "image": "scratch"}],
        "tags": LOWER,
    }
    return {**wanted, **changes}


def _balancer(session: Session, stack: ExitStack, **wanted: Any) -> str:
    made = session.ask("elbv2", "create_load_balancer", **wanted)["LoadBalancers"][0]
    arn = str(made["LoadBalancerArn"])
    stack.callback(session.ask, "elbv2", "delete_load_balancer", LoadBalancerArn=arn)
    return arn


def _secrets(vendor: Session, customer: Session, stack: ExitStack) -> None:
    for session, name, tags in (
        (vendor, SECRET, UPPER),
        (customer, CUSTOMERS_SECRET, AWAY),
    ):
        session.ask("secretsmanager", "create_secret", Name=name, SecretString="x", Tags=tags)
        stack.callback(
            session.ask,
            "secretsmanager",
            "delete_secret",
            SecretId=name,
            ForceDeleteWithoutRecovery=True,
        )


def _new_database(**changes: object) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "DBInstanceIdentifier": MINE,
        "DBInstanceClass": "db.t4g.micro",
        "Engine": "postgres",
        "EngineVersion": "16.4",
        "AllocatedStorage": 20,
        "DBName": "langgraph",
        "MasterUsername": "langgraph",
        "ManageMasterUserPassword": True,
        "StorageEncrypted": True,
        "PubliclyAccessible": False,
        "DBSubnetGroupName": NAMES.db_subnet_group,
        "DBParameterGroupName": MINE,
        "Tags": [*UPPER, {"Key": SECRET_TAG, "Value": NAMES.installation}],
    }
    return {name: value for name, value in {**wanted, **changes}.items() if value is not None}


def _database(vendor: Session, customer: Session, stack: ExitStack) -> str:
    for session, name, tags in ((vendor, MINE, UPPER), (customer, THEIRS, AWAY)):
        session.ask(
            "rds",
            "create_db_parameter_group",
            DBParameterGroupName=name,
            DBParameterGroupFamily="postgres16",
            Description="d",
            Tags=tags,
        )
        stack.callback(session.ask, "rds", "delete_db_parameter_group", DBParameterGroupName=name)
    made = vendor.ask("rds", "create_db_instance", **_new_database())["DBInstance"]
    stack.callback(_remove_database, vendor)
    _wait_for(vendor, "available")
    return str(made["DBInstanceArn"])


def _remove_database(vendor: Session) -> None:
    vendor.ask("rds", "delete_db_instance", DBInstanceIdentifier=MINE, SkipFinalSnapshot=True)
    _wait_for(vendor, "gone")


def _wait_for(vendor: Session, status: str) -> None:
    for _ in range(120):
        found = vendor.ask("rds", "describe_db_instances")["DBInstances"]
        held = {one["DBInstanceIdentifier"]: one["DBInstanceStatus"] for one in found}
        if held.get(MINE, "gone") == status:
            return
        time.sleep(0.25)
    raise AssertionError(f"the database is not {status}: {held}")


def _tries(ground: Ground) -> dict[str, Request]:
    return {**_of_compute(ground), **_of_traffic(ground), **_of_data(ground)}


def _of_compute(ground: Ground) -> dict[str, Request]:
    new = {"cluster": NAMES.cluster, "serviceName": "lg-new", "tags": LOWER}
    change = {"cluster": NAMES.cluster, "service": MINE}
    execution = ground.vendor.ask(
        "ecs", "describe_task_definition", taskDefinition=ground.definition
    )["taskDefinition"]["executionRoleArn"]
    make = {**new, "taskDefinition": ground.definition, "networkConfiguration": ground.network()}
    public = ground.network(assignPublicIp="ENABLED")
    elsewhere = ground.network(subnets=[ground.foreign_subnet])
    administrator = execution.replace(NAMES.execution_role, NAMES.access_role)
    register = "register_task_definition"
    return {
        "public address": ("ecs", "create_service", {**make, "networkConfiguration": public}),
        "shell": ("ecs", "create_service", {**make, "enableExecuteCommand": True}),
        "subnet": ("ecs", "create_service", {**make, "networkConfiguration": elsewhere}),
        "cluster": ("ecs", "create_service", {**make, "cluster": "default"}),
        "another's definition": (
            "ecs",
            "create_service",
            {**make, "taskDefinition": ground.customers_definition},
        ),
        "later public address": (
            "ecs",
            "update_service",
            {**change, "networkConfiguration": public},
        ),
        "later shell": ("ecs", "update_service", {**change, "enableExecuteCommand": True}),
        "later definition": (
            "ecs",
            "update_service",
            {**change, "taskDefinition": ground.customers_definition},
        ),
        "role": ("ecs", register, _task("lg-new", execution, taskRoleArn=administrator)),
        "host": ("ecs", register, _task("lg-new", execution, requiresCompatibilities=["EC2"])),
        "service's fence off": (
            "ecs",
            "untag_resource",
            {"resourceArn": ground.service, "tagKeys": [INSTALLATION_TAG]},
        ),
        "adopted definition": (
            "ecs",
            "tag_resource",
            {"resourceArn": ground.customers_definition, "tags": LOWER},
        ),
    }


def _of_traffic(ground: Ground) -> dict[str, Request]:
    new = {
        "Name": "lg-new",
        "Scheme": "internal",
        "Subnets": ground.subnets,
        "SecurityGroups": [ground.group],
        "Tags": UPPER,
    }
    create = "create_load_balancer"
    mine, theirs = [ground.balancer], [ground.customers_balancer]
    return {
        "on the internet": ("elbv2", create, {**new, "Scheme": "internet-facing"}),
        "balancer's subnet": ("elbv2", create, {**new, "Subnets": [ground.foreign_subnet]}),
        "balancer's group": ("elbv2", create, {**new, "SecurityGroups": [ground.foreign_group]}),
        "opened": (
            "elbv2",
            "set_security_groups",
            {"LoadBalancerArn": ground.balancer, "SecurityGroups": [ground.foreign_group]},
        ),
        "adopted balancer": ("elbv2", "add_tags", {"ResourceArns": theirs, "Tags": UPPER}),
        "balancer's fence off": (
            "elbv2",
            "remove_tags",
            {"ResourceArns": mine, "TagKeys": [INSTALLATION_TAG]},
        ),
        "balancer given away": ("elbv2", "add_tags", {"ResourceArns": mine, "Tags": AWAY}),
        "customer's balancer": (
            "elbv2",
            "delete_load_balancer",
            {"LoadBalancerArn": ground.customers_balancer},
        ),
    }


def _of_data(ground: Ground) -> dict[str, Request]:
    new = "create_db_instance"
    named = {"DBInstanceIdentifier": "lg-new"}
    mine = {"DBInstanceIdentifier": MINE}
    snapshot = {"DBSnapshotIdentifier": "lg-s", "AttributeName": "restore", "ValuesToAdd": ["all"]}
    group = ground.database.replace(f":db:{MINE}", f":pg:{THEIRS}")
    secret = {"SecretId": SECRET}
    opened = {"ResourcePolicy": POLICY, "BlockPublicPolicy": False}
    return {
        "public": ("rds", new, _new_database(**named, PubliclyAccessible=True)),
        "unencrypted": ("rds", new, _new_database(**named, StorageEncrypted=False)),
        "own password": (
            "rds",
            new,
            _new_database(**named, ManageMasterUserPassword=None, MasterUserPassword="known-word"),
        ),
        "foreign subnets": ("rds", new, _new_database(**named, DBSubnetGroupName="default")),
        "later password": (
            "rds",
            "modify_db_instance",
            {**mine, "ManageMasterUserPassword": False, "MasterUserPassword": "known-word"},
        ),
        "adopted group": ("rds", "add_tags_to_resource", {"ResourceName": group, "Tags": UPPER}),
        "database's fence off": (
            "rds",
            "remove_tags_from_resource",
            {"ResourceName": ground.database, "TagKeys": [INSTALLATION_TAG]},
        ),
        "shared snapshot": ("rds", "modify_db_snapshot_attribute", snapshot),
        "value": ("secretsmanager", "get_secret_value", secret),
        "opened secret": ("secretsmanager", "put_resource_policy", {**secret, **opened}),
        "secret's fence off": (
            "secretsmanager",
            "untag_resource",
            {**secret, "TagKeys": [INSTALLATION_TAG]},
        ),
        "adopted secret": (
            "secretsmanager",
            "tag_resource",
            {"SecretId": CUSTOMERS_SECRET, "Tags": UPPER},
        ),
        "customer's secret": (
            "secretsmanager",
            "put_secret_value",
            {"SecretId": CUSTOMERS_SECRET, "SecretString": "y"},
        ),
    }


def _as_it_is(ground: Ground) -> str:
    """Everything that the tries were about, as the customer sees it."""
    ask = ground.customer.ask
    arns = [ground.balancer, ground.customers_balancer]
    seen = [
        ask("elbv2", "describe_load_balancers")["LoadBalancers"],
        ask("elbv2", "describe_tags", ResourceArns=arns)["TagDescriptions"],
        [_settled(one) for one in ask("rds", "describe_db_instances")["DBInstances"]],
        ask("rds", "list_tags_for_resource", ResourceName=ground.database)["TagList"],
        ask("ecs", "list_services", cluster=NAMES.cluster)["serviceArns"],
        ask("ecs", "list_tags_for_resource", resourceArn=ground.service)["tags"],
        ask("ecs", "list_task_definitions")["taskDefinitionArns"],
        *(
            ask("secretsmanager", "describe_secret", SecretId=name)["Tags"]
            for name in (SECRET, CUSTOMERS_SECRET)
        ),
    ]
    return json.dumps(seen, default=str, sort_keys=True)


def _settled(database: Mapping[str, Any]) -> list[object]:
    """What of a database does not change by itself."""
    names = ("DBInstanceIdentifier", "DBInstanceStatus", "PubliclyAccessible", "MasterUserSecret")
    return [database.get(name) for name in names]


def test_no_escape_succeeds(ground: Ground) -> None:
    """Each is refused for want of a right, and not for another reason."""
    before = _as_it_is(ground)
    others: dict[str, str] = {}
    for name, (service, operation, params) in _tries(ground).items():
        try:
            ground.vendor.ask(service, operation, **params)
            others[name] = "succeeded"
        except AccessRefused:
            pass
        except ByocError as error:
            others[name] = str(error)

    assert others == {}
    assert _as_it_is(ground) == before
