"""What a Network asks of AWS."""

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
    ],
)
def test_bad_input_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    """The message names the field, what is wanted and what was given."""
    with pytest.raises(SpecError) as refused:
        network_args(**changes)

    assert str(refused.value).startswith(message)
