"""A customer's network as it should be, in facts; tests change one thing at a time."""

from dataclasses import replace
from typing import Any

from byoc_infra.aws.egress import (
    ANYWHERE,
    Endpoint,
    NatGateway,
    Route,
    RouteTable,
    Subnet,
    Ways,
)
from byoc_infra.aws.network_rules import NetworkFacts, SubnetFacts, VpcFacts
from byoc_infra.naming import FARGATE_SERVICES
from byoc_infra.spec import ExistingNetworkSpec
from tests.support.recorder import ACCOUNT

__all__ = [
    "FACTS",
    "HERE",
    "ONE",
    "PUBLIC_ONE",
    "PUBLIC_TWO",
    "SPEC",
    "SUBNETS",
    "TWO",
    "VPC",
    "VPC_FACTS",
    "WAYS",
    "closed",
    "endpoints",
    "table",
]

ONE, TWO = "subnet-0000000a", "subnet-0000000b"
PUBLIC_ONE, PUBLIC_TWO = "subnet-000000aa", "subnet-000000bb"
VPC = "vpc-00000001"
SPEC = ExistingNetworkSpec(
    vpc_id=VPC, private_subnet_ids=(ONE, TWO), public_subnet_ids=(PUBLIC_ONE, PUBLIC_TWO)
)
HERE = Subnet(id=ONE, zone="eu-west-1a", cidr="10.1.0.0/24")
VPC_FACTS = VpcFacts(id=VPC, owner_id=ACCOUNT, cidrs=("10.1.0.0/16",))


def subnet(id_: str, zone: str, number: int, **changes: Any) -> SubnetFacts:
    """A subnet of the VPC with room."""
    facts = SubnetFacts(
        id=id_,
        vpc_id=VPC,
        zone=f"eu-west-1{zone}",
        cidr=f"10.1.{number}.0/24",
        free_addresses=200,
    )
    return replace(facts, **changes)


SUBNETS = {
    one.id: one
    for one in (
        subnet(ONE, "a", 0),
        subnet(TWO, "b", 1),
        subnet(PUBLIC_ONE, "a", 10),
        subnet(PUBLIC_TWO, "b", 11),
    )
}


def table(id_: str, target: str | None, *subnets: str, **changes: Any) -> RouteTable:
    """A table with a default route to `target`."""
    routes = [Route(destination="10.1.0.0/16", target="local")]
    if target is not None:
        active = changes.pop("active", True)
        routes.append(Route(destination=ANYWHERE, target=target, active=active))
    return RouteTable(id=id_, routes=tuple(routes), subnet_ids=frozenset(subnets), **changes)


PUBLIC_TABLE = table("rtb-public", "igw-1", PUBLIC_ONE, PUBLIC_TWO)
WAYS = Ways(
    tables=(table("rtb-main", "nat-1", main=True), PUBLIC_TABLE),
    nat_gateways={"nat-1": NatGateway()},
)
FACTS = NetworkFacts(vpc=VPC_FACTS, subnets=SUBNETS, ways=WAYS)


def endpoints(*words: str, **changes: Any) -> tuple[Endpoint, ...]:
    """Endpoints of these services in both zones, or of all that Fargate needs."""
    usual: dict[str, Any] = {"zones": frozenset({"eu-west-1a", "eu-west-1b"})}
    return tuple(
        Endpoint(id="vpce-s3", service="s3", kind="Gateway", table_ids=frozenset({"rtb-main"}))
        if word == "s3"
        else Endpoint(id=f"vpce-{word}", service=word, kind="Interface", **{**usual, **changes})
        for word in words or FARGATE_SERVICES
    )


def closed(*found: Endpoint, target: str | None = None, active: bool = True) -> Ways:
    """Subnets on a main table that leads nowhere, with these endpoints."""
    main = (
        table("rtb-main", target, main=True, active=active)
        if target
        else table("rtb-main", None, main=True)
    )
    return Ways(tables=(main, PUBLIC_TABLE), endpoints=found)
