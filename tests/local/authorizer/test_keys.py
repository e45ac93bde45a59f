"""Which condition keys a request has, and with what values."""

from collections.abc import Mapping
from typing import Any

import pytest

from byoc_infra.local.authorizer.actions import checks
from byoc_infra.local.authorizer.actions._keys import Values
from byoc_infra.local.wire import Call, Principal
from tests.local.authorizer.harness import CUSTOMER, REGION, Cloud, allow, policy

PRINCIPAL = Principal(arn=f"arn:aws:iam::{CUSTOMER}:user/admin", account_id=CUSTOMER)
HERE = f"{REGION}:{CUSTOMER}"
TASK = f"arn:aws:ecs:{HERE}:task-definition"
NETWORK = {"subnets": ["subnet-1", "subnet-2"], "assignPublicIp": "DISABLED"}


def keys(service: str, operation: str, params: dict[str, Any]) -> Mapping[str, Values]:
    """The keys of a call's first question."""
    call = Call(
        service=service, operation=operation, params=params, region=REGION, principal=PRINCIPAL
    )
    return next(checks(call)).context


CASES: list[tuple[str, str, dict[str, Any], dict[str, Values]]] = [
    (
        "ecs",
        "CreateService",
        {
            "cluster": "main",
            "serviceName": "a",
            "taskDefinition": "lg-a:3",
            "networkConfiguration": {"awsvpcConfiguration": NETWORK},
            "enableExecuteCommand": False,
            "enableECSManagedTags": True,
            "propagateTags": "SERVICE",
            "tags": [{"key": "k", "value": "v"}],
        },
        {
            "ecs:auto-assign-public-ip": "false",
            "ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/main",
            "ecs:enable-ecs-managed-tags": "true",
            "ecs:enable-execute-command": "false",
            "ecs:propagate-tags": "SERVICE",
            "ecs:subnet": ("subnet-1", "subnet-2"),
            "ecs:task-definition": f"{TASK}/lg-a:3",
            "aws:RequestTag/k": "v",
            "aws:TagKeys": ("k",),
        },
    ),
    (
        "ecs",
        "UpdateService",
        {
            "service": "a",
            "networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "ENABLED"}},
            "enableExecuteCommand": True,
            "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
            "serviceConnectConfiguration": {"enabled": True, "namespace": "ns"},
            "vpcLatticeConfigurations": [{"portName": "x"}],
            "volumeConfigurations": [{"name": "v", "managedEBSVolume": {}}],
        },
        {
            "ecs:auto-assign-public-ip": "true",
            "ecs:capacity-provider": (f"arn:aws:ecs:{HERE}:capacity-provider/FARGATE_SPOT",),
            "ecs:enable-ebs-volumes": "true",
            "ecs:enable-execute-command": "true",
            "ecs:enable-service-connect": "true",
            "ecs:enable-vpc-lattice": "true",
            "ecs:namespace": "ns",
        },
    ),
    (
        "ecs",
        "RegisterTaskDefinition",
        {
            "family": "f",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "containerDefinitions": [{"name": "a"}, {"name": "b", "privileged": True}],
        },
        {
            "ecs:compute-compatibility": ("FARGATE",),
            "ecs:privileged": "true",
            "ecs:task-cpu": "256",
            "ecs:task-memory": "512",
        },
    ),
    (
        "ecs",
        "UntagResource",
        {"resourceArn": f"{TASK}/a:1", "tagKeys": ["x", "y"]},
        {"aws:TagKeys": ("x", "y")},
    ),
    (
        "rds",
        "CreateDBInstance",
        {
            "DBInstanceIdentifier": "lg-a",
            "DBInstanceClass": "db.t4g.micro",
            "Engine": "postgres",
            "DBName": "langgraph",
            "AllocatedStorage": 20,
            "StorageEncrypted": True,
            "PubliclyAccessible": False,
            "ManageMasterUserPassword": True,
            "Tags": [{"Key": "k", "Value": "v"}],
        },
        {
            "rds:BackupTarget": "region",
            "rds:DatabaseClass": "db.t4g.micro",
            "rds:DatabaseEngine": "postgres",
            "rds:DatabaseName": "langgraph",
            "rds:ManageMasterUserPassword": "true",
            "rds:MultiAz": "false",
            "rds:Piops": "0",
            "rds:PubliclyAccessible": "false",
            "rds:StorageEncrypted": "true",
            "rds:StorageSize": "20",
            "rds:Vpc": "true",
            "rds:req-tag/k": "v",
        },
    ),
    (
        "rds",
        "CreateDBInstance",
        {"DBInstanceIdentifier": "lg-a", "Engine": "postgres"},
        {"rds:ManageMasterUserPassword": "false", "rds:StorageEncrypted": "false"},
    ),
    (
        "rds",
        "RemoveTagsFromResource",
        {"ResourceName": f"arn:aws:rds:{HERE}:db:lg-a", "TagKeys": ["x"]},
        {"aws:TagKeys": ("x",)},
    ),
    (
        "elbv2",
        "CreateLoadBalancer",
        {
            "Name": "lg-a",
            "Scheme": "internal",
            "Subnets": ["subnet-1"],
            "SubnetMappings": [{"SubnetId": "subnet-2"}],
            "SecurityGroups": ["sg-1"],
        },
        {
            "elasticloadbalancing:Scheme": "internal",
            "elasticloadbalancing:SecurityGroup": ("sg-1",),
            "elasticloadbalancing:Subnet": ("subnet-1", "subnet-2"),
        },
    ),
    (
        "elbv2",
        "ModifyListener",
        {"ListenerArn": "arn:x", "Protocol": "HTTPS", "SslPolicy": "old"},
        {
            "elasticloadbalancing:ListenerProtocol": "HTTPS",
            "elasticloadbalancing:SecurityPolicy": ("old",),
        },
    ),
    (
        "elbv2",
        "RemoveTags",
        {"ResourceArns": ["arn:x"], "TagKeys": ["x"]},
        {"aws:TagKeys": ("x",)},
    ),
    (
        "secretsmanager",
        "CreateSecret",
        {"Name": "n", "AddReplicaRegions": [{"Region": "us-east-1"}], "Description": "d"},
        {
            "secretsmanager:AddReplicaRegions": ("us-east-1",),
            "secretsmanager:Description": "d",
            "secretsmanager:Name": "n",
        },
    ),
    (
        "secretsmanager",
        "DeleteSecret",
        {"SecretId": "n", "RecoveryWindowInDays": 7},
        {
            "secretsmanager:RecoveryWindowInDays": "7",
            "secretsmanager:SecretId": f"arn:aws:secretsmanager:{HERE}:secret:n",
            "secretsmanager:SecretPrimaryRegion": REGION,
        },
    ),
    (
        "secretsmanager",
        "PutResourcePolicy",
        {"SecretId": "n", "BlockPublicPolicy": True},
        {"secretsmanager:BlockPublicPolicy": "true"},
    ),
    (
        "secretsmanager",
        "RotateSecret",
        {"SecretId": "n", "RotationLambdaARN": "arn:l", "RotateImmediately": False},
        {
            "secretsmanager:ModifyRotationRules": "false",
            "secretsmanager:RotateImmediately": "false",
            "secretsmanager:RotationLambdaARN": "arn:l",
        },
    ),
    (
        "servicediscovery",
        "UpdateService",
        {"Id": "srv-1"},
        {"servicediscovery:ServiceCreatedByAccount": CUSTOMER},
    ),
    (
        "iam",
        "CreateRole",
        {"RoleName": "r", "PermissionsBoundary": "arn:b"},
        {"iam:PermissionsBoundary": "arn:b"},
    ),
]


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(("service", "operation", "params", "wanted"), CASES)
def test_a_request_says_this(
    service: str, operation: str, params: dict[str, Any], wanted: dict[str, Values]
) -> None:
    """Booleans in words, lists with all their values."""
    found = keys(service, operation, params)

    assert {key: found.get(key) for key in wanted} == wanted


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("service", "operation", "key"),
    [
        ("ecs", "UpdateService", "ecs:subnet"),
        ("ecs", "UpdateService", "ecs:auto-assign-public-ip"),
        ("ecs", "UpdateService", "ecs:enable-execute-command"),
        ("ecs", "UpdateService", "ecs:task-definition"),
        ("ecs", "RegisterTaskDefinition", "ecs:privileged"),
        ("elbv2", "CreateLoadBalancer", "elasticloadbalancing:Scheme"),
        ("elbv2", "CreateLoadBalancer", "elasticloadbalancing:Subnet"),
        ("rds", "CreateDBInstance", "rds:PubliclyAccessible"),
        ("rds", "CreateDBInstance", "aws:TagKeys"),
        ("secretsmanager", "PutResourcePolicy", "secretsmanager:BlockPublicPolicy"),
        ("ecs", "UpdateService", "aws:PrincipalOrgID"),
    ],
)
def test_what_a_request_does_not_say_is_absent(service: str, operation: str, key: str) -> None:
    """A condition must then decide on its absence."""
    assert key not in keys(service, operation, {})


def test_a_database_that_exists_shows_what_it_is(cloud: Cloud) -> None:
    """Its engine and encryption, and whether AWS keeps its password unless the request says."""
    cloud.client("rds", "admin").create_db_instance(
        DBInstanceIdentifier="lg-a",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="langgraph",
        ManageMasterUserPassword=True,
        StorageEncrypted=True,
    )
    change = {"DBInstanceIdentifier": "lg-a"}
    kept = keys("rds", "ModifyDBInstance", change)
    taken = keys("rds", "ModifyDBInstance", {**change, "ManageMasterUserPassword": False})

    assert kept["rds:DatabaseEngine"] == "postgres"
    assert kept["rds:StorageEncrypted"] == "true"
    assert kept["rds:ManageMasterUserPassword"] == "true"
    assert taken["rds:ManageMasterUserPassword"] == "false"


def test_a_service_shows_the_size_of_its_definition(cloud: Cloud) -> None:
    """And the latest revision, where only a family is named."""
    container = {"name": "a", "image": "b"}
    cloud.client("ecs", "admin").register_task_definition(
        family="f", containerDefinitions=[container], cpu="512", memory="1024"
    )
    found = keys("ecs", "CreateService", {"serviceName": "s", "taskDefinition": "f"})

    assert found["ecs:task-definition"] == f"{TASK}/f:1"
    assert (found["ecs:task-cpu"], found["ecs:task-memory"]) == ("512", "1024")


def test_a_role_shows_its_boundary(cloud: Cloud) -> None:
    """Whoever attaches policies may be held to roles that have one."""
    boundary = f"arn:aws:iam::{CUSTOMER}:policy/b"
    iam = cloud.client("iam", "admin")
    iam.create_policy(PolicyName="b", PolicyDocument=policy(allow("s3:GetObject")))
    iam.create_role(
        RoleName="r", AssumeRolePolicyDocument='{"Statement": []}', PermissionsBoundary=boundary
    )
    found = keys("iam", "AttachRolePolicy", {"RoleName": "r", "PolicyArn": "arn:p"})

    assert found["iam:PermissionsBoundary"] == boundary
    assert found["iam:PolicyARN"] == "arn:p"


@pytest.mark.usefixtures("cloud")
def test_kms_sees_which_service_asks() -> None:
    """For the caller, with the caller's rights."""
    call = Call(
        service="rds",
        operation="CreateDBInstance",
        params={"DBInstanceIdentifier": "lg-a", "ManageMasterUserPassword": True},
        region=REGION,
        principal=PRINCIPAL,
    )
    (found,) = [item.context for item in checks(call) if item.action == "kms:DescribeKey"]

    assert found["kms:ViaService"] == f"rds.{REGION}.amazonaws.com"
    assert found["kms:CallerAccount"] == CUSTOMER
