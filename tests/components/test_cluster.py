"""What a Cluster asks of AWS."""

import json
from typing import Any

import pulumi
import pytest

from byoc_infra.components import Cluster
from byoc_infra.errors import SpecError
from byoc_infra.naming import REDIS_IMAGE_TAG, AccountNames
from byoc_infra.spec import ExternalDatabaseSpec, TaskRoleSpec, TracingSpec
from tests.support.examples import REDIS_IMAGE, cluster_args
from tests.support.recorder import Recorder, maker, record

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
LINKED = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
CLUSTER = "aws:ecs/cluster:Cluster"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

made = maker(Cluster, "langgraph", cluster_args)


def outside(cidr: str, **changes: Any) -> ExternalDatabaseSpec:
    """Somebody's database servers."""
    return ExternalDatabaseSpec(cidr=cidr, **changes)


def statements(recorder: Recorder) -> dict[str, Any]:
    """The execution role's rights, by name."""
    document = json.loads(recorder.inputs(ROLE_POLICY, "langgraph-execution")["policy"])
    return {one["Sid"]: one for one in document["Statement"]}


def test_container_insights_are_on() -> None:
    """Status and metrics come from there."""
    asked = made().inputs(CLUSTER)

    assert asked["settings"] == [{"name": "containerInsights", "value": "enabled"}]


def test_deployments_find_the_redis_image_on_the_cluster() -> None:
    """The account's owner decides what runs as the cache."""
    assert made().inputs(CLUSTER)["tags"][REDIS_IMAGE_TAG] == REDIS_IMAGE


def test_logs_have_an_end() -> None:
    """Thirty days unless told."""
    assert made().inputs("aws:cloudwatch/logGroup:LogGroup")["retentionInDays"] == 30


def test_the_execution_role_reads_only_tagged_secrets() -> None:
    """A secret that nobody has tagged for deployments stays closed, also to a task of ours."""
    reads = statements(made())["ReadTaggedSecrets"]

    assert reads["Action"] == ["secretsmanager:GetSecretValue"]
    assert reads["Condition"] == {
        "StringEquals": {"secretsmanager:ResourceTag/langgraph-cloud": "default"}
    }


def test_the_execution_role_pulls_only_agreed_images() -> None:
    """Named repositories, not all."""
    pulls = statements(made())["PullAgreedImages"]

    assert pulls["Resource"] == [
        "arn:aws:ecr:eu-west-1:222222222222:repository/agents",
        "arn:aws:ecr:eu-west-1:222222222222:repository/byoc/redis",
    ]


def test_roles_serve_only_tasks_of_this_account() -> None:
    """ECS cannot be talked into taking them for somebody else."""
    for role in made().of_type(ROLE):
        (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]

        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert trust["Condition"] == {
            "StringEquals": {"aws:SourceAccount": "222222222222"},
            "ArnLike": {"aws:SourceArn": "arn:aws:ecs:eu-west-1:222222222222:*"},
        }


READ = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}],
}
BEDROCK = "arn:aws:iam::aws:policy/AmazonBedrockLimitedAccess"
PLAIN = TaskRoleSpec(path="/")


def test_task_roles_have_no_rights_unless_given() -> None:
    """Whoever wants an application to reach AWS grants it on purpose."""
    recorder = made(task_roles={"default": PLAIN, "reader": TaskRoleSpec()})

    assert {one.name for one in recorder.of_type(ROLE)} == {
        "langgraph-execution",
        "langgraph-task-default",
        "langgraph-task-reader",
    }
    assert recorder.inputs(ROLE_POLICY)["role"] == "LangGraphCloudECSTaskExecutionRole"
    assert not recorder.of_type(ATTACHMENT)


def test_a_task_role_has_the_rights_that_its_owner_gave() -> None:
    """And no other role has them."""
    rich = TaskRoleSpec(managed_policy_arns=(BEDROCK,), policy=READ)
    recorder = made(task_roles={"default": PLAIN, "reader": rich})
    given = recorder.inputs(ROLE_POLICY, "langgraph-task-reader")
    attached = recorder.inputs(ATTACHMENT)

    assert given["role"] == attached["role"] == "LangGraphCloudTaskRole-reader"
    assert json.loads(given["policy"]) == READ
    assert attached["policyArn"] == BEDROCK


def test_task_roles_are_under_a_path_and_a_boundary() -> None:
    """All but `default` and what an earlier version made, whose names and paths stay."""
    roles = {"default": PLAIN, "reader": TaskRoleSpec(), "earlier": PLAIN}
    recorder = made(task_roles=roles)
    found = {one.name: one.inputs for one in recorder.of_type(ROLE)}

    assert found["langgraph-task-reader"]["path"] == "/langgraph-cloud/"
    assert found["langgraph-task-reader"]["permissionsBoundary"] == (
        "arn:aws:iam::222222222222:policy/LangGraphCloudTaskBoundary"
    )
    for name in ("default", "earlier"):
        assert not {"path", "permissionsBoundary"} & found[f"langgraph-task-{name}"].keys()
    assert not made(task_roles=roles, permissions_boundary_arn="arn:b").of_type(POLICY)


def test_deployments_are_told_by_the_clusters_tags() -> None:
    """What they cannot work out themselves, and nothing where there is nothing to say."""
    tracing = TracingSpec(endpoint="https://smith.example.com/api/v1")
    recorder = made(
        names=AccountNames.of("default", "eu-west-1", "us-east-1"),
        task_roles={"default": PLAIN, "reader": TaskRoleSpec()},
        platform_secrets=["LANGSMITH_API_KEY", "LANGGRAPH_CLOUD_LICENSE_KEY"],
        tracing=tracing,
    )
    told = {
        "byoc:platform-secrets": "LANGSMITH_API_KEY LANGGRAPH_CLOUD_LICENSE_KEY",
        "byoc:role-suffix": "-eu-west-1",
        "byoc:task-roles": "/default reader",
        "byoc:tracing-endpoint": tracing.endpoint,
    }

    assert told.items() <= recorder.inputs(CLUSTER)["tags"].items()
    assert set(made().inputs(CLUSTER)["tags"]) & told.keys() == {"byoc:task-roles"}


def test_the_boundary_is_on_every_role() -> None:
    """What the account's owner limits stays limited."""
    roles = made(permissions_boundary_arn="arn:boundary").of_type(ROLE)

    assert {one.inputs["permissionsBoundary"] for one in roles} == {"arn:boundary"}


def test_no_ingress_from_anywhere() -> None:
    """Nothing lets the internet in unless public ingress is asked for by name."""
    recorder = made()

    assert {one.inputs.get("cidrIpv4") for one in recorder.of_type(INGRESS)} == {
        None,
        "10.40.0.0/16",
    }
    assert "langgraph-lb-public" not in [one.name for one in recorder.of_type(GROUP)]


def test_public_ingress_opens_the_web_ports_of_one_group() -> None:
    """And no other."""
    open_rules = [
        (one.inputs["securityGroupId"], one.inputs["fromPort"])
        for one in made(public_ingress=True).of_type(INGRESS)
        if one.inputs.get("cidrIpv4") == "0.0.0.0/0"
    ]

    assert sorted(open_rules) == [("langgraph-lb-public-id", 80), ("langgraph-lb-public-id", 443)]


def test_applications_reach_no_database_that_is_not_named() -> None:
    """One rule of the applications' group for each range, and nothing wider."""
    asked = made(external_databases=[outside("10.9.0.0/16"), outside("172.20.1.4/32", port=6432)])
    usual = {one.name for one in made().of_type(EGRESS)}
    more = {
        one.name: (one.inputs["securityGroupId"], one.inputs["cidrIpv4"], one.inputs["toPort"])
        for one in asked.of_type(EGRESS)
        if one.name not in usual
    }

    assert more == {
        "langgraph-app-out-5432-10.9.0.0_16": ("langgraph-app-id", "10.9.0.0/16", 5432),
        "langgraph-app-out-6432-172.20.1.4_32": ("langgraph-app-id", "172.20.1.4/32", 6432),
    }
    assert len(asked.of_type(INGRESS)) == len(made().of_type(INGRESS))


def test_no_group_trusts_itself() -> None:
    """Deployments share groups, so a self rule would join them."""
    rules = [*made().of_type(INGRESS), *made().of_type(EGRESS)]

    assert rules
    for rule in rules:
        assert rule.inputs.get("referencedSecurityGroupId") != rule.inputs["securityGroupId"]


def test_each_layer_speaks_only_to_the_next() -> None:
    """Balancer to app, app to cache and database; databases start no conversation."""
    recorder = made()
    short = {f"langgraph-{role}-id": role for role in ("lb-internal", "app", "cache", "database")}

    def seen(type_: str) -> set[tuple[str, int, str]]:
        return {
            (
                short[one.inputs["securityGroupId"]],
                int(one.inputs["fromPort"]),
                one.inputs.get("cidrIpv4") or short[one.inputs["referencedSecurityGroupId"]],
            )
            for one in recorder.of_type(type_)
        }

    assert seen(INGRESS) == {
        ("lb-internal", 80, "10.40.0.0/16"),
        ("lb-internal", 443, "10.40.0.0/16"),
        ("app", 8000, "lb-internal"),
        ("cache", 6379, "app"),
        ("database", 5432, "app"),
    }
    assert seen(EGRESS) == {
        ("lb-internal", 8000, "app"),
        ("app", 6379, "cache"),
        ("app", 5432, "database"),
        ("app", 443, "0.0.0.0/0"),
        ("cache", 443, "0.0.0.0/0"),
    }


def test_service_linked_roles_stay() -> None:
    """Others in the account may have come to need them."""
    linked = made().of_type(LINKED)

    assert {one.inputs["awsServiceName"] for one in linked} == {
        "elasticloadbalancing.amazonaws.com",
        "rds.amazonaws.com",
        "ecs.amazonaws.com",
        "ecs.application-autoscaling.amazonaws.com",
    }
    assert all(one.options == {"retainOnDelete": True} for one in linked)


def test_service_linked_roles_that_exist_can_be_left_out() -> None:
    """By config, never by a look-up: the second run would delete them."""
    assert not made(create_service_linked_roles=[]).of_type(LINKED)


def test_a_range_that_is_not_known_yet_makes_rules_of_fixed_names() -> None:
    """The VPC's range is an output of the network."""
    recorder = record(
        lambda: Cluster(
            "langgraph", cluster_args(ingress_cidrs=[pulumi.Output.from_input("10.9.0.0/16")])
        )
    )

    assert recorder.inputs(INGRESS, "langgraph-lb-internal-in-80-range1")["cidrIpv4"] == (
        "10.9.0.0/16"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"redis_image": "redis:7"}, "redis_image: want an image by digest"),
        ({"log_retention_days": 31}, "log_retention_days: want one of 1, 3, 5, 7, 14, 30"),
        ({"ingress_cidrs": ["0.0.0.0/0"]}, "ingress_cidrs: want ranges of people you know"),
        ({"ingress_cidrs": ["10.0.0.1/8"]}, "ingress_cidrs: want IPv4 ranges"),
        ({"task_roles": {"a": TaskRoleSpec()}}, "task_roles: want default among them"),
        ({"repositories": ["a", "a"]}, "repositories: want each name once"),
        ({"create_service_linked_roles": ["s3"]}, "create_service_linked_roles: want one of"),
        (
            {"task_roles": {"default": PLAIN, "x" * 42: PLAIN}},
            "task_roles: want at most 64 characters",
        ),
        (
            {"task_roles": {"default": PLAIN, **{f"role-{n:03}": PLAIN for n in range(30)}}},
            "task_roles: want at most 256 characters",
        ),
        (
            {"names": AccountNames.of("i" * 20, "ap-southeast-1", "eu-west-1")},
            "installation: want at most 64 characters",
        ),
        (
            {"redis_image": f"{'r' * 200}@sha256:{'0' * 64}"},
            "redis_image: want at most 256 characters",
        ),
        ({"external_databases": [outside("0.0.0.0/0")]}, "external_databases: want ranges of /8"),
        ({"external_databases": [outside("8.0.0.0/7")]}, "external_databases: want ranges of /8"),
        ({"external_databases": [outside("db.internal")]}, "external_databases: want IPv4 ranges"),
        ({"external_databases": [outside("10.9.1.4/16")]}, "external_databases: want IPv4 ranges"),
        ({"external_databases": [outside("::/0")]}, "external_databases: want ranges of /8"),
        (
            {"external_databases": [outside("10.9.0.0/16", port=0)]},
            "external_databases: want ports from 1 to 65535, got 0",
        ),
        (
            {"external_databases": [outside("10.9.0.0/16")] * 2},
            "external_databases: want each name once",
        ),
        ({"egress_ports": [0]}, "egress_ports: want ports from 1 to 65535, got 0"),
        ({"egress_ports": [443, 443]}, "egress_ports: want each name once"),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        cluster_args(**changes)

    assert str(refused.value).startswith(message)


def test_an_installation_is_in_every_name() -> None:
    """Two installations of one account do not meet."""
    recorder = made(names=AccountNames("blue"))

    assert recorder.inputs(CLUSTER)["name"] == "langgraph-cloud-cluster-blue"
    assert recorder.inputs(ROLE, "langgraph-execution")["name"] == (
        "LangGraphCloudECSTaskExecutionRole-blue"
    )
    assert {one.inputs["name"].endswith("-blue") for one in recorder.of_type(GROUP)} == {True}
