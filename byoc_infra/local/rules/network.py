"""EC2: what cannot be deleted while something else needs it."""

from functools import partial
from typing import Any

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.persistence import backend_of
from byoc_infra.local.rules.holders import Holders
from byoc_infra.local.wire import AwsError, Call

__all__ = ["register"]


def register(hooks: Hooks, holders: Holders) -> None:
    """Put the rules in front of moto."""
    hooks.before("ec2", "*", refuse_dry_run)
    hooks.before("ec2", "DeleteSecurityGroup", partial(keep_used_group, holders))
    hooks.before("ec2", "DeleteSubnet", partial(keep_used_subnet, holders))
    hooks.before("ec2", "DeleteVpc", keep_used_vpc)
    hooks.before("ec2", "ReleaseAddress", keep_associated_address)
    hooks.before("ec2", "DetachInternetGateway", keep_gateway_of_public_addresses)
    hooks.before("ec2", "DeleteNatGateway", refuse_unknown_nat_gateway)
    hooks.before("ec2", "DescribeNatGateways", refuse_unknown_nat_gateway)


def refuse_dry_run(call: Call) -> None:
    """A dry run changes nothing; moto would."""
    if call.params.get("DryRun"):
        raise AwsError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        )


def keep_used_group(holders: Holders, call: Call) -> None:
    """A security group that anything wears, or that another group's rule names, stays."""
    group_id = call.params.get("GroupId")
    groups = _groups(call)
    group = groups.get(group_id)
    if group is None:
        return
    if group.name == "default":
        raise AwsError(
            "CannotDelete",
            f'the specified group: "{group_id}" name: "default" cannot be deleted by a user',
        )
    named = any(_names(other, group.id) for other in groups.values() if other is not group)
    if named or holders.of_group(call.account_id, call.region, group.id):
        raise AwsError("DependencyViolation", f"resource {group_id} has a dependent object")


def keep_used_subnet(holders: Holders, call: Call) -> None:
    """A subnet in which anything has a network interface stays."""
    subnet_id = call.params["SubnetId"]
    if holders.of_subnet(call.account_id, call.region, subnet_id):
        raise AwsError(
            "DependencyViolation",
            f"The subnet '{subnet_id}' has dependencies and cannot be deleted.",
        )


def keep_used_vpc(call: Call) -> None:
    """A VPC goes last: after its own security groups and its gateway."""
    vpc_id, ec2 = call.params["VpcId"], _ec2(call)
    own = [one for one in _groups(call).values() if one.vpc_id == vpc_id and one.name != "default"]
    attached = [g for g in ec2.internet_gateways.values() if g.vpc and g.vpc.id == vpc_id]
    if own or attached:
        raise AwsError(
            "DependencyViolation", f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
        )


def keep_associated_address(call: Call) -> None:
    """An Elastic IP goes after the NAT gateway that uses it."""
    for one in _ec2(call).addresses:
        wanted = call.params.get("AllocationId") == one.allocation_id
        if wanted and one.association_id:
            raise AwsError("InvalidIPAddress.InUse", f"Address {one.public_ip} is in use.")


def keep_gateway_of_public_addresses(call: Call) -> None:
    """An internet gateway stays attached while its VPC has public addresses."""
    vpc_id = call.params["VpcId"]
    for one in _ec2(call).addresses:
        if one.association_id and one.eni is not None and one.eni.subnet.vpc_id == vpc_id:
            raise AwsError(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public "
                "address(es) before detaching the gateway.",
            )


def refuse_unknown_nat_gateway(call: Call) -> None:
    """Moto gives an empty list, and fails on deleting what is not there."""
    known = _ec2(call).nat_gateways
    asked = call.params.get("NatGatewayIds") or [call.params.get("NatGatewayId")]
    for one in asked:
        if one is not None and one not in known:
            raise AwsError("NatGatewayNotFound", f"NatGateway {one} was not found")


def _names(group: Any, group_id: str) -> bool:  # noqa: ANN401 - moto's own
    rules = [*group.ingress_rules, *group.egress_rules]
    return any(rule.source_group.get("GroupId") == group_id for rule in rules)


def _groups(call: Call) -> dict[str | None, Any]:
    return {key: one for of_vpc in _ec2(call).groups.values() for key, one in of_vpc.items()}


def _ec2(call: Call) -> Any:  # noqa: ANN401 - moto's own
    return backend_of("ec2", call.account_id, call.region)
