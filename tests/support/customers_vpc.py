"""A customer's own VPC, which an account stack may adopt."""

from collections.abc import Mapping
from typing import Any

from byoc_infra.aws.network import look_at
from byoc_infra.aws.network_rules import check_network
from byoc_infra.aws.session import Session
from byoc_infra.naming import FARGATE_SERVICES, Place
from byoc_infra.spec import ExistingNetworkSpec, parse

__all__ = ["OWN_TAGS", "CustomersVpc"]

ANYWHERE = "0.0.0.0/0"
OWN_TAGS = {"team": "platform", "Name": "customers"}


class CustomersVpc:
    """A VPC as a customer's administrator makes one: two private and two public subnets."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.ec2: Any = session.client("ec2")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.private = [self._subnet(n, zone) for n, zone in enumerate("ab")]
        self.public = [self._subnet(n + 10, zone) for n, zone in enumerate("ab")]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.table(self.public, GatewayId=self.gateway)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=self.public[0], AllocationId=address)
        self.nat = made["NatGateway"]["NatGatewayId"]
        mine = [
            {"Name": "vpc-id", "Values": [self.vpc]},
            {"Name": "association.main", "Values": ["true"]},
        ]
        (main,) = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        self.main = main["RouteTableId"]
        self.lead(self.main, NatGatewayId=self.nat)
        self.own(self.vpc, *self.private, *self.public)

    def _subnet(self, number: int, zone: str) -> str:
        made = self.ec2.create_subnet(
            VpcId=self.vpc,
            CidrBlock=f"10.60.{number}.0/24",
            AvailabilityZone=f"{self.session.region}{zone}",
        )
        return str(made["Subnet"]["SubnetId"])

    def own(self, *ids: str) -> None:
        """Put the customer's own tags on."""
        tags = [{"Key": key, "Value": value} for key, value in OWN_TAGS.items()]
        self.ec2.create_tags(Resources=list(ids), Tags=tags)

    def table(self, subnets: list[str], **target: str) -> str:
        """A route table of these subnets that leads there."""
        made = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=made, SubnetId=subnet)
        self.lead(made, **target)
        return str(made)

    def lead(self, table: str, **target: str) -> None:
        """A default route."""
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=ANYWHERE, **target)

    def turn(self, **target: str) -> None:
        """Lead the main table, which the private subnets inherit, elsewhere."""
        self.ec2.replace_route(RouteTableId=self.main, DestinationCidrBlock=ANYWHERE, **target)

    def endpoints_instead(self) -> None:
        """Take the way to the internet away, and give AWS's endpoints."""
        self.ec2.delete_route(RouteTableId=self.main, DestinationCidrBlock=ANYWHERE)
        group = self.ec2.create_security_group(
            GroupName="endpoints", Description="x", VpcId=self.vpc
        )["GroupId"]
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
        inside = {**rule, "IpRanges": [{"CidrIp": "10.60.0.0/16"}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[inside])
        gateway = {"VpcEndpointType": "Gateway", "RouteTableIds": [self.main]}
        interface = {
            "VpcEndpointType": "Interface",
            "SubnetIds": self.private,
            "SecurityGroupIds": [group],
            "PrivateDnsEnabled": True,
        }
        for word in FARGATE_SERVICES:
            self.ec2.create_vpc_endpoint(
                VpcId=self.vpc,
                ServiceName=f"com.amazonaws.{self.session.region}.{word}",
                **(gateway if word == "s3" else interface),
            )

    def peering(self) -> str:
        """A connection with another VPC, accepted."""
        other = self.ec2.create_vpc(CidrBlock="10.61.0.0/16")["Vpc"]["VpcId"]
        made = self.ec2.create_vpc_peering_connection(VpcId=self.vpc, PeerVpcId=other)
        peering = made["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        self.ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        return str(peering)

    def tags(self) -> dict[str, dict[str, str]]:
        """What is on the VPC and each subnet."""
        found: dict[str, dict[str, str]] = {}
        for id_ in (self.vpc, *self.private, *self.public):
            where = [{"Name": "resource-id", "Values": [id_]}]
            listed = self.ec2.describe_tags(Filters=where)["Tags"]
            found[id_] = {one["Key"]: one["Value"] for one in listed}
        return found

    def setting(self, **changes: Any) -> dict[str, Any]:
        """What the account file says of it."""
        return {
            "vpc_id": self.vpc,
            "private_subnet_ids": self.private,
            "public_subnet_ids": self.public,
            **changes,
        }

    def judged(self, setting: Mapping[str, Any]) -> None:
        """What the account program does before it registers anything."""
        asked = parse(ExistingNetworkSpec, dict(setting))
        place = Place(self.session.identity().account_id, self.session.region)
        facts = look_at(self.session, asked)
        check_network(facts, asked, place=place, installation="adopted")
