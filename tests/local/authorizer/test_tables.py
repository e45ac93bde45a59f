"""What single operations ask: actions, ARNs and condition keys, call by call."""

from collections.abc import Mapping
from typing import Any

import pytest

from byoc_infra.local.authorizer.actions import SHARED_KEYS, checks
from byoc_infra.local.authorizer.actions._keys import Values
from byoc_infra.local.authorizer.state import TAG_SOURCES
from byoc_infra.local.wire import Call, Principal
from tests.local.authorizer.harness import CUSTOMER, REGION, Cloud

PRINCIPAL = Principal(arn=f"arn:aws:iam::{CUSTOMER}:user/admin", account_id=CUSTOMER)
HERE = f"{REGION}:{CUSTOMER}"
TAG = [{"Key": "a", "Value": "1"}]
ASKED: dict[str, Values] = {"aws:RequestTag/a": "1", "aws:TagKeys": ("a",)}
ROLE = f"arn:aws:iam::{CUSTOMER}:role/"
BALANCER = f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/app/lg-a/50dc"
NAMESPACE = f"arn:aws:servicediscovery:{HERE}:namespace/ns-1"
Question = tuple[str, str, Mapping[str, Values]]

SCALED = {
    "ServiceNamespace": "ecs",
    "ResourceId": "service/c/s",
    "ScalableDimension": "ecs:service:DesiredCount",
}
OF_SCALING = {
    "application-autoscaling:service-namespace": "ecs",
    "application-autoscaling:scalable-dimension": "ecs:service:DesiredCount",
}
CASES: list[tuple[str, str, dict[str, Any], list[Question]]] = [
    (
        "application-autoscaling",
        "RegisterScalableTarget",
        {**SCALED, "MinCapacity": 1, "Tags": {"a": "1"}},
        [
            (
                "application-autoscaling:RegisterScalableTarget",
                f"arn:aws:application-autoscaling:{HERE}:scalable-target/*",
                {**ASKED, **OF_SCALING},
            ),
            (
                "application-autoscaling:TagResource",
                f"arn:aws:application-autoscaling:{HERE}:scalable-target/*",
                ASKED,
            ),
            ("ecs:DescribeServices", f"arn:aws:ecs:{HERE}:service/c/s", {}),
            ("ecs:UpdateService", f"arn:aws:ecs:{HERE}:service/c/s", {}),
            (
                "iam:CreateServiceLinkedRole",
                (
                    f"{ROLE}aws-service-role/ecs.application-autoscaling.amazonaws.com/"
                    "AWSServiceRoleForApplicationAutoScaling_ECSService"
                ),
                {"iam:AWSServiceName": "ecs.application-autoscaling.amazonaws.com"},
            ),
        ],
    ),
    (
        "application-autoscaling",
        "PutScalingPolicy",
        {**SCALED, "PolicyName": "cpu"},
        [
            (
                "application-autoscaling:PutScalingPolicy",
                f"arn:aws:application-autoscaling:{HERE}:scalable-target/*",
                OF_SCALING,
            ),
            *(
                (f"cloudwatch:{action}", f"arn:aws:cloudwatch:{HERE}:alarm:*", {})
                for action in ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms")
            ),
        ],
    ),
    (
        "acm",
        "DescribeCertificate",
        {"CertificateArn": f"arn:aws:acm:{HERE}:certificate/0a1b"},
        [("acm:DescribeCertificate", f"arn:aws:acm:{HERE}:certificate/0a1b", {})],
    ),
    (
        "ec2",
        "CreateSubnet",
        {"VpcId": "vpc-1", "TagSpecifications": [{"ResourceType": "subnet", "Tags": TAG}]},
        [
            ("ec2:CreateSubnet", f"arn:aws:ec2:{HERE}:subnet/*", ASKED),
            ("ec2:CreateSubnet", f"arn:aws:ec2:{HERE}:vpc/vpc-1", {}),
            (
                "ec2:CreateTags",
                f"arn:aws:ec2:{HERE}:subnet/*",
                {**ASKED, "ec2:CreateAction": "CreateSubnet"},
            ),
        ],
    ),
    (
        "ec2",
        "CreateTags",
        {"Resources": ["vpc-1", "eipalloc-2", "sgr-3", "odd-4"], "Tags": TAG},
        [
            ("ec2:CreateTags", f"arn:aws:ec2:{HERE}:{name}", ASKED)
            for name in (
                "vpc/vpc-1",
                "elastic-ip/eipalloc-2",
                "security-group-rule/sgr-3",
                "*/odd-4",
            )
        ],
    ),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {"GroupId": "sg-1", "GroupName": "other"},
        [("ec2:AuthorizeSecurityGroupIngress", f"arn:aws:ec2:{HERE}:security-group/*", {})],
    ),
    (
        "ec2",
        "CreateVpcEndpoint",
        {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"], "PrivateDnsEnabled": True},
        [
            ("ec2:CreateVpcEndpoint", f"arn:aws:ec2:{HERE}:vpc-endpoint/*", {}),
            ("ec2:CreateVpcEndpoint", f"arn:aws:ec2:{HERE}:vpc/vpc-1", {}),
            ("ec2:CreateVpcEndpoint", f"arn:aws:ec2:{HERE}:subnet/subnet-1", {}),
            ("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/*", {}),
        ],
    ),
    (
        "ec2",
        "CreateFlowLogs",
        {"ResourceIds": ["vpc-1"], "DeliverLogsPermissionArn": f"{ROLE}Flow"},
        [
            ("ec2:CreateFlowLogs", f"arn:aws:ec2:{HERE}:vpc-flow-log/*", {}),
            ("ec2:CreateFlowLogs", f"arn:aws:ec2:{HERE}:vpc/vpc-1", {}),
            ("iam:PassRole", f"{ROLE}Flow", {"iam:PassedToService": "vpc-flow-logs.amazonaws.com"}),
        ],
    ),
    (
        "ec2",
        "DeleteSubnet",
        {},
        [("ec2:DeleteSubnet", "*", {})],
    ),
    (
        "iam",
        "CreateRole",
        {"RoleName": "r", "Path": "/p/", "Tags": TAG},
        [
            ("iam:CreateRole", f"{ROLE}p/r", ASKED),
            ("iam:TagRole", f"{ROLE}p/r", ASKED),
        ],
    ),
    (
        "iam",
        "CreateServiceLinkedRole",
        {"AWSServiceName": "rds.amazonaws.com"},
        [
            (
                "iam:CreateServiceLinkedRole",
                f"{ROLE}aws-service-role/rds.amazonaws.com/*",
                {"iam:AWSServiceName": "rds.amazonaws.com"},
            )
        ],
    ),
    (
        "ecs",
        "RegisterTaskDefinition",
        {
            "family": "lg-a-api-1",
            "taskRoleArn": f"{ROLE}Task",
            "executionRoleArn": "Execution",
            "tags": [{"key": "a", "value": "1"}],
        },
        [
            (
                "ecs:RegisterTaskDefinition",
                f"arn:aws:ecs:{HERE}:task-definition/lg-a-api-1:*",
                ASKED,
            ),
            ("iam:PassRole", f"{ROLE}Task", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
            (
                "iam:PassRole",
                f"{ROLE}Execution",
                {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            ),
            (
                "ecs:TagResource",
                f"arn:aws:ecs:{HERE}:task-definition/lg-a-api-1:*",
                {**ASKED, "ecs:CreateAction": "RegisterTaskDefinition"},
            ),
        ],
    ),
    (
        "ecs",
        "UpdateService",
        {"cluster": "arn:aws:ecs:eu-west-1:999999999999:cluster/main", "service": "lg-a"},
        [
            (
                "ecs:UpdateService",
                f"arn:aws:ecs:{HERE}:service/main/lg-a",
                {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/main"},
            )
        ],
    ),
    (
        "ecs",
        "DescribeServices",
        {"cluster": "main", "services": ["a", f"arn:aws:ecs:{HERE}:service/main/b"]},
        [
            (
                "ecs:DescribeServices",
                f"arn:aws:ecs:{HERE}:service/main/{name}",
                {"ecs:cluster": f"arn:aws:ecs:{HERE}:cluster/main"},
            )
            for name in "ab"
        ],
    ),
    (
        "elbv2",
        "CreateListener",
        {"LoadBalancerArn": BALANCER, "Tags": TAG},
        [
            ("elasticloadbalancing:CreateListener", BALANCER, ASKED),
            (
                "elasticloadbalancing:AddTags",
                f"arn:aws:elasticloadbalancing:{HERE}:listener/app/lg-a/50dc/*",
                {**ASKED, "elasticloadbalancing:CreateAction": "CreateListener"},
            ),
        ],
    ),
    (
        "elbv2",
        "CreateTargetGroup",
        {"Name": "lg-a"},
        [
            (
                "elasticloadbalancing:CreateTargetGroup",
                f"arn:aws:elasticloadbalancing:{HERE}:targetgroup/lg-a/*",
                {},
            )
        ],
    ),
    (
        "rds",
        "DeleteDBInstance",
        {"DBInstanceIdentifier": "lg-a", "FinalDBSnapshotIdentifier": "lg-a-final"},
        [
            ("rds:DeleteDBInstance", f"arn:aws:rds:{HERE}:db:lg-a", {}),
            *(
                (
                    "rds:CreateDBSnapshot",
                    f"arn:aws:rds:{HERE}:{name}",
                    {"rds:BackupTarget": "region"},
                )
                for name in ("db:lg-a", "snapshot:lg-a-final")
            ),
        ],
    ),
    (
        "logs",
        "FilterLogEvents",
        {"logGroupIdentifier": f"arn:aws:logs:{HERE}:log-group:/g"},
        [("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:", {})],
    ),
    (
        "logs",
        "CreateLogGroup",
        {"logGroupName": "/g", "tags": {"a": "1"}},
        [
            ("logs:CreateLogGroup", f"arn:aws:logs:{HERE}:log-group:/g:log-stream:", ASKED),
            ("logs:TagResource", f"arn:aws:logs:{HERE}:log-group:/g", ASKED),
        ],
    ),
    (
        "secretsmanager",
        "CreateSecret",
        {"Name": "lg/x", "Tags": TAG},
        [
            (f"secretsmanager:{name}", f"arn:aws:secretsmanager:{HERE}:secret:lg/x-??????", keys)
            for name, keys in (
                ("CreateSecret", {**ASKED, "secretsmanager:Name": "lg/x"}),
                ("TagResource", ASKED),
            )
        ],
    ),
    (
        "servicediscovery",
        "CreateService",
        {"NamespaceId": "ns-1", "Tags": TAG},
        [
            *(
                (
                    "servicediscovery:CreateService",
                    f"arn:aws:servicediscovery:{HERE}:{made}",
                    {**ASKED, "servicediscovery:NamespaceArn": NAMESPACE},
                )
                for made in ("namespace/ns-1", "service/*")
            ),
            ("servicediscovery:TagResource", "*", ASKED),
        ],
    ),
    (
        "ecr",
        "DescribeImages",
        {"repositoryName": "byoc/app"},
        [("ecr:DescribeImages", f"arn:aws:ecr:{HERE}:repository/byoc/app", {})],
    ),
    (
        "kms",
        "CreateKey",
        {"Tags": [{"TagKey": "a", "TagValue": "1"}]},
        [("kms:CreateKey", "*", ASKED), ("kms:TagResource", f"arn:aws:kms:{HERE}:key/*", ASKED)],
    ),
    ("ec2", "DescribeVpcs", {"VpcIds": ["vpc-1"]}, [("ec2:DescribeVpcs", "*", {})]),
    (
        "resourcegroupstaggingapi",
        "GetResources",
        {},
        [("tag:GetResources", "*", {})],
    ),
    (
        "cloudwatch",
        "DescribeAlarms",
        {},
        [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:*", {})],
    ),
]


def asked(service: str, operation: str, params: dict[str, Any]) -> list[Question]:
    """The questions of a call, without the keys that every call has."""
    call = Call(
        service=service, operation=operation, params=params, region=REGION, principal=PRINCIPAL
    )
    return [
        (
            item.action,
            item.resource,
            {key: value for key, value in item.context.items() if key not in SHARED_KEYS},
        )
        for item in checks(call)
    ]


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(("service", "operation", "params", "questions"), CASES)
def test_an_operation_asks_exactly_this(
    service: str, operation: str, params: dict[str, Any], questions: list[Question]
) -> None:
    """Action, resource and context keys are those of the service authorization reference."""
    assert asked(service, operation, params) == questions


@pytest.mark.usefixtures("cloud")
def test_a_managed_password_asks_for_its_secret() -> None:
    """RDS makes the secret with the caller's rights, and says that it asks on their behalf."""
    call = Call(
        service="rds",
        operation="CreateDBInstance",
        params={
            "DBInstanceIdentifier": "lg-a",
            "Engine": "postgres",
            "EngineVersion": "16.4",
            "DBSubnetGroupName": "subnets",
            "DBParameterGroupName": "lg-a",
            "ManageMasterUserPassword": True,
        },
        region=REGION,
        principal=PRINCIPAL,
    )
    found = {
        (item.action, item.resource.split(":", 5)[-1], item.context["aws:ViaAWSService"])
        for item in checks(call)
    }

    assert found == {
        ("rds:CreateDBInstance", "db:lg-a", "false"),
        ("rds:CreateDBInstance", "pg:lg-a", "false"),
        ("rds:CreateDBInstance", "og:default:postgres-16", "false"),
        ("rds:CreateDBInstance", "subgrp:subnets", "false"),
        ("secretsmanager:CreateSecret", "secret:rds!db-*", "true"),
        ("secretsmanager:TagResource", "secret:rds!db-*", "true"),
        ("kms:DescribeKey", "key/*", "true"),
        (
            "iam:CreateServiceLinkedRole",
            "role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
            "true",
        ),
    }


def test_starting_a_task_passes_its_definitions_roles(cloud: Cloud) -> None:
    """RunTask asks for iam:PassRole on the roles that the definition has, whoever wrote it."""
    container = {"name": "a", "image": "b", "memory": 512}
    cloud.client("ecs", "admin").register_task_definition(
        family="f", containerDefinitions=[container], taskRoleArn=f"{ROLE}Task"
    )

    for name in ("f", "f:1", f"arn:aws:ecs:{HERE}:task-definition/f:1"):
        found = asked("ecs", "RunTask", {"cluster": "c", "taskDefinition": name})
        assert [item[:2] for item in found][1:] == [("iam:PassRole", f"{ROLE}Task")]


def test_a_service_linked_role_is_asked_for_once(cloud: Cloud) -> None:
    """The first cluster asks for the role and makes it, the second does not ask."""
    ecs = cloud.client("ecs", "admin")
    for name in ("one", "two"):
        ecs.create_cluster(clusterName=name)

    questions = [line for line in cloud.lines() if line["action"] == "iam:CreateServiceLinkedRole"]
    assert len(questions) == 1
    roles = cloud.client("iam", "admin").list_roles()["Roles"]
    assert [role["Path"] for role in roles] == ["/aws-service-role/ecs.amazonaws.com/"]


def test_an_own_key_is_asked_for_with_each_value(cloud: Cloud) -> None:
    """Values under the customer's key need kms:Decrypt on it, under AWS's key they do not."""
    key = cloud.client("kms", "admin").create_key()["KeyMetadata"]
    secrets = cloud.client("secretsmanager", "admin")
    own = secrets.create_secret(Name="own", SecretString="x", KmsKeyId=key["KeyId"])["ARN"]
    plain = secrets.create_secret(Name="plain", SecretString="x")["ARN"]

    assert [
        item[:2] for item in asked("secretsmanager", "GetSecretValue", {"SecretId": "own"})
    ] == [
        ("secretsmanager:GetSecretValue", own),
        ("kms:Decrypt", key["Arn"]),
    ]
    assert [
        item[:2] for item in asked("secretsmanager", "GetSecretValue", {"SecretId": "plain"})
    ] == [("secretsmanager:GetSecretValue", plain)]


def test_existing_objects_show_their_tags(cloud: Cloud) -> None:
    """Every kind that carries tags is seen with them, under the service's own key too."""
    tags, lower = [{"Key": "t", "Value": "1"}], [{"key": "t", "value": "1"}]
    ec2, elb = cloud.client("ec2", "admin"), cloud.client("elbv2", "admin")
    spec = [{"ResourceType": "vpc", "Tags": tags}]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec)["Vpc"]["VpcId"]
    group = elb.create_target_group(
        Name="g", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", Tags=tags
    )["TargetGroups"][0]["TargetGroupArn"]
    cloud.client("ecs", "admin").create_cluster(clusterName="c", tags=lower)
    cloud.client("iam", "admin").create_role(
        RoleName="r", AssumeRolePolicyDocument='{"Statement": []}', Tags=tags
    )
    cloud.client("rds", "admin").create_db_parameter_group(
        DBParameterGroupName="p", DBParameterGroupFamily="postgres16", Description="d", Tags=tags
    )
    cloud.client("secretsmanager", "admin").create_secret(Name="s", Tags=tags)
    key = cloud.client("kms", "admin").create_key(Tags=[{"TagKey": "t", "TagValue": "1"}])
    cloud.client("logs", "admin").create_log_group(logGroupName="/g", tags={"t": "1"})

    seen = {"aws:ResourceTag/t": "1"}
    for service, operation, params, more in (
        ("ec2", "DeleteVpc", {"VpcId": vpc}, {"ec2:ResourceTag/t": "1"}),
        (
            "elbv2",
            "DeleteTargetGroup",
            {"TargetGroupArn": group},
            {"elasticloadbalancing:ResourceTag/t": "1"},
        ),
        ("ecs", "DeleteCluster", {"cluster": "c"}, {"ecs:ResourceTag/t": "1"}),
        ("iam", "DeleteRole", {"RoleName": "r"}, {"iam:ResourceTag/t": "1"}),
        ("rds", "DeleteDBParameterGroup", {"DBParameterGroupName": "p"}, {"rds:pg-tag/t": "1"}),
        (
            "secretsmanager",
            "DeleteSecret",
            {"SecretId": "s"},
            {"secretsmanager:ResourceTag/t": "1"},
        ),
        ("kms", "DisableKey", {"KeyId": key["KeyMetadata"]["KeyId"]}, {}),
        ("logs", "DeleteLogGroup", {"logGroupName": "/g"}, {}),
    ):
        found = asked(service, operation, params)[0][2]
        tagged = {key: value for key, value in found.items() if "ag/" in key}
        assert tagged == {**seen, **more}, service


@pytest.mark.usefixtures("cloud")
def test_objects_outside_moto_bring_their_own_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that keeps a kind of object itself says what tags it has."""
    arn = f"arn:aws:ecs:{HERE}:service/c/s"
    monkeypatch.setitem(TAG_SOURCES, "ecs:service", lambda at: {"t": "1"} if at == arn else None)

    found = asked("ecs", "DeleteService", {"cluster": "c", "service": "s"})

    assert found[0][2]["aws:ResourceTag/t"] == "1"
