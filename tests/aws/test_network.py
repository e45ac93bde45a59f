"""What is read of a customer's network, against moto."""

from typing import Any

import pytest

from byoc_infra.aws.egress import Subnet, way_out
from byoc_infra.aws.network import look_at
from byoc_infra.aws.session import Session
from byoc_infra.spec import ExistingNetworkSpec

REGION = "com.amazonaws.eu-west-1"
PRIVATE = {"a": "10.5.0.0/24", "b": "10.5.1.0/24"}


class Place:
    """A customer's VPC with two subnets on the main route table."""

    def __init__(self, session: Session) -> None:
        self.ec2: Any = session.client("ec2")
        self.session = session
        self.vpc = self.ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=f"eu-west-1{zone}"
            )["Subnet"]["SubnetId"]
            for zone, cidr in PRIVATE.items()
        ]
        mine = [{"Name": "vpc-id", "Values": [self.vpc]}]
        (self.main,) = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        self.main = self.main["RouteTableId"]

    @property
    def spec(self) -> ExistingNetworkSpec:
        """The setting that names it."""
        return ExistingNetworkSpec(vpc_id=self.vpc, private_subnet_ids=tuple(self.subnets))

    def lead(self, **target: str) -> None:
        """Give the main table a default route."""
        self.ec2.create_route(RouteTableId=self.main, DestinationCidrBlock="0.0.0.0/0", **target)

    def way(self, number: int = 0) -> str:
        """Where a subnet leads."""
        facts = look_at(self.session, self.spec)
        one = facts.subnets[self.subnets[number]]
        way = way_out(facts.ways, Subnet(id=one.id, zone=one.zone, cidr=one.cidr))
        return way.kind if way.kind != "none" else f"{way.route}; {','.join(way.missing)}"

    def interface(self) -> str:
        """A network interface in the second subnet."""
        made = self.ec2.create_network_interface(SubnetId=self.subnets[1])
        return str(made["NetworkInterface"]["NetworkInterfaceId"])


@pytest.fixture
def place(session: Session) -> Place:
    """In an empty account."""
    return Place(session)


def test_what_is_not_there_is_told_as_that(session: Session) -> None:
    """No error of AWS's: the rules have the words."""
    spec = ExistingNetworkSpec(
        vpc_id="vpc-0123abcd", private_subnet_ids=("subnet-0123abcd", "subnet-0123abce")
    )

    assert look_at(session, spec).vpc is None


def test_the_vpc_and_its_subnets_are_read(place: Place) -> None:
    """With attributes, ranges, tags and room; a subnet that is not there is left out."""
    place.ec2.associate_vpc_cidr_block(VpcId=place.vpc, CidrBlock="10.6.0.0/16")
    place.ec2.create_tags(Resources=[place.vpc], Tags=[{"Key": "team", "Value": "x"}])
    place.subnets.append("subnet-0123abcd")
    facts = look_at(place.session, place.spec)

    assert facts.vpc is not None
    assert facts.vpc.cidrs == ("10.5.0.0/16", "10.6.0.0/16")
    assert (facts.vpc.dns_support, facts.vpc.dns_hostnames) == (True, False)
    assert facts.vpc.owner_id == place.session.identity().account_id
    assert facts.vpc.tags == {"team": "x"}
    assert set(facts.subnets) == set(place.subnets[:2])
    assert facts.subnets[place.subnets[0]].free_addresses == 251
    assert facts.subnets[place.subnets[1]].zone == "eu-west-1b"


def test_nothing_leads_out_of_a_new_vpc(place: Place) -> None:
    """Every service is missing."""
    assert place.way() == "no default route; s3,ecr.api,ecr.dkr,logs,secretsmanager"


def test_a_nat_gateway_leads_out_while_it_is_there(place: Place) -> None:
    """The subnets inherit the main table's route; a private one or a deleted one is none."""
    made = [
        place.ec2.create_nat_gateway(SubnetId=place.subnets[0], ConnectivityType=kind)
        for kind in ("public", "private")
    ]
    public, private = (one["NatGateway"]["NatGatewayId"] for one in made)
    place.lead(NatGatewayId=public)
    assert place.way() == "internet"
    place.ec2.replace_route(
        RouteTableId=place.main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=private
    )
    assert place.way().startswith(f"a default route to the private NAT gateway {private}")
    place.ec2.delete_nat_gateway(NatGatewayId=public)
    place.ec2.replace_route(
        RouteTableId=place.main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=public
    )

    assert place.way().startswith(f"a default route to the NAT gateway {public}, which is not")


def test_an_internet_gateway_is_told_apart(place: Place) -> None:
    """A private subnet must not have one."""
    gateway = place.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    place.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=place.vpc)
    place.lead(GatewayId=gateway)

    assert place.way() == "internet gateway"


def test_transit_and_virtual_gateways_lead_out(place: Place) -> None:
    """What lies behind them is the owner's network."""
    transit = place.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    virtual = place.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    place.ec2.attach_vpn_gateway(VpcId=place.vpc, VpnGatewayId=virtual)
    place.lead(TransitGatewayId=transit)
    own = place.ec2.create_route_table(VpcId=place.vpc)["RouteTable"]["RouteTableId"]
    place.ec2.create_route(RouteTableId=own, DestinationCidrBlock="0.0.0.0/0", GatewayId=virtual)
    place.ec2.associate_route_table(RouteTableId=own, SubnetId=place.subnets[1])

    assert (place.way(0), place.way(1)) == ("internet", "internet")


def test_a_nat_instance_leads_out_once_it_forwards(place: Place) -> None:
    """Its source/destination check is off."""
    interface = place.interface()
    place.lead(NetworkInterfaceId=interface)
    assert place.way().startswith(f"a default route to {interface}, whose source/destination")
    place.ec2.modify_network_interface_attribute(
        NetworkInterfaceId=interface, SourceDestCheck={"Value": False}
    )

    assert place.way() == "internet"


def test_a_peering_does_not_lead_out(place: Place) -> None:
    """Peered networks pass nothing on."""
    peer = place.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    made = place.ec2.create_vpc_peering_connection(VpcId=place.vpc, PeerVpcId=peer)
    peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    place.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    place.lead(VpcPeeringConnectionId=peering)

    assert place.way().startswith(f"a default route to {peering}, which is no way out")


def test_endpoints_count_with_their_groups_zones_and_tables(place: Place) -> None:
    """Each of the five, in the zone of the subnet, with 443 open to it."""
    group = place.ec2.create_security_group(
        GroupName="endpoints", Description="x", VpcId=place.vpc
    )["GroupId"]
    place.ec2.create_vpc_endpoint(
        VpcId=place.vpc,
        ServiceName=f"{REGION}.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[place.main],
    )
    for word in ("ecr.api", "ecr.dkr", "logs", "secretsmanager"):
        place.ec2.create_vpc_endpoint(
            VpcId=place.vpc,
            ServiceName=f"{REGION}.{word}",
            VpcEndpointType="Interface",
            SubnetIds=place.subnets if word == "logs" else place.subnets[:1],
            SecurityGroupIds=[group],
            PrivateDnsEnabled=True,
        )
    assert place.way() == "no default route; ecr.api,ecr.dkr,logs,secretsmanager"
    place.ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 400,
                "ToPort": 500,
                "IpRanges": [{"CidrIp": "10.5.0.0/16"}],
            }
        ],
    )

    assert place.way(0) == "endpoints"
    assert place.way(1) == "no default route; ecr.api,ecr.dkr,secretsmanager"
