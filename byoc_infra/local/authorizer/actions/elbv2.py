"""Elastic Load Balancing v2: what each operation on balancers, target groups and listeners asks."""

from byoc_infra.local.authorizer.actions._keys import Keys, Value, Values, fixed, said
from byoc_infra.local.authorizer.actions._rules import (
    Resources,
    Row,
    Rule,
    asked_tags,
    creates_service_role,
    needs,
    reads,
    removed_tags,
    values,
)
from byoc_infra.local.wire import Call

__all__ = ["ROWS"]

_ELB = "elasticloadbalancing"


def _base(call: Call) -> str:
    return f"arn:aws:{_ELB}:{call.region}:{call.account_id}"


def _new_balancer(call: Call) -> tuple[str, ...]:
    kinds = {"network": "net", "gateway": "gwy"}
    kind = kinds.get(str(call.params.get("Type")), "app")
    return (f"{_base(call)}:loadbalancer/{kind}/{call.params.get('Name', '*')}/*",)


def _new_target_group(call: Call) -> tuple[str, ...]:
    return (f"{_base(call)}:targetgroup/{call.params.get('Name', '*')}/*",)


def _below(parent: str, kind: str) -> Resources:
    """What is made under a balancer or listener: its ARN begins with the parent's path."""

    def resources(call: Call) -> tuple[str, ...]:
        head, _, path = str(call.params.get(parent, "")).partition("/")
        return (f"{head.rpartition(':')[0]}:{kind}/{path}/*",)

    return resources


def _subnets(call: Call) -> Values | None:
    """Those of a balancer, in either of the two ways to give them."""
    ids = (*_listed(call, "Subnets"), *_listed(call, "SubnetMappings.SubnetId"))
    return ids or None


def _listed(call: Call, path: str) -> tuple[str, ...]:
    found = said(path)(call)
    return found if isinstance(found, tuple) else ()


def _policies(call: Call) -> Values | None:
    policy = call.params.get("SslPolicy")
    return (str(policy),) if policy else None


_BALANCER: Keys = {
    f"{_ELB}:Scheme": said("Scheme"),
    f"{_ELB}:SecurityGroup": said("SecurityGroups"),
    f"{_ELB}:Subnet": _subnets,
}
_LISTENER: Keys = {
    f"{_ELB}:ListenerProtocol": said("Protocol"),
    f"{_ELB}:SecurityPolicy": _policies,
}
_UNTAGGED: Keys = {"aws:TagKeys": removed_tags}


def _makes(
    operation: str, on: Resources, new: Resources, *more: Rule, keys: Keys | None = None
) -> Row:
    tagging = needs(
        f"{_ELB}:AddTags",
        new,
        tagged=True,
        keys={f"{_ELB}:CreateAction": fixed(operation)},
        when=lambda call: bool(asked_tags(call)),
    )
    return (needs(f"{_ELB}:{operation}", on, tagged=True, keys=keys), tagging, *more)


def _each(parameter: str, operations: str, **keys: Value) -> dict[str, Row]:
    named = {f"{_ELB}:{key}": value for key, value in keys.items()}
    return {
        name: (needs(f"{_ELB}:{name}", values(parameter), keys=named),)
        for name in operations.split()
    }


ROWS: dict[str, Row] = {
    "CreateLoadBalancer": _makes(
        "CreateLoadBalancer",
        _new_balancer,
        _new_balancer,
        creates_service_role(
            "elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing"
        ),
        keys=_BALANCER,
    ),
    "CreateTargetGroup": _makes("CreateTargetGroup", _new_target_group, _new_target_group),
    "CreateListener": _makes(
        "CreateListener",
        values("LoadBalancerArn"),
        _below("LoadBalancerArn", "listener"),
        keys=_LISTENER,
    ),
    "CreateRule": _makes(
        "CreateRule", values("ListenerArn"), _below("ListenerArn", "listener-rule")
    ),
    **_each(
        "LoadBalancerArn",
        "DeleteLoadBalancer ModifyLoadBalancerAttributes SetIpAddressType",
    ),
    **_each("LoadBalancerArn", "SetSecurityGroups", SecurityGroup=said("SecurityGroups")),
    **_each("LoadBalancerArn", "SetSubnets", Subnet=_subnets),
    **_each(
        "TargetGroupArn",
        "DeleteTargetGroup DeregisterTargets ModifyTargetGroup ModifyTargetGroupAttributes "
        "RegisterTargets",
    ),
    **_each("ListenerArn", "DeleteListener ModifyListenerAttributes"),
    "ModifyListener": (needs(f"{_ELB}:ModifyListener", values("ListenerArn"), keys=_LISTENER),),
    **_each("RuleArn", "DeleteRule ModifyRule"),
    "AddTags": (needs(f"{_ELB}:AddTags", values("ResourceArns"), tagged=True),),
    "RemoveTags": (needs(f"{_ELB}:RemoveTags", values("ResourceArns"), keys=_UNTAGGED),),
    **reads(
        _ELB,
        "DescribeAccountLimits DescribeCapacityReservation DescribeListenerAttributes "
        "DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules "
        "DescribeSSLPolicies DescribeTags DescribeTargetGroupAttributes DescribeTargetGroups "
        "DescribeTargetHealth",
    ),
}
