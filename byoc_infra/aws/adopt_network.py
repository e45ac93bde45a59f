"""Finding EC2's network kinds again: by tags where they have no name, by place where they do."""

from typing import Any

from byoc_infra.aws.adopt_match import Inputs, one_of, ours, tags_of
from byoc_infra.aws.session import Session

__all__ = [
    "default_security_group",
    "egress_rule",
    "elastic_address",
    "endpoint",
    "flow_log",
    "ingress_rule",
    "internet_gateway",
    "nat_gateway",
    "route",
    "route_table",
    "route_table_association",
    "security_group",
    "subnet",
    "tag",
    "vpc",
]

NO_TABLE = frozenset({"InvalidRouteTableID.NotFound"})
NO_GROUP = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
LIVE = ["pending", "available"]


def vpc(session: Session, inputs: Inputs) -> str | None:
    """A VPC by range and tags."""
    return _tagged(
        session, inputs, ("describe_vpcs", "Vpcs", "VpcId"), {"cidr": inputs["cidrBlock"]}
    )


def subnet(session: Session, inputs: Inputs) -> str | None:
    """A subnet by VPC and range, of which there can be only one."""
    where = {"vpc-id": inputs["vpcId"], "cidr-block": inputs["cidrBlock"]}
    return _tagged(session, inputs, ("describe_subnets", "Subnets", "SubnetId"), where)


def internet_gateway(session: Session, inputs: Inputs) -> str | None:
    """A gateway by tags; one that is attached elsewhere is another's."""
    found = [
        one
        for one in _live(session, "describe_internet_gateways", "InternetGateways", {})
        if _tags_match(inputs, one)
        and {a["VpcId"] for a in one.get("Attachments", [])} <= {inputs.get("vpcId")}
    ]
    return one_of(one["InternetGatewayId"] for one in found)


def elastic_address(session: Session, inputs: Inputs) -> str | None:
    """An address by tags."""
    return _tagged(
        session, inputs, ("describe_addresses", "Addresses", "AllocationId"), {"domain": "vpc"}
    )


def nat_gateway(session: Session, inputs: Inputs) -> str | None:
    """A NAT gateway by its subnet; deleted ones stay listed and do not count."""
    filters = [
        {"Name": "subnet-id", "Values": [inputs["subnetId"]]},
        {"Name": "state", "Values": LIVE},
    ]
    found = session.each("ec2", "describe_nat_gateways", "NatGateways", Filters=filters)
    return one_of(
        one["NatGatewayId"]
        for one in found
        if _tags_match(inputs, one) and one.get("State") in LIVE
    )


def route_table(session: Session, inputs: Inputs) -> str | None:
    """A table by VPC and tags."""
    where = {"vpc-id": inputs["vpcId"]}
    return _tagged(session, inputs, ("describe_route_tables", "RouteTables", "RouteTableId"), where)


def route(session: Session, inputs: Inputs) -> str | None:
    """A route by its table and destination."""
    destination = inputs.get("destinationCidrBlock") or inputs["destinationIpv6CidrBlock"]
    for one in _table(session, inputs["routeTableId"]).get("Routes", []):
        if destination in (one.get("DestinationCidrBlock"), one.get("DestinationIpv6CidrBlock")):
            return f"{inputs['routeTableId']}_{destination}"
    return None


def route_table_association(session: Session, inputs: Inputs) -> str | None:
    """An association by its two ends."""
    for one in _table(session, inputs["routeTableId"]).get("Associations", []):
        if one.get("SubnetId") == inputs["subnetId"]:
            return f"{inputs['subnetId']}/{inputs['routeTableId']}"
    return None


def default_security_group(session: Session, inputs: Inputs) -> str | None:
    """The VPC's default group, which AWS made."""
    where = {"vpc-id": inputs["vpcId"], "group-name": "default"}
    found = _live(session, "describe_security_groups", "SecurityGroups", where)
    return one_of(one["GroupId"] for one in found)


def security_group(session: Session, inputs: Inputs) -> str | None:
    """A group by VPC and name."""
    where = {"vpc-id": inputs["vpcId"], "group-name": inputs["name"]}
    return _tagged(
        session, inputs, ("describe_security_groups", "SecurityGroups", "GroupId"), where
    )


def ingress_rule(session: Session, inputs: Inputs) -> str | None:
    """A rule inwards by its group and meaning."""
    return _rule(session, inputs, egress=False)


def egress_rule(session: Session, inputs: Inputs) -> str | None:
    """A rule outwards by its group and meaning."""
    return _rule(session, inputs, egress=True)


def endpoint(session: Session, inputs: Inputs) -> str | None:
    """An endpoint by VPC and service; deleted ones stay listed and do not count."""
    where = {"vpc-id": inputs["vpcId"], "service-name": inputs["serviceName"]}
    found = _live(session, "describe_vpc_endpoints", "VpcEndpoints", where)
    return one_of(
        one["VpcEndpointId"]
        for one in found
        if _tags_match(inputs, one) and one.get("State", "").lower() in LIVE
    )


def flow_log(session: Session, inputs: Inputs) -> str | None:
    """A flow log by what it watches and where it writes."""
    found = _live(session, "describe_flow_logs", "FlowLogs", {"resource-id": inputs["vpcId"]})
    return one_of(
        one["FlowLogId"]
        for one in found
        if one.get("LogDestination") == inputs["logDestination"].removesuffix(":*")
        and _tags_match(inputs, one)
    )


def tag(session: Session, inputs: Inputs) -> str | None:
    """One tag of an object that is there, with the value that was asked for."""
    place, key = inputs["resourceId"], inputs["key"]
    found = _live(session, "describe_tags", "Tags", {"resource-id": place, "key": key})
    return one_of(f"{place},{key}" for one in found if one.get("Value") == inputs["value"])


def _rule(session: Session, inputs: Inputs, *, egress: bool) -> str | None:
    rules = session.each(
        "ec2",
        "describe_security_group_rules",
        "SecurityGroupRules",
        absent=NO_GROUP,
        Filters=[{"Name": "group-id", "Values": [inputs["securityGroupId"]]}],
    )
    return one_of(
        rule["SecurityGroupRuleId"]
        for rule in rules
        if rule.get("IsEgress") is egress and _meaning(rule) == _asked(inputs)
    )


def _meaning(rule: dict[str, Any]) -> tuple[object, ...]:
    other = rule.get("ReferencedGroupInfo") or {}
    return (
        _protocol(rule.get("IpProtocol")),
        *_ports(rule.get("IpProtocol"), rule.get("FromPort"), rule.get("ToPort")),
        rule.get("CidrIpv4"),
        rule.get("CidrIpv6"),
        rule.get("PrefixListId"),
        other.get("GroupId"),
    )


def _asked(inputs: Inputs) -> tuple[object, ...]:
    return (
        _protocol(inputs["ipProtocol"]),
        *_ports(inputs["ipProtocol"], inputs.get("fromPort"), inputs.get("toPort")),
        inputs.get("cidrIpv4"),
        inputs.get("cidrIpv6"),
        inputs.get("prefixListId"),
        inputs.get("referencedSecurityGroupId"),
    )


def _protocol(word: object) -> str:
    return {"6": "tcp", "17": "udp", "1": "icmp", "all": "-1"}.get(str(word), str(word))


def _ports(protocol: object, first: object, last: object) -> tuple[int | None, int | None]:
    """All protocols means all ports, however they are written."""
    if _protocol(protocol) == "-1":
        return None, None
    return (int(str(first)) if first is not None else None), (
        int(str(last)) if last is not None else None
    )


def _tagged(
    session: Session, inputs: Inputs, kind: tuple[str, str, str], where: dict[str, str]
) -> str | None:
    operation, key, identity = kind
    found = _live(session, operation, key, where)
    return one_of(one[identity] for one in found if _tags_match(inputs, one))


def _tags_match(inputs: Inputs, one: dict[str, Any]) -> bool:
    """Kinds without a name need tags: untagged inputs would match anybody's."""
    named = "GroupName" in one or "CidrBlock" in one
    asked = inputs.get("tags") or inputs.get("tagsAll")
    return bool(asked or named) and ours(inputs, tags_of(one.get("Tags")))


def _live(session: Session, operation: str, key: str, where: dict[str, str]) -> list[Any]:
    filters = [{"Name": name, "Values": [value]} for name, value in where.items()]
    return list(session.each("ec2", operation, key, Filters=filters))


def _table(session: Session, table: str) -> dict[str, Any]:
    found = session.ask("ec2", "describe_route_tables", absent=NO_TABLE, RouteTableIds=[table]).get(
        "RouteTables", []
    )
    return found[0] if found else {}
