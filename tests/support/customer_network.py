"""A VPC that somebody made without this project: two private subnets, and a NAT gateway."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from byoc_infra.aws.session import Session

__all__ = ["CIDR", "customer_network"]

CIDR = "10.80.0.0/16"
ANYWHERE = {"DestinationCidrBlock": "0.0.0.0/0"}


@contextmanager
def customer_network(session: Session, region: str) -> Iterator[dict[str, Any]]:
    """Its ids, in an example's words; afterwards it is gone."""
    ask: Callable[..., dict[str, Any]] = session.ask
    with ExitStack() as undo:

        def made(noun: str, key: str, **asked: Any) -> str:
            """One object's id; its end is asked for when everything after it has ended."""
            answer = ask("ec2", f"create_{noun}", **asked)
            found = str(answer[key.removesuffix("Id")][key])
            undo.callback(ask, "ec2", f"delete_{noun}", **{key: found})
            return found

        def associated(table: str, subnet: str) -> None:
            answer = ask("ec2", "associate_route_table", RouteTableId=table, SubnetId=subnet)
            one = {"AssociationId": answer["AssociationId"]}
            undo.callback(ask, "ec2", "disassociate_route_table", **one)

        vpc = made("vpc", "VpcId", CidrBlock=CIDR)
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            ask("ec2", "modify_vpc_attribute", VpcId=vpc, **{attribute: {"Value": True}})
        gateway = made("internet_gateway", "InternetGatewayId")
        ask("ec2", "attach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
        undo.callback(ask, "ec2", "detach_internet_gateway", InternetGatewayId=gateway, VpcId=vpc)
        subnets = [
            made(
                "subnet",
                "SubnetId",
                VpcId=vpc,
                CidrBlock=f"10.80.{number}.0/24",
                AvailabilityZone=f"{region}{zone}",
            )
            for number, zone in enumerate("aba")
        ]
        public = subnets.pop()
        out = made("route_table", "RouteTableId", VpcId=vpc)
        ask("ec2", "create_route", RouteTableId=out, GatewayId=gateway, **ANYWHERE)
        associated(out, public)
        address = ask("ec2", "allocate_address", Domain="vpc")["AllocationId"]
        undo.callback(ask, "ec2", "release_address", AllocationId=address)
        nat = made("nat_gateway", "NatGatewayId", SubnetId=public, AllocationId=address)
        inside = made("route_table", "RouteTableId", VpcId=vpc)
        ask("ec2", "create_route", RouteTableId=inside, NatGatewayId=nat, **ANYWHERE)
        for subnet in subnets:
            associated(inside, subnet)
        yield {"vpc_id": vpc, "vpc_cidr": CIDR, "private_subnet_ids": subnets}
