"""EC2: what each network operation asks.

As the service authorization reference has it: an operation that makes something inside something
else asks for both, and tags on create ask for `ec2:CreateTags` with `ec2:CreateAction`. Optional
resource types are asked for only where the call names such a resource.
"""

from collections.abc import Callable, Iterator, Mapping

from byoc_infra.local.authorizer.actions._keys import fixed
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    at,
    given,
    needs,
    passes_role,
    reads,
)
from byoc_infra.local.authorizer.state import pairs, vpc_objects
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_PREFIXES = {
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "eni": "network-interface",
    "igw": "internet-gateway",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}


def _named(kind: str, parameter: str) -> Resources:
    """The resources of one kind that a parameter names; none if it is absent."""

    def resources(call: Call) -> tuple[str, ...]:
        value = call.params.get(parameter)
        ids = value if isinstance(value, list) else [value] if value else []
        return tuple(f"{_base(call)}:{kind}/{item}" for item in ids)

    return resources


def _SG(call: Call) -> tuple[str, ...]:  # noqa: N802 - one of the resources below
    """The group of the call; one that is named otherwise than by its id could be any."""
    identifier = "*" if call.params.get("GroupName") else call.params.get("GroupId", "*")
    return (f"{_base(call)}:security-group/{identifier}",)


def _base(call: Call) -> str:
    return f"arn:aws:ec2:{call.region}:{call.account_id}"


def _any_named(parameter: str) -> Resources:
    """Resources of any kind, told by the prefix of their ids."""

    def resources(call: Call) -> tuple[str, ...]:
        ids = call.params.get(parameter) or []
        return tuple(f"{_base(call)}:{_kind(item)}/{item}" for item in ids)

    return resources


def _kind(identifier: str) -> str:
    return _PREFIXES.get(identifier.rpartition("-")[0], "*")


def _spec_tags(call: Call) -> Mapping[str, str]:
    return {
        key: value
        for spec in call.params.get("TagSpecifications") or []
        for key, value in pairs(spec.get("Tags") or []).items()
    }


def _makes(operation: str, kind: str, *within: Rule) -> Row:
    """A row for an operation that makes a `kind`, with tags where asked."""
    action = f"ec2:{operation}"
    new = at("ec2", f"{kind}/*")
    tagging = needs(
        "ec2:CreateTags",
        new,
        tagged=True,
        keys={"ec2:CreateAction": fixed(operation)},
        when=lambda call: bool(_spec_tags(call)),
    )
    return (needs(action, new, tagged=True), *within, tagging)


def _in_vpc(operation: str) -> Rule:
    return needs(f"ec2:{operation}", _named("vpc", "VpcId"))


def _acts(operation: str, *resources: Resources) -> Row:
    return tuple(needs(f"ec2:{operation}", resource) for resource in resources)


def _association(call: Call) -> tuple[str, ...]:
    """The route table and subnet of an association."""
    wanted = call.params.get("AssociationId", "")
    for table in list(vpc_objects(call.account_id, call.region).route_tables.values()):
        subnet = table._associations.get(wanted)  # noqa: SLF001 - moto shows it nowhere else
        if subnet:
            return (f"{_base(call)}:route-table/{table.id}", f"{_base(call)}:subnet/{subnet}")
    return (f"{_base(call)}:route-table/*",)


def _changed_rules(call: Call) -> tuple[str, ...]:
    changes = call.params.get("SecurityGroupRules") or []
    ids = [change.get("SecurityGroupRuleId", "*") for change in changes]
    return tuple(f"{_base(call)}:security-group-rule/{item}" for item in ids)


def _address_of_association(call: Call) -> tuple[str, ...]:
    wanted = call.params.get("AssociationId", "")
    known = list(vpc_objects(call.account_id, call.region).addresses.values())
    held = next((eip.allocation_id for eip in known if eip.association_id == wanted), "*")
    return (f"{_base(call)}:elastic-ip/{held}",)


def _opens(operation: str) -> Row:
    """Adding rules to a group: the group, and the rules where they get tags."""
    tagged: Callable[[Call], bool] = lambda call: bool(_spec_tags(call))  # noqa: E731
    rule = at("ec2", "security-group-rule/*")
    create = {"ec2:CreateAction": fixed(operation)}
    return (
        needs(f"ec2:{operation}", _SG),
        needs(f"ec2:{operation}", rule, tagged=True, when=tagged),
        needs("ec2:CreateTags", rule, tagged=True, keys=create, when=tagged),
    )


def _endpoint_places(parameter: str) -> Iterator[Resources]:
    """The route tables, subnets and groups that an endpoint operation names."""
    for kind, word in (
        ("route-table", "RouteTable"),
        ("subnet", "Subnet"),
        ("security-group", "SecurityGroup"),
    ):
        yield _named(kind, parameter.format(word))


def _service_zone(_call: Call) -> tuple[str, ...]:
    """The zone of an AWS service's private names, which is AWS's."""
    return ("arn:aws:route53:::hostedzone/*",)


_RTB = _named("route-table", "RouteTableId")
_IGW = _named("internet-gateway", "InternetGatewayId")
_VPC = _named("vpc", "VpcId")
_EIP = _named("elastic-ip", "AllocationId")
_ENI = _named("network-interface", "NetworkInterfaceId")

ROWS: dict[str, Row] = {
    "CreateVpc": _makes("CreateVpc", "vpc"),
    "DeleteVpc": _acts("DeleteVpc", _VPC),
    "ModifyVpcAttribute": _acts("ModifyVpcAttribute", _VPC),
    "ModifyVpcTenancy": _acts("ModifyVpcTenancy", _VPC),
    "DescribeVpcAttribute": _acts("DescribeVpcAttribute", _VPC),
    "CreateSubnet": _makes("CreateSubnet", "subnet", _in_vpc("CreateSubnet")),
    "DeleteSubnet": _acts("DeleteSubnet", _named("subnet", "SubnetId")),
    "ModifySubnetAttribute": _acts("ModifySubnetAttribute", _named("subnet", "SubnetId")),
    "CreateInternetGateway": _makes("CreateInternetGateway", "internet-gateway"),
    "AttachInternetGateway": _acts("AttachInternetGateway", _IGW, _VPC),
    "DetachInternetGateway": _acts("DetachInternetGateway", _IGW, _VPC),
    "DeleteInternetGateway": _acts("DeleteInternetGateway", _IGW),
    "AllocateAddress": _makes("AllocateAddress", "elastic-ip"),
    "ReleaseAddress": _acts("ReleaseAddress", _EIP),
    "AssociateAddress": _acts("AssociateAddress", _EIP, _ENI),
    "DisassociateAddress": _acts("DisassociateAddress", _address_of_association),
    "CreateNatGateway": _makes(
        "CreateNatGateway",
        "natgateway",
        needs("ec2:CreateNatGateway", _EIP),
        needs("ec2:CreateNatGateway", _named("subnet", "SubnetId")),
    ),
    "DeleteNatGateway": _acts("DeleteNatGateway", _named("natgateway", "NatGatewayId")),
    "AssociateNatGatewayAddress": _acts(
        "AssociateNatGatewayAddress",
        _named("natgateway", "NatGatewayId"),
        _named("elastic-ip", "AllocationIds"),
    ),
    "DisassociateNatGatewayAddress": _acts(
        "DisassociateNatGatewayAddress",
        _named("natgateway", "NatGatewayId"),
        at("ec2", "elastic-ip/*"),
    ),
    "CreateRouteTable": _makes("CreateRouteTable", "route-table", _in_vpc("CreateRouteTable")),
    "DeleteRouteTable": _acts("DeleteRouteTable", _RTB),
    "EnableVgwRoutePropagation": _acts(
        "EnableVgwRoutePropagation", _RTB, _named("vpn-gateway", "GatewayId")
    ),
    "DisableVgwRoutePropagation": _acts(
        "DisableVgwRoutePropagation", _RTB, _named("vpn-gateway", "GatewayId")
    ),
    "CreateRoute": _acts("CreateRoute", _RTB),
    "ReplaceRoute": _acts("ReplaceRoute", _RTB),
    "DeleteRoute": _acts("DeleteRoute", _RTB),
    "AssociateRouteTable": _acts(
        "AssociateRouteTable",
        _RTB,
        _named("subnet", "SubnetId"),
        _named("internet-gateway", "GatewayId"),
    ),
    "DisassociateRouteTable": _acts("DisassociateRouteTable", _association),
    "ReplaceRouteTableAssociation": _acts("ReplaceRouteTableAssociation", _RTB, _association),
    "CreateSecurityGroup": _makes(
        "CreateSecurityGroup", "security-group", _in_vpc("CreateSecurityGroup")
    ),
    "DeleteSecurityGroup": _acts("DeleteSecurityGroup", _SG),
    "AuthorizeSecurityGroupIngress": _opens("AuthorizeSecurityGroupIngress"),
    "AuthorizeSecurityGroupEgress": _opens("AuthorizeSecurityGroupEgress"),
    "RevokeSecurityGroupIngress": _acts("RevokeSecurityGroupIngress", _SG),
    "RevokeSecurityGroupEgress": _acts("RevokeSecurityGroupEgress", _SG),
    "ModifySecurityGroupRules": _acts("ModifySecurityGroupRules", _SG, _changed_rules),
    "UpdateSecurityGroupRuleDescriptionsIngress": _acts(
        "UpdateSecurityGroupRuleDescriptionsIngress", _SG
    ),
    "UpdateSecurityGroupRuleDescriptionsEgress": _acts(
        "UpdateSecurityGroupRuleDescriptionsEgress", _SG
    ),
    "CreateVpcEndpoint": _makes(
        "CreateVpcEndpoint",
        "vpc-endpoint",
        _in_vpc("CreateVpcEndpoint"),
        *_acts("CreateVpcEndpoint", *_endpoint_places("{}Ids")),
        needs("route53:AssociateVPCWithHostedZone", _service_zone, when=given("PrivateDnsEnabled")),
    ),
    "ModifyVpcEndpoint": _acts(
        "ModifyVpcEndpoint",
        _named("vpc-endpoint", "VpcEndpointId"),
        *_endpoint_places("Add{}Ids"),
        *_endpoint_places("Remove{}Ids"),
    ),
    "DeleteVpcEndpoints": _acts("DeleteVpcEndpoints", _named("vpc-endpoint", "VpcEndpointIds")),
    "CreateFlowLogs": (
        *_makes(
            "CreateFlowLogs", "vpc-flow-log", needs("ec2:CreateFlowLogs", _any_named("ResourceIds"))
        ),
        *passes_role("vpc-flow-logs.amazonaws.com", "DeliverLogsPermissionArn"),
    ),
    "DeleteFlowLogs": _acts("DeleteFlowLogs", _named("vpc-flow-log", "FlowLogIds")),
    "CreateVpcPeeringConnection": _makes(
        "CreateVpcPeeringConnection",
        "vpc-peering-connection",
        _in_vpc("CreateVpcPeeringConnection"),
    ),
    "AcceptVpcPeeringConnection": _acts(
        "AcceptVpcPeeringConnection",
        _named("vpc-peering-connection", "VpcPeeringConnectionId"),
        at("ec2", "vpc/*"),
    ),
    "CreateTags": (needs("ec2:CreateTags", _any_named("Resources"), tagged=True),),
    "DeleteTags": (needs("ec2:DeleteTags", _any_named("Resources")),),
    "DetachNetworkInterface": (
        needs("ec2:DetachNetworkInterface", at("ec2", "network-interface/*")),
    ),
    "DeleteNetworkInterface": _acts("DeleteNetworkInterface", _ENI),
    **reads(
        "ec2",
        "DescribeAccountAttributes DescribeAddresses DescribeAddressesAttribute "
        "DescribeAvailabilityZones DescribeDhcpOptions DescribeEgressOnlyInternetGateways "
        "DescribeFlowLogs DescribeInstances DescribeInternetGateways DescribeKeyPairs "
        "DescribeManagedPrefixLists DescribeNatGateways DescribeNetworkAcls "
        "DescribeNetworkInterfaces DescribePrefixLists DescribeRegions DescribeRouteTables "
        "DescribeSecurityGroupRules DescribeSecurityGroups DescribeSubnets DescribeTags "
        "DescribeVolumes DescribeVpcEndpoints DescribeVpcPeeringConnections DescribeVpcs",
    ),
}
