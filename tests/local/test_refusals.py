"""What AWS refuses, one case for each that the design lists, through the whole chain.

Deeper tests of a rule stand beside it: `rules/`, `compute/`, `provider/`, `test_rds.py`.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from byoc_infra.local.compute.api import Api
from byoc_infra.local.compute.launcher import Launcher
from byoc_infra.local.compute.lifecycle import Lifecycle
from byoc_infra.local.compute.model import State
from byoc_infra.local.compute.registration import Registration
from byoc_infra.local.compute.roles import ExecutionRoles
from byoc_infra.local.compute.scheduler import Scheduler
from byoc_infra.local.server import ServerEnvironment
from tests.local.compute.fakes import TRUST
from tests.local.in_process import Stack, code_of, running

LISTED = (
    "service on a target group without listener",
    "secret without a value at task start",
    "secret name in its recovery window",
    "final snapshot name taken",
    "protected RDS deleted",
    "protected balancer deleted",
    "security group in use",
    "balancer in one zone",
    "subnet group in one zone",
    "missing service-linked role",
    "INACTIVE task definition",
    "Fargate pair",
    "name lengths",
)
"""The design's own list."""

READ_SECRETS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}],
}


NO_LINKED_ROLES = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "iam:CreateServiceLinkedRole", "Resource": "*"}],
}


class Ground:
    """A local cloud with ECS, and what the cases need on it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.state = State()
        Api(stack.world, self.state).register(stack.hooks)

    def __getattr__(self, service: str) -> Any:
        """A service's client, as the customer."""
        return self.stack.client(service)

    @cached_property
    def vpc(self) -> str:
        """A VPC."""
        return str(self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])

    def lead_out(self) -> None:
        """Give the VPC's main route table a NAT gateway."""
        mine = [{"Name": "vpc-id", "Values": [self.vpc]}]
        (main,) = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.subnets[0], AllocationId=address)
        self.ec2.create_route(
            RouteTableId=main["RouteTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            NatGatewayId=nat["NatGateway"]["NatGatewayId"],
        )

    @cached_property
    def subnets(self) -> list[str]:
        """Two of one zone and one of another."""
        return [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.9.{i}.0/24", AvailabilityZone=f"eu-west-1{zone}"
            )["Subnet"]["SubnetId"]
            for i, zone in enumerate("aab")
        ]

    @cached_property
    def cluster(self) -> str:
        """A cluster, and the role that ECS needs."""
        with suppress(ClientError):
            self.iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
        self.ecs.create_cluster(clusterName="lg")
        return "lg"

    @cached_property
    def role(self) -> str:
        """An execution role that may read secrets."""
        made = self.iam.create_role(RoleName="exec", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.put_role_policy(
            RoleName="exec", PolicyName="read", PolicyDocument=json.dumps(READ_SECRETS)
        )
        return str(made["Role"]["Arn"])

    def define(self, *, cpu: str = "256", family: str = "api", **container: Any) -> str:
        """Register a task definition; its ARN."""
        made = self.ecs.register_task_definition(
            family=family,
            containerDefinitions=[{"name": "api", "image": "i", **container}],
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu=cpu,
            memory="512",
            executionRoleArn=self.role,
        )
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def serve(self, name: str, definition: str, **settings: Any) -> None:
        """Create a service of one task."""
        where = {"subnets": self.subnets, "securityGroups": [self.group(f"{name[:9]} {len(name)}")]}
        self.ecs.create_service(
            cluster=self.cluster,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": where},
            **settings,
        )

    def group(self, name: str) -> str:
        """A security group."""
        made = self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc)
        return str(made["GroupId"])

    def database(self, name: str, **more: Any) -> None:
        """An instance; no server is behind it here."""
        self.rds.create_db_instance(
            DBInstanceIdentifier=name,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            MasterUsername="langgraph",
            ManageMasterUserPassword=True,
            **more,
        )

    def balancer(self, name: str, **more: Any) -> str:
        """A load balancer over two zones."""
        asked = {"Subnets": self.subnets[1:], **more}
        made = self.elbv2.create_load_balancer(Name=name, **asked)
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def target_group(self, name: str) -> str:
        """A target group that nothing leads to."""
        made = self.elbv2.create_target_group(
            Name=name, Protocol="HTTP", Port=8000, VpcId=self.vpc, TargetType="ip"
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def namespace(self, name: str) -> str:
        """Begin to make a namespace; the operation's id."""
        made = self.servicediscovery.create_private_dns_namespace(Name=name, Vpc=self.vpc)
        return str(made["OperationId"])

    @cached_property
    def namespace_id(self) -> str:
        """A namespace."""
        made = self.servicediscovery.get_operation(OperationId=self.namespace("lg.local"))
        return str(made["Operation"]["Targets"]["NAMESPACE"])

    def stop_reason(self, service: str) -> str:
        """Let the scheduler start what is wanted; why a service's task could not."""
        world = self.stack.world
        launcher = Launcher(world, ExecutionRoles(self.stack.gate.check_role), _no_server)
        registration = Registration(self.state, world.hosts, lambda *_: "healthy", lambda *_: True)
        lifecycle = Lifecycle(self.state, launcher, registration, world.now, lambda *_: None)
        scheduler = Scheduler(self.state, lifecycle, registration, world.now)
        for _ in range(20):
            scheduler.tick()
        return next(
            task.stopped_reason
            for task in self.state.tasks.values()
            if task.group == f"service:{service}" and task.stopped_reason
        )


def _no_server() -> ServerEnvironment:
    raise AssertionError


Act = Callable[[Ground], object]


class Case(NamedTuple):
    """One refusal: which of the design's, its code, and the call that must be refused."""

    of: str
    code: str
    act: Act
    words: str | None = None


def _unlistened(ground: Ground) -> None:
    balancers = [
        {
            "targetGroupArn": ground.target_group("unlistened"),
            "containerName": "api",
            "containerPort": 8000,
        }
    ]
    definition = ground.define(portMappings=[{"containerPort": 8000}])
    ground.serve("unlistened", definition, loadBalancers=balancers)


def _recovering(ground: Ground) -> None:
    ground.secretsmanager.create_secret(Name="kept", SecretString="x")
    ground.secretsmanager.delete_secret(SecretId="kept", RecoveryWindowInDays=7)
    ground.secretsmanager.create_secret(Name="kept", SecretString="y")


def _snapshot_taken(ground: Ground) -> None:
    for name in ("first", "second"):
        ground.database(name)
        ground.rds.delete_db_instance(DBInstanceIdentifier=name, FinalDBSnapshotIdentifier="taken")


def _protected_database(ground: Ground) -> None:
    ground.database("protected", DeletionProtection=True)
    ground.rds.delete_db_instance(DBInstanceIdentifier="protected", SkipFinalSnapshot=True)


def _protected_balancer(ground: Ground) -> None:
    arn = ground.balancer("protected")
    on = {"Key": "deletion_protection.enabled", "Value": "true"}
    ground.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[on])
    ground.elbv2.delete_load_balancer(LoadBalancerArn=arn)


def _group_in_use(ground: Ground) -> None:
    worn = ground.group("worn")
    ground.balancer("wearing", SecurityGroups=[worn])
    ground.ec2.delete_security_group(GroupId=worn)


def _one_zone_group(ground: Ground) -> None:
    ground.rds.create_db_subnet_group(
        DBSubnetGroupName="one", DBSubnetGroupDescription="d", SubnetIds=ground.subnets[:2]
    )


def _no_linked_role(ground: Ground) -> None:
    """A caller who may not make it either: AWS makes it for one who may."""
    definition = ground.define()
    assert ground.cluster
    ground.iam.delete_service_linked_role(RoleName="AWSServiceRoleForECS")
    mine = {"UserName": "admin", "PolicyName": "no-linked-roles"}
    ground.iam.put_user_policy(**mine, PolicyDocument=json.dumps(NO_LINKED_ROLES))
    try:
        ground.serve("no-role", definition)
    finally:
        ground.iam.delete_user_policy(**mine)
        ground.iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")


def _inactive(ground: Ground) -> None:
    definition = ground.define(family="inactive")
    ground.ecs.deregister_task_definition(taskDefinition=definition)
    ground.serve("inactive", definition)


def _subnet_group_named(ground: Ground, name: str) -> None:
    ground.rds.create_db_subnet_group(
        DBSubnetGroupName=name, DBSubnetGroupDescription="d", SubnetIds=ground.subnets[1:]
    )


def _parameter_group_named(ground: Ground, name: str) -> None:
    ground.rds.create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily="postgres16", Description="d"
    )


def _role_named(ground: Ground, name: str) -> None:
    ground.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))


CASES = [
    Case("service on a target group without listener", "InvalidParameterException", _unlistened),
    Case("secret name in its recovery window", "InvalidRequestException", _recovering),
    Case("final snapshot name taken", "DBSnapshotAlreadyExists", _snapshot_taken),
    Case("protected RDS deleted", "InvalidParameterCombination", _protected_database),
    Case("protected balancer deleted", "OperationNotPermitted", _protected_balancer),
    Case("security group in use", "DependencyViolation", _group_in_use),
    Case(
        "balancer in one zone",
        "InvalidConfigurationRequest",
        lambda ground: ground.balancer("one", Subnets=ground.subnets[:2]),
    ),
    Case("subnet group in one zone", "DBSubnetGroupDoesNotCoverEnoughAZs", _one_zone_group),
    Case(
        "missing service-linked role",
        "AccessDeniedException",
        _no_linked_role,
        "perform: iam:CreateServiceLinkedRole",
    ),
    Case("INACTIVE task definition", "ClientException", _inactive, "is inactive"),
    Case(
        "Fargate pair",
        "ClientException",
        lambda ground: ground.define(cpu="2048"),
        "No Fargate configuration exists",
    ),
]

NAMED: list[tuple[str, int, str, Callable[[Ground, str], object]]] = [
    ("balancer", 32, "ValidationError", lambda g, name: g.balancer(name)),
    ("target group", 32, "ValidationError", lambda g, name: g.target_group(name)),
    ("database", 63, "InvalidParameterValue", lambda g, name: g.database(name)),
    ("subnet group", 255, "InvalidParameterValue", _subnet_group_named),
    ("parameter group", 255, "InvalidParameterValue", _parameter_group_named),
    ("role", 64, "ValidationError", _role_named),
    (
        "secret",
        512,
        "ValidationException",
        lambda g, name: g.secretsmanager.create_secret(Name=name),
    ),
    (
        "log group",
        512,
        "InvalidParameterException",
        lambda g, name: g.logs.create_log_group(logGroupName=name),
    ),
    (
        "cluster",
        255,
        "InvalidParameterException",
        lambda g, name: g.ecs.create_cluster(clusterName=name),
    ),
    ("task definition", 255, "ClientException", lambda g, name: g.define(family=name)),
    (
        "service",
        255,
        "InvalidParameterException",
        lambda g, name: g.serve(name, g.define()),
    ),
    ("security group", 255, "InvalidParameterValue", lambda g, name: g.group(name.upper())),
    ("namespace", 253, "InvalidInput", lambda g, name: g.namespace(name)),
    (
        "discovery service",
        63,
        "InvalidInput",
        lambda g, name: g.servicediscovery.create_service(
            Name=name, NamespaceId=g.namespace_id, Type="HTTP"
        ),
    ),
    (
        "key alias",
        256,
        "ValidationException",
        lambda g, name: g.kms.create_alias(
            AliasName=f"alias/{name[6:]}", TargetKeyId=g.kms.create_key()["KeyMetadata"]["KeyId"]
        ),
    ),
]
"""What, its longest name, AWS's code for a longer one, and how to make it."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """One local cloud for all cases."""
    with running(tmp_path_factory.mktemp("cloud")) as stack:
        yield Ground(stack)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.of)
def test_it_is_refused_with_awss_code(ground: Ground, case: Case) -> None:
    """Nothing else goes wrong on the way there."""
    with pytest.raises(ClientError, match=case.words) as refused:
        case.act(ground)

    assert code_of(refused.value) == case.code


@pytest.mark.parametrize(
    ("what", "longest", "code", "make"), NAMED, ids=[name for name, *_ in NAMED]
)
def test_a_name_may_be_so_long_and_no_longer(
    ground: Ground, what: str, longest: int, code: str, make: Callable[[Ground, str], object]
) -> None:
    """The longest is taken; one letter more is refused."""
    assert what
    make(ground, "x" * longest)

    with pytest.raises(ClientError) as refused:
        make(ground, "x" * (longest + 1))
    assert code_of(refused.value) == code


def test_a_secret_without_a_value_keeps_its_task_from_starting(ground: Ground) -> None:
    """ECS tells it as the stopped task's reason; the API call itself has long succeeded."""
    ground.lead_out()
    arn = ground.secretsmanager.create_secret(Name="empty")["ARN"]
    ground.serve("empty", ground.define(secrets=[{"name": "A", "valueFrom": arn}]))

    reason = ground.stop_reason("empty")

    assert reason.startswith("ResourceInitializationError: unable to pull secrets")
    assert "for staging label: AWSCURRENT" in reason


def test_every_refusal_of_the_design_has_its_case() -> None:
    """In the tables, or as a test of its own."""
    of_their_own = {"secret without a value at task start", "name lengths"}

    assert {case.of for case in CASES} | of_their_own == set(LISTED)
