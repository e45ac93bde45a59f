"""Check refuses what cannot work and fills in what the program left out."""

from typing import Any

import pytest

from byoc_infra.local.provider.check import Naming, Settings, check
from byoc_infra.local.provider.properties import UNKNOWN, Props
from byoc_infra.local.provider.registry import RESOURCES

SETTINGS = Settings(region="eu-west-1", default_tags={"team": "x"})


def refused(token: str, inputs: Props) -> dict[str, str]:
    """Path → reason of every refusal."""
    naming = Naming("thing", b"seed")
    result, failures = check(token, {}, inputs, settings=SETTINGS, naming=naming)
    return {f.path: f.reason for f in [*failures, *RESOURCES[token].refusals(result)]}


def accepted(token: str, inputs: Props, olds: Props | None = None, **naming: Any) -> Props:
    """The checked inputs."""
    result, failures = check(
        token, olds or {}, inputs, settings=SETTINGS, naming=Naming("thing", b"seed", **naming)
    )
    assert failures == []
    return result


VPC = "aws:ec2/vpc:Vpc"
GROUP = "aws:lb/targetGroup:TargetGroup"
TARGETS = {"port": 80, "protocol": "HTTP", "vpcId": "vpc-1"}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (VPC, {"cidrBlok": "10.0.0.0/16"}, "cidrBlok", "did you mean 'cidrBlock'"),
        (VPC, {"enableDnsSupport": "perhaps"}, "enableDnsSupport", "expected a boolean"),
        (VPC, {"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "expected"),
        (VPC, {"instanceTenancy": "shared"}, "instanceTenancy", "one of"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "x"}, "vpcId", "missing required"),
        ("aws:iam/role:Role", {}, "assumeRolePolicy", "missing required"),
        (
            "aws:iam/role:Role",
            {"assumeRolePolicy": "{}", "name": "a", "namePrefix": "b"},
            "namePrefix",
            "conflicts with 'name'",
        ),
        (
            "aws:iam/role:Role",
            {"assumeRolePolicy": "{}", "maxSessionDuration": 99999},
            "maxSessionDuration",
            "3600 to 43200",
        ),
        (
            "aws:ec2/route:Route",
            {"routeTableId": "r", "destinationCidrBlock": "0.0.0.0/0"},
            "gatewayId",
            "exactly one of",
        ),
        (
            "aws:lb/listener:Listener",
            {"loadBalancerArn": "x", "defaultActions": [{"typ": "forward"}]},
            "defaultActions[0].typ",
            "did you mean 'type'",
        ),
        (
            "aws:lb/loadBalancer:LoadBalancer",
            {"name": "internal-x", "subnets": ["a"]},
            "name",
            "expected",
        ),
        (
            "aws:lb/loadBalancer:LoadBalancer",
            {"name": "x", "subnets": ["a"], "accessLogs": {"bucket": "b", "enabled": True}},
            "accessLogs",
            "does not model",
        ),
        (GROUP, {"name": "x" * 33, **TARGETS}, "name", "expected"),
        (GROUP, {"name": "x", "port": 80, "protocol": "HTTP"}, "vpcId", "required unless"),
        (
            GROUP,
            {**TARGETS, "healthCheck": {"protocol": "TCP", "path": "/"}},
            "healthCheck.path",
            "not for TCP",
        ),
        ("aws:rds/subnetGroup:SubnetGroup", {"name": "Big", "subnetIds": []}, "name", "expected"),
        (
            "aws:rds/instance:Instance",
            {"instanceClass": "db.t4g.micro"},
            "username",
            "required unless",
        ),
        (
            "aws:rds/instance:Instance",
            {"instanceClass": "x", "password": "p", "manageMasterUserPassword": True},
            "manageMasterUserPassword",
            "conflicts with 'password'",
        ),
        (
            "aws:secretsmanager/secret:Secret",
            {"recoveryWindowInDays": 3},
            "recoveryWindowInDays",
            "one",
        ),
        (
            "aws:secretsmanager/secretRotation:SecretRotation",
            {"secretId": "x", "rotationRules": {"duration": "3h"}},
            "rotationRules",
            "exactly one of",
        ),
        ("aws:kms/key:Key", {"rotationPeriodInDays": 90}, "rotationPeriodInDays", "needs"),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 31}, "retentionInDays", "one of"),
    ],
)
def test_bad_inputs_are_refused_by_name(token: str, inputs: Props, path: str, words: str) -> None:
    """Each refusal names the input and says what was wanted."""
    reasons = refused(token, inputs)

    assert path in reasons
    assert words in reasons[path]


def test_a_refusal_never_shows_a_secret() -> None:
    """A password that conflicts is named, not printed."""
    inputs = {"instanceClass": "x", "password": "hunter2", "manageMasterUserPassword": True}

    assert "hunter2" not in str(refused("aws:rds/instance:Instance", inputs))


def test_defaults_region_and_tags_are_filled_in_and_listed() -> None:
    """What the program left out is in the inputs and in `__defaults` (rules 3 and 4)."""
    inputs = accepted(VPC, {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})

    assert inputs == {
        "cidrBlock": "10.0.0.0/16",
        "enableDnsSupport": True,
        "instanceTenancy": "default",
        "region": "eu-west-1",
        "tags": {"a": "b"},
        "tagsAll": {"team": "x", "a": "b"},
        "__defaults": ["enableDnsSupport", "instanceTenancy", "region"],
    }


def test_an_own_default_is_not_listed() -> None:
    """A value that the program gives is the program's, even if it is the default."""
    inputs = accepted(VPC, {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": True})

    assert inputs["__defaults"] == ["instanceTenancy", "region"]


def test_nested_defaults_are_filled_only_in_blocks_that_are_given() -> None:
    """A health check gets its interval; no health check stays none."""
    assert accepted(GROUP, {**TARGETS, "healthCheck": {"path": "/ok"}})["healthCheck"] == {
        "path": "/ok",
        "enabled": True,
        "interval": 30,
        "healthyThreshold": 3,
        "unhealthyThreshold": 3,
        "port": "traffic-port",
        "protocol": "HTTP",
    }
    assert "healthCheck" not in accepted(GROUP, TARGETS)


def test_iam_has_no_region() -> None:
    """IAM is global (rule 3)."""
    assert "region" not in accepted("aws:iam/role:Role", {"assumeRolePolicy": "{}"})


@pytest.mark.parametrize(
    ("token", "inputs", "name", "start"),
    [
        ("aws:ecs/cluster:Cluster", {}, "name", "thing-"),
        ("aws:kms/alias:Alias", {"targetKeyId": "k"}, "name", "alias/thing-"),
    ],
)
def test_a_resource_without_a_name_gets_one_and_keeps_it(
    token: str, inputs: Props, name: str, start: str
) -> None:
    """Logical name, hyphen, seven hex digits; later checks keep it (rule 5)."""
    first = accepted(token, inputs)
    later = accepted(token, inputs, first)

    assert first[name].startswith(start)
    assert len(first[name]) == len(start) + 7
    assert later[name] == first[name]
    assert name in first["__defaults"]


def test_an_automatic_name_that_is_too_long_is_refused() -> None:
    """Nothing is cut (rule 5)."""
    naming = Naming("x" * 30, b"seed")

    _, failures = check(GROUP, {}, TARGETS, settings=SETTINGS, naming=naming)

    assert [failure.path for failure in failures] == ["name", "name"]
    assert "longer than 32" in failures[0].reason


def test_the_stacks_own_naming_is_obeyed() -> None:
    """`pulumi:autonaming` proposes a name, or forbids automatic ones."""
    assert accepted("aws:ecs/cluster:Cluster", {}, proposed="mine")["name"] == "mine"
    _, failures = check(
        "aws:ecs/cluster:Cluster",
        {},
        {},
        settings=SETTINGS,
        naming=Naming("thing", disabled=True),
    )
    assert [failure.path for failure in failures] == ["name"]


def test_what_is_unknown_is_not_refused() -> None:
    """At preview a value may come later; names are still checked."""
    assert accepted(VPC, {"cidrBlock": UNKNOWN})["cidrBlock"] is UNKNOWN
    assert "cidrBlok" in refused(VPC, {"cidrBlok": UNKNOWN})


def test_scalars_are_turned_round() -> None:
    """As the bridge does: "80" is a port, 256 is a cpu."""
    task = {"family": "x", "containerDefinitions": "[]", "cpu": 256}

    assert accepted(GROUP, {**TARGETS, "port": "80"})["port"] == 80
    assert accepted("aws:ecs/taskDefinition:TaskDefinition", task)["cpu"] == "256"
