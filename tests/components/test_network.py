"""What a Network asks of AWS."""

import json
from typing import Any

import pytest

from byoc_infra.components import Network
from byoc_infra.errors import SpecError
from byoc_infra.naming import ENABLED_TAG, PRIVATE_TAG
from tests.support.examples import network_args
from tests.support.recorder import maker

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
NAT = "aws:ec2/natGateway:NatGateway"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"

made = maker(Network, "net", network_args)


def test_subnets_lie_in_two_zones_or_more() -> None:
    """Each kind has one in each zone."""
    zones = [
        (one.inputs["tags"][PRIVATE_TAG], one.inputs["availabilityZone"])
        for one in made().of_type(SUBNET)
    ]

    assert sorted(zones) == [
        ("0", "eu-west-1a"),
        ("0", "eu-west-1b"),
        ("1", "eu-west-1a"),
        ("1", "eu-west-1b"),
    ]


def test_the_seeds_tags_are_on_vpc_and_subnets() -> None:
    """The control plane finds them by these."""
    recorder = made()

    assert recorder.inputs(VPC)["tags"][ENABLED_TAG] == "1"
    assert {one.inputs["tags"][ENABLED_TAG] for one in recorder.of_type(SUBNET)} == {"1"}


def test_private_subnets_go_out_through_nat_only() -> None:
    """Only public subnets have a route to the internet gateway."""
    recorder = made()
    private, public = recorder.inputs(ROUTE, "net-private"), recorder.inputs(ROUTE, "net-public")
    tables = {
        one.inputs["subnetId"]: one.inputs["routeTableId"] for one in recorder.of_type(ASSOCIATION)
    }

    assert private["natGatewayId"] == "net-nat-id"
    assert "gatewayId" not in private
    assert public["gatewayId"] == "net-id"
    assert tables == {
        "net-private-eu-west-1a-id": "net-private-id",
        "net-private-eu-west-1b-id": "net-private-id",
        "net-public-eu-west-1a-id": "net-public-id",
        "net-public-eu-west-1b-id": "net-public-id",
    }


def test_each_zone_has_its_own_way_out_where_that_is_asked() -> None:
    """Its NAT gateway stands in its own public subnet, its private subnet leads there."""
    recorder = made(nat="per_zone")
    routes = {
        one.inputs["routeTableId"]: one.inputs["natGatewayId"]
        for one in recorder.of_type(ROUTE)
        if "natGatewayId" in one.inputs
    }
    stands = {one.name: one.inputs["subnetId"] for one in recorder.of_type(NAT)}
    tables = {
        one.inputs["subnetId"]: one.inputs["routeTableId"] for one in recorder.of_type(ASSOCIATION)
    }

    assert stands == {
        "net-nat": "net-public-eu-west-1a-id",
        "net-nat-eu-west-1b": "net-public-eu-west-1b-id",
    }
    assert routes[tables["net-private-eu-west-1a-id"]] == "net-nat-id"
    assert routes[tables["net-private-eu-west-1b-id"]] == "net-nat-eu-west-1b-id"


def test_without_nat_private_subnets_reach_aws_only() -> None:
    """No default route, and what Fargate needs through endpoints that answer to AWS's names."""
    recorder = made(nat="none")
    endpoints = {
        one.inputs["serviceName"].removeprefix("com.amazonaws.eu-west-1."): one.inputs
        for one in recorder.of_type(ENDPOINT)
    }
    interfaces = [one for word, one in endpoints.items() if word != "s3"]
    group = recorder.inputs("aws:ec2/securityGroup:SecurityGroup")
    rule = recorder.inputs("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")

    assert [one.name for one in recorder.of_type(ROUTE)] == ["net-public"]
    assert recorder.of_type(NAT) == []
    assert set(endpoints) == {"s3", "ecr.api", "ecr.dkr", "logs", "secretsmanager"}
    assert endpoints["s3"]["routeTableIds"] == ["net-private-id"]
    for one in interfaces:
        assert one["privateDnsEnabled"] is True
        assert one["subnetIds"] == ["net-private-eu-west-1a-id", "net-private-eu-west-1b-id"]
        assert one["securityGroupIds"] == ["net-endpoints-id"]
    assert group["name"] == "langgraph-cloud-endpoints"
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.40.0.0/16", 443, 443)
    assert not recorder.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")


def test_endpoints_serve_this_account_only() -> None:
    """Nobody else's keys carry data out; of S3 also only own buckets, and the image layers."""
    policies = {
        one.name: json.loads(one.inputs["policy"])["Statement"]
        for one in made(nat="none").of_type(ENDPOINT)
    }
    layers, own = policies.pop("net-s3")

    assert layers["Resource"] == ["arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*"]
    assert layers["Action"] == ["s3:GetObject"]
    assert own["Condition"]["StringEquals"] == {
        "aws:PrincipalAccount": "222222222222",
        "aws:ResourceAccount": "222222222222",
    }
    assert len(policies) == 4
    for (one,) in policies.values():
        assert one["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "222222222222"}}


@pytest.mark.parametrize(("before", "after"), [("none", "one"), ("one", "per_zone")])
def test_a_change_of_nat_keeps_what_is_there(before: str, after: str) -> None:
    """More ways out add to what there is; nothing that stays has other replacing inputs."""
    replacing = {"vpcId", "subnetId", "allocationId", "routeTableId", "destinationCidrBlock"}
    older, newer = (
        {
            one.id: {key: one.inputs[key] for key in replacing & one.inputs.keys()}
            for one in made(nat=mode).resources
            if one.type != ASSOCIATION  # its table changes in place
        }
        for mode in (before, after)
    )
    gone = {id_ for id_ in older if id_ not in newer}

    assert {id_: newer[id_] for id_ in older if id_ in newer} == {
        id_: inputs for id_, inputs in older.items() if id_ not in gone
    }
    assert {id_.partition("::")[2] for id_ in gone} <= {
        *("net-s3", "net-ecr-api", "net-ecr-dkr", "net-logs", "net-secretsmanager"),
        *("net-endpoints", "net-endpoints-in-443"),
    }


def test_flow_logs_tell_of_all_traffic_and_have_an_end() -> None:
    """Only the flow logs of this account may write, and only to their group."""
    recorder = made()
    flow, role = recorder.inputs(FLOW_LOG), recorder.inputs(ROLE)
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    (rights,) = json.loads(recorder.inputs("aws:iam/rolePolicy:RolePolicy")["policy"])["Statement"]

    assert (flow["trafficType"], flow["vpcId"]) == ("ALL", "net-id")
    assert flow["iamRoleArn"] == "arn:aws:iam::222222222222:role/LangGraphCloudFlowLogRole"
    assert recorder.inputs(LOG_GROUP)["retentionInDays"] == 90
    assert trust["Principal"] == {"Service": "vpc-flow-logs.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "222222222222"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ec2:eu-west-1:222222222222:vpc-flow-log/*"},
    }
    assert rights["Resource"] == [
        "arn:aws:logs:eu-west-1:222222222222:log-group:/aws/vpc/langgraph-cloud:*"
    ]
    assert "aws:iam/rolePolicy:RolePolicy::net-flow-logs" in recorder.only(FLOW_LOG).depends_on


def test_flow_logs_can_be_left_out() -> None:
    """With all that belongs to them; a boundary is on their role where one is given."""
    recorder = made(flow_logs=False)
    bound = made(permissions_boundary_arn="arn:aws:iam::222222222222:policy/edge")

    assert not [one for kind in (FLOW_LOG, LOG_GROUP, ROLE) for one in recorder.of_type(kind)]
    assert bound.inputs(ROLE)["permissionsBoundary"] == "arn:aws:iam::222222222222:policy/edge"


def test_no_subnet_gives_out_public_addresses() -> None:
    """Not even the public ones: balancers do not need it."""
    given = {one.inputs["mapPublicIpOnLaunch"] for one in made().of_type(SUBNET)}

    assert given == {False}


def test_the_default_security_group_is_closed() -> None:
    """AWS opens it to itself and outwards; here it has no rule."""
    asked = made().inputs("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")

    assert asked["ingress"] == []
    assert asked["egress"] == []


def test_names_resolve_inside() -> None:
    """Cloud Map and RDS need both switches."""
    asked = made().inputs(VPC)

    assert asked["enableDnsSupport"] is True
    assert asked["enableDnsHostnames"] is True


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cidr": "8.8.0.0/16"}, "cidr: want a private range"),
        ({"cidr": "172.32.0.0/16"}, "cidr: want a private range"),
        ({"cidr": "10.0.0.0/25"}, "cidr: want a range from /16 to /24, got 10.0.0.0/25"),
        ({"cidr": "10.0.0.0/15"}, "cidr: want a range from /16 to /24, got 10.0.0.0/15"),
        ({"cidr": "10.0.0.1/16"}, "cidr: want an IPv4 range"),
        ({"cidr": "home"}, "cidr: want an IPv4 range"),
        ({"zones": ["eu-west-1a"]}, "zones: want 2 to 6 availability zones, got eu-west-1a"),
        ({"zones": []}, "zones: want 2 to 6 availability zones, got none"),
        ({"zones": ["eu-west-1a"] * 2}, "zones: want each name once, got 'eu-west-1a' twice"),
        (
            {"private_cidrs": ["10.40.0.0/20", "10.40.8.0/21"]},
            "private_cidrs: want subnets that do not overlap, got 10.40.0.0/20 and 10.40.8.0/21",
        ),
        (
            {"private_cidrs": ["10.40.128.0/20", "10.40.0.0/20"]},
            "public_cidrs: want subnets that do not overlap",
        ),
        ({"private_cidrs": ["10.40.0.0/20"]}, "private_cidrs: want one range a zone (2), got 1"),
        (
            {"public_cidrs": ["10.41.0.0/20", "10.40.16.0/20"]},
            "public_cidrs: want ranges inside 10.40.0.0/16, /27 or larger, got 10.41.0.0/20",
        ),
        (
            {"public_cidrs": ["10.40.0.0/28", "10.40.0.16/28"]},
            "public_cidrs: want ranges inside 10.40.0.0/16, /27 or larger, got 10.40.0.0/28",
        ),
        ({"nat": "two"}, "nat: want one of none, one, per_zone, got 'two'"),
        ({"flow_log_retention_days": 31}, "flow_log_retention_days: want one of 1, 3, 5"),
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        network_args(**changes)

    assert str(refused.value).startswith(message)
