"""Where a subnet leads: to the internet, to what Fargate needs by VPC endpoints, or nowhere.

Pure: facts in, a decision out. The account stack asks before it adopts a subnet, the local cloud
before it starts a task in one.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from byoc_infra.naming import FARGATE_SERVICES

__all__ = ["Endpoint", "NatGateway", "Route", "RouteTable", "Subnet", "WayOut", "Ways", "way_out"]

ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One route, with the id of its target, whatever kind that is."""

    destination: str
    target: str
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """A route table of the VPC and the subnets that name it."""

    id: str
    routes: tuple[Route, ...] = ()
    subnet_ids: frozenset[str] = frozenset()
    main: bool = False


@dataclass(frozen=True, kw_only=True)
class NatGateway:
    """A NAT gateway as a target."""

    public: bool = True
    available: bool = True


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A VPC endpoint; `service` is AWS's word, such as `ecr.api`."""

    id: str
    service: str
    kind: str
    available: bool = True
    private_names: bool = True
    zones: frozenset[str] = frozenset()
    table_ids: frozenset[str] = frozenset()
    admits: tuple[str, ...] = (ANYWHERE,)
    """Ranges that its security groups let in on port 443."""


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """As far as its way out is concerned."""

    id: str
    zone: str
    cidr: str


@dataclass(frozen=True, kw_only=True)
class Ways:
    """What leads out of a VPC."""

    tables: tuple[RouteTable, ...] = ()
    nat_gateways: Mapping[str, NatGateway] = field(default_factory=dict)
    endpoints: tuple[Endpoint, ...] = ()
    forwarding_interfaces: frozenset[str] = frozenset()
    """Network interfaces that pass on what is not for them: those of NAT instances."""

    def table_of(self, subnet_id: str) -> RouteTable | None:
        """The table that the subnet names, else the VPC's main one."""
        named = (one for one in self.tables if subnet_id in one.subnet_ids)
        main = (one for one in self.tables if one.main)
        return next(named, None) or next(main, None)


@dataclass(frozen=True, kw_only=True)
class WayOut:
    """Where a subnet leads."""

    kind: Literal["internet", "internet gateway", "endpoints", "none"]
    route: str = ""
    """What is to be said of the default route."""
    missing: tuple[str, ...] = ()
    """AWS's services that no endpoint reaches from here."""


def way_out(ways: Ways, subnet: Subnet) -> WayOut:
    """The decision for one subnet, which has no public addresses."""
    table = ways.table_of(subnet.id)
    routes = table.routes if table else ()
    default = next((one for one in routes if one.destination == ANYWHERE), None)
    missing = tuple(_missing(ways, subnet, table))
    if default is None:
        fault = "no default route"
    elif not default.active:
        fault = f"a default route to {default.target} that leads nowhere (blackhole)"
    elif default.target.startswith("igw-"):
        route = f"a default route to the internet gateway {default.target}"
        return WayOut(kind="internet gateway", route=route, missing=missing)
    else:
        fault = _fault(ways, default.target)
    if not fault and default is not None:
        return WayOut(kind="internet", route=f"a default route to {default.target}")
    return WayOut(kind="none" if missing else "endpoints", route=fault, missing=missing)


def _fault(ways: Ways, target: str) -> str:
    """Why a default route to this target is no way out; empty where it is one."""
    for prefix, judge in _JUDGES.items():
        if target.startswith(prefix):
            return judge(ways, target)
    return f"a default route to {target}, which is no way out for containers"


def _serves(_ways: Ways, _target: str) -> str:
    """What lies behind it is the network of the account's owner, who knows."""
    return ""


def _nat(ways: Ways, target: str) -> str:
    found = ways.nat_gateways.get(target)
    if found is None or not found.available:
        return f"a default route to the NAT gateway {target}, which is not available"
    return "" if found.public else f"a default route to the private NAT gateway {target}"


def _balanced(ways: Ways, target: str) -> str:
    for one in ways.endpoints:
        if one.id == target and one.kind == "GatewayLoadBalancer" and one.available:
            return ""
    return f"a default route to {target}, which is no gateway load balancer's endpoint"


def _instance(ways: Ways, target: str) -> str:
    if target in ways.forwarding_interfaces:
        return ""
    return f"a default route to {target}, whose source/destination check is on"


_JUDGES: Mapping[str, Callable[[Ways, str], str]] = {
    "nat-": _nat,
    "tgw-": _serves,
    "vgw-": _serves,
    "vpce-": _balanced,
    "eni-": _instance,
}
"""By the prefix of a target's id."""


def _missing(ways: Ways, subnet: Subnet, table: RouteTable | None) -> Iterator[str]:
    """The services that Fargate needs and that no endpoint reaches from this subnet."""
    for service in FARGATE_SERVICES:
        found = [one for one in ways.endpoints if one.service == service and one.available]
        if service == "s3":
            if not any(table and table.id in one.table_ids for one in found):
                yield service
        elif not any(_answers(one, subnet) for one in found):
            yield service


def _answers(one: Endpoint, subnet: Subnet) -> bool:
    inside = ipaddress.IPv4Network(subnet.cidr)
    admitted = any(inside.subnet_of(ipaddress.IPv4Network(cidr)) for cidr in one.admits)
    return one.kind == "Interface" and one.private_names and subnet.zone in one.zones and admitted
