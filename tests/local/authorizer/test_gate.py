"""The gate as a whole: what a denied client reads, and what is on record."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from byoc_infra.local.wire import AwsError
from tests.local.authorizer.harness import CUSTOMER, REGION, VENDOR, Cloud, allow, deny

ME = f"arn:aws:iam::{CUSTOMER}:user/me"


def refused(cloud: Cloud, service: str, operation: str, **params: Any) -> dict[str, str]:
    """The error that `me` reads."""
    with pytest.raises(ClientError) as caught:
        getattr(cloud.client(service, "me"), operation)(**params)
    return caught.value.response["Error"]  # type: ignore[return-value]  # all of it is text here


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "asked"),
    [
        ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", "ec2:DescribeVpcs on resource: *"),
        (
            "ecs",
            "delete_cluster",
            {"cluster": "c"},
            "AccessDeniedException",
            f"ecs:DeleteCluster on resource: arn:aws:ecs:{REGION}:{CUSTOMER}:cluster/c",
        ),
        ("iam", "list_roles", {}, "AccessDenied", "iam:ListRoles on resource: *"),
        ("elbv2", "describe_tags", {}, "AccessDenied", "elasticloadbalancing:DescribeTags"),
        ("rds", "describe_certificates", {}, "AccessDenied", "rds:DescribeCertificates"),
        ("logs", "describe_log_groups", {}, "AccessDeniedException", "logs:DescribeLogGroups"),
        ("cloudwatch", "list_metrics", {}, "AccessDenied", "cloudwatch:ListMetrics"),
        ("resourcegroupstaggingapi", "get_resources", {}, "AccessDeniedException", "tag:GetR"),
        ("servicediscovery", "list_namespaces", {}, "AccessDeniedException", "ListNamespaces"),
    ],
)
def test_a_denial_names_who_what_and_where(
    cloud: Cloud, *, service: str, operation: str, params: dict[str, str], code: str, asked: str
) -> None:
    """Each protocol's client reads AWS's code and words."""
    cloud.user(CUSTOMER, "me")

    error = refused(cloud, service, operation, **params)

    assert error["Code"] == code
    assert f"User: {ME} is not authorized to perform: " in error["Message"]
    assert asked in error["Message"]
    assert "because no identity-based policy allows the " in error["Message"]


def test_an_explicit_deny_is_called_one(cloud: Cloud) -> None:
    """The message tells a Deny from a missing Allow."""
    cloud.user(CUSTOMER, "me", allow("*"), deny("ecs:ListClusters"))

    assert (
        "with an explicit deny in an identity-based policy"
        in (refused(cloud, "ecs", "list_clusters")["Message"])
    )


def test_what_could_not_be_evaluated_is_said(cloud: Cloud) -> None:
    """Message and record both name the condition that was not understood."""
    odd = allow("ecs:*", IpAddress={"aws:SourceIp": "10.0.0.0/8"})
    cloud.user(CUSTOMER, "me", odd)

    message = refused(cloud, "ecs", "list_clusters")["Message"]

    assert "could not evaluate: own/statement 1: IpAddress aws:SourceIp" in message
    assert cloud.lines()[-1]["unclear"] == ["own/statement 1: IpAddress aws:SourceIp"]


def test_an_allow_on_one_arn_is_no_more_than_that(cloud: Cloud) -> None:
    """The right secret is given and its neighbour is not."""
    secrets = cloud.client("secretsmanager", "admin")
    arns = [secrets.create_secret(Name=n, SecretString=n)["ARN"] for n in ("one", "two")]
    cloud.user(CUSTOMER, "me", allow("secretsmanager:GetSecretValue", on=arns[0]))
    mine = cloud.client("secretsmanager", "me")

    assert mine.get_secret_value(SecretId="one")["SecretString"] == "one"
    assert refused(cloud, "secretsmanager", "get_secret_value", SecretId="two")["Code"] == (
        "AccessDeniedException"
    )


def test_a_tag_decides(cloud: Cloud) -> None:
    """secretsmanager:ResourceTag is read from the secret as it is now."""
    secrets = cloud.client("secretsmanager", "admin")
    secrets.create_secret(Name="one", SecretString="x")
    tagged = {"secretsmanager:ResourceTag/langgraph-cloud": "default"}
    cloud.user(CUSTOMER, "me", allow("secretsmanager:GetSecretValue", StringEquals=tagged))

    assert refused(cloud, "secretsmanager", "get_secret_value", SecretId="one")
    secrets.tag_resource(SecretId="one", Tags=[{"Key": "langgraph-cloud", "Value": "default"}])
    mine = cloud.client("secretsmanager", "me")
    assert mine.get_secret_value(SecretId="one")["SecretString"] == "x"


def test_passing_a_role_needs_the_right_to(cloud: Cloud) -> None:
    """Registering a task definition with a role asks for iam:PassRole on it, to ECS tasks."""
    role = f"arn:aws:iam::{CUSTOMER}:role/Task"
    to_ecs = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    passing = allow("iam:PassRole", on=role, StringEquals=to_ecs)
    cloud.user(CUSTOMER, "me", allow("ecs:RegisterTaskDefinition"), passing)
    container = {"name": "a", "image": "b", "memory": 512}
    asked = {"family": "f", "containerDefinitions": [container]}

    cloud.client("ecs", "me").register_task_definition(**asked, taskRoleArn=role)
    error = refused(cloud, "ecs", "register_task_definition", **asked, taskRoleArn=role + "2")
    assert f"iam:PassRole on resource: {role}2" in error["Message"]


def test_tagging_on_create_needs_the_right_to_tag(cloud: Cloud) -> None:
    """Creating with tags asks for the tagging action, creating without does not."""
    spec = [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "1"}]}]
    cloud.user(CUSTOMER, "me", allow("ec2:CreateVpc"))

    cloud.client("ec2", "me").create_vpc(CidrBlock="10.0.0.0/16")
    error = refused(cloud, "ec2", "create_vpc", CidrBlock="10.1.0.0/16", TagSpecifications=spec)
    assert "ec2:CreateTags" in error["Message"]
    assert (
        len(cloud.client("ec2", "admin").describe_vpcs()["Vpcs"]) == 2
    )  # the default one and ours


def test_the_managed_policies_of_aws_count(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attached AWS policy is evaluated with its real document, conditions too."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    cloud.user("333333333333", "me")
    from moto.iam.models import iam_backends  # noqa: PLC0415 - the account was made just now

    backend = iam_backends["333333333333"]["aws"]
    backend.attach_user_policy("arn:aws:iam::aws:policy/AmazonECS_FullAccess", "me")
    role = "arn:aws:iam::333333333333:role/r"
    container = {"name": "a", "image": "b", "memory": 512}

    cloud.client("ecs", "me").register_task_definition(
        family="f", containerDefinitions=[container], taskRoleArn=role
    )
    assert "iam:ListRoles" not in str(refused(cloud, "iam", "create_user", UserName="x"))
    assert cloud.lines()[1]["action"] == "iam:PassRole"


def test_an_operation_without_a_row_is_refused(cloud: Cloud) -> None:
    """Even for an administrator, and the record says why."""
    with pytest.raises(ClientError, match="RunInstances is not modelled by the local cloud"):
        cloud.client("ec2", "admin").run_instances(ImageId="ami-1", MinCount=1, MaxCount=1)

    last = cloud.lines()[-1]
    assert (last["action"], last["verdict"], last["by"]) == (
        "ec2:RunInstances",
        "deny",
        "local cloud",
    )


@pytest.mark.parametrize("service", ["s3", "lambda", "dynamodb"])
def test_a_service_without_tables_is_refused(cloud: Cloud, service: str) -> None:
    """Nothing of moto is reachable that was not modelled."""
    client = cloud.client(service, "admin")
    operations = {"s3": "list_buckets", "lambda": "list_functions", "dynamodb": "list_tables"}

    with pytest.raises(ClientError, match=r"AccessDenied|not modelled"):
        getattr(client, operations[service])()


def test_an_account_header_of_the_clients_is_taken_away(cloud: Cloud) -> None:
    """Nobody gets into another account by asking moto for it."""
    ec2 = cloud.client("ec2", "admin")

    def pretend(request: Any, **_: object) -> None:
        request.headers["x-moto-account-id"] = VENDOR

    ec2.meta.events.register_first("before-send", pretend)
    ec2.create_vpc(CidrBlock="10.9.0.0/16")

    own = cloud.client("ec2", "admin").describe_vpcs()["Vpcs"]
    assert "10.9.0.0/16" in [vpc["CidrBlock"] for vpc in own]


def test_a_region_in_the_user_agent_does_not_move_the_call(cloud: Cloud) -> None:
    """The call acts in the region it was signed for."""
    ecs = cloud.client("ecs", "admin")

    def pretend(request: Any, **_: object) -> None:
        request.headers["User-Agent"] = "x region/us-east-1 y"

    ecs.meta.events.register_first("before-send", pretend)
    made = ecs.create_cluster(clusterName="c")["cluster"]["clusterArn"]

    assert made == f"arn:aws:ecs:{REGION}:{CUSTOMER}:cluster/c"


def test_every_decision_is_one_line_with_all_it_depended_on(cloud: Cloud) -> None:
    """Who, what, on what, in which context, the verdict and why."""
    cloud.user(CUSTOMER, "me", allow("ecs:CreateCluster"))
    refused(cloud, "ecs", "create_cluster", clusterName="c", tags=[{"key": "a", "value": "1"}])

    made, tagged = cloud.lines()
    base = f"arn:aws:ecs:{REGION}:{CUSTOMER}"
    assert (made["action"], made["verdict"], made["why"]) == (
        "ecs:CreateCluster",
        "allow",
        "allowed by own/statement 1",
    )
    assert tagged["resources"] == [f"{base}:cluster/c"]
    assert tagged["context"]["aws:RequestTag/a"] == "1"
    assert (tagged["verdict"], tagged["principal"]) == ("deny", ME)
    assert tagged["request_id"] == made["request_id"]


def test_no_value_of_a_secret_is_on_record(cloud: Cloud) -> None:
    """Verdicts hold names and tags, never what was sent."""
    secrets = cloud.client("secretsmanager", "admin")
    secrets.create_secret(Name="one", SecretString="hunter2-%&")
    secrets.put_secret_value(SecretId="one", SecretString="hunter3-%&")

    assert "hunter" not in json.dumps(cloud.lines())


def test_a_role_that_was_passed_on_is_judged_by_its_own_policies(cloud: Cloud) -> None:
    """`check_role` answers what an execution role may, in the words of the service."""
    tagged = {"secretsmanager:ResourceTag/x": "1"}
    trust = {**allow("sts:AssumeRole"), "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
    del trust["Resource"]
    role = cloud.role("Exec", trust, allow("secretsmanager:GetSecretValue", StringEquals=tagged))
    secret = f"arn:aws:secretsmanager:{REGION}:{CUSTOMER}:secret:s-abcdef"

    cloud.gate.check_role(role, "secretsmanager:GetSecretValue", secret, tagged)
    with pytest.raises(AwsError, match="assumed-role/Exec/ecs-task is not authorized") as caught:
        cloud.gate.check_role(role, "secretsmanager:GetSecretValue", secret, {})
    assert caught.value.code == "AccessDeniedException"
    assert [line["verdict"] for line in cloud.lines()] == ["allow", "deny"]


def test_an_unreadable_policy_denies(cloud: Cloud) -> None:
    """A document that is not a policy never widens what its holder may do."""
    cloud.user(CUSTOMER, "me", allow("*"))
    from moto.iam.models import iam_backends  # noqa: PLC0415 - next to its only use

    iam_backends[CUSTOMER]["aws"].users["me"].policies["broken"] = "{"

    assert "explicit deny" in refused(cloud, "ecs", "list_clusters")["Message"]
