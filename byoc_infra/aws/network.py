"""A customer's VPC as it is, in plain facts: what is looked at before it is adopted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from byoc_infra.aws.adopt_match import tags_of
from byoc_infra.aws.egress import ANYWHERE, Endpoint, NatGateway, Route, RouteTable, Ways
from byoc_infra.aws.network_rules import NetworkFacts, SubnetFacts, VpcFacts
from byoc_infra.aws.session import Session
from byoc_infra.spec import ExistingNetworkSpec

__all__ = ["look_at"]

NO_VPC = frozenset({"InvalidVpcID.NotFound", "InvalidVpcID.Malformed"})
HTTPS = 443
TARGETS = (
    "NatGatewayId",
    "TransitGatewayId",
    "NetworkInterfaceId",
    "VpcPeeringConnectionId",
    "GatewayId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "CoreNetworkArn",
)
"""Where DescribeRouteTables says what a route leads to (EC2 API reference, Route)."""
DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def look_at(session: Session, spec: ExistingNetworkSpec) -> NetworkFacts:
    """What AWS says of the VPC and the subnets; reads only."""
    vpc = _vpc(session, spec.vpc_id)
    if vpc is None:
        return NetworkFacts(vpc=None)
    wanted = (*spec.private_subnet_ids, *spec.public_subnet_ids)
    found = _each(session, "describe_subnets", "Subnets", {"subnet-id": wanted})
    inside = list(_each(session, "describe_subnets", "Subnets", {"vpc-id": [spec.vpc_id]}))
    zones = {one["SubnetId"]: one["AvailabilityZone"] for one in inside}
    return NetworkFacts(
        vpc=vpc,
        subnets={one["SubnetId"]: _subnet(one) for one in found},
        ways=_ways(session, spec.vpc_id, zones),
    )


def _vpc(session: Session, vpc_id: str) -> VpcFacts | None:
    answer = session.ask("ec2", "describe_vpcs", absent=NO_VPC, VpcIds=[vpc_id])
    if not answer.get("Vpcs"):
        return None
    (vpc,) = answer["Vpcs"]
    ranges = [
        one["CidrBlock"]
        for one in vpc.get("CidrBlockAssociationSet") or ()
        if one.get("CidrBlockState", {}).get("State") == "associated"
    ]
    return VpcFacts(
        id=vpc_id,
        owner_id=vpc["OwnerId"],
        cidrs=tuple(dict.fromkeys((vpc["CidrBlock"], *ranges))),
        available=vpc["State"] == "available",
        dns_support=_attribute(session, vpc_id, "enableDnsSupport"),
        dns_hostnames=_attribute(session, vpc_id, "enableDnsHostnames"),
        tags=tags_of(vpc.get("Tags")),
    )


def _attribute(session: Session, vpc_id: str, name: str) -> bool:
    answer = session.ask("ec2", "describe_vpc_attribute", VpcId=vpc_id, Attribute=name)
    return bool(answer[name[0].upper() + name[1:]]["Value"])


def _subnet(one: Mapping[str, Any]) -> SubnetFacts:
    return SubnetFacts(
        id=one["SubnetId"],
        vpc_id=one["VpcId"],
        zone=one["AvailabilityZone"],
        cidr=one["CidrBlock"],
        free_addresses=one["AvailableIpAddressCount"],
        available=one["State"] == "available",
        tags=tags_of(one.get("Tags")),
    )


def _ways(session: Session, vpc_id: str, zones: Mapping[str, str]) -> Ways:
    mine = {"vpc-id": [vpc_id]}
    tables = [_table(one) for one in _each(session, "describe_route_tables", "RouteTables", mine)]
    targets = {route.target for table in tables for route in table.routes}
    nat_gateways = {
        one["NatGatewayId"]: NatGateway(
            public=one.get("ConnectivityType", "public") == "public",
            available=one["State"] == "available",
        )
        for one in _each(session, "describe_nat_gateways", "NatGateways", mine)
    }
    return Ways(
        tables=tuple(tables),
        nat_gateways=nat_gateways,
        endpoints=tuple(_endpoints(session, mine, zones)),
        forwarding_interfaces=frozenset(_forwarding(session, targets)),
    )


def _table(one: Mapping[str, Any]) -> RouteTable:
    held = one.get("Associations") or ()
    return RouteTable(
        id=one["RouteTableId"],
        routes=tuple(_routes(one.get("Routes") or ())),
        subnet_ids=frozenset(each["SubnetId"] for each in held if each.get("SubnetId")),
        main=any(each.get("Main") for each in held),
    )


def _routes(routes: Iterable[Mapping[str, Any]]) -> Iterator[Route]:
    for one in routes:
        destination = next((one[key] for key in DESTINATIONS if one.get(key)), "")
        # one whose target is gone altogether names none
        target = next((one[key] for key in TARGETS if one.get(key)), "nothing")
        yield Route(destination=destination, target=target, active=one.get("State") == "active")


def _endpoints(
    session: Session, mine: Mapping[str, Sequence[str]], zones: Mapping[str, str]
) -> Iterator[Endpoint]:
    found = list(_each(session, "describe_vpc_endpoints", "VpcEndpoints", mine))
    groups = {group["GroupId"] for one in found for group in one.get("Groups") or ()}
    admitted = _admitted(session, groups)
    for one in found:
        own = [group["GroupId"] for group in one.get("Groups") or ()]
        yield Endpoint(
            id=one["VpcEndpointId"],
            service=one.get("ServiceName", "").partition(f".{session.region}.")[2],
            kind=one.get("VpcEndpointType") or "Gateway",
            available=one["State"].lower() == "available",
            private_names=bool(one.get("PrivateDnsEnabled")),
            zones=frozenset(zones[each] for each in one.get("SubnetIds") or () if each in zones),
            table_ids=frozenset(one.get("RouteTableIds") or ()),
            admits=tuple(cidr for group in own for cidr in admitted.get(group, ())),
        )


def _admitted(session: Session, groups: set[str]) -> dict[str, list[str]]:
    """By group: the ranges that it lets in on 443.

    One that names a prefix list may let the tasks in and counts as if it did; one that names
    another group does not: tasks wear groups that are not made yet.
    """
    by_group: dict[str, list[str]] = {}
    if not groups:
        return by_group
    wanted = {"group-id": sorted(groups)}
    for rule in _each(session, "describe_security_group_rules", "SecurityGroupRules", wanted):
        if rule["IsEgress"] or not _is_https(rule):
            continue
        if cidr := rule.get("CidrIpv4") or (rule.get("PrefixListId") and ANYWHERE):
            by_group.setdefault(rule["GroupId"], []).append(cidr)
    return by_group


def _is_https(rule: Mapping[str, Any]) -> bool:
    if rule["IpProtocol"] == "-1":
        return True
    first, last = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return bool(rule["IpProtocol"] == "tcp" and first <= HTTPS <= last)


def _forwarding(session: Session, targets: set[str]) -> Iterator[str]:
    interfaces = sorted(one for one in targets if one.startswith("eni-"))
    if interfaces:
        wanted = {"network-interface-id": interfaces}
        for one in _each(session, "describe_network_interfaces", "NetworkInterfaces", wanted):
            if not one.get("SourceDestCheck", True):
                yield one["NetworkInterfaceId"]


def _each(
    session: Session, operation: str, key: str, where: Mapping[str, Sequence[str]]
) -> Iterator[Any]:
    filters = [{"Name": name, "Values": list(values)} for name, values in where.items()]
    return session.each("ec2", operation, key, Filters=filters)
