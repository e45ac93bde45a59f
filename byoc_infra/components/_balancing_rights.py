"""The access role's rights on load balancers, target groups and listeners; pure."""

from byoc_infra.components._fence import Condition, Fence, among, both
from byoc_infra.components._policies import Document, statement
from byoc_infra.components.service import TLS_POLICY

__all__ = ["BALANCER_CHANGES", "BALANCER_READS", "balancing"]

BALANCER_CHANGES = (
    "AddTags",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "ModifyListener",
    "ModifyListenerAttributes",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "RemoveTags",
    "SetSecurityGroups",
    "SetSubnets",
)
BALANCER_READS = (
    "DescribeCapacityReservation",
    "DescribeListenerAttributes",
    "DescribeListeners",
    "DescribeLoadBalancerAttributes",
    "DescribeLoadBalancers",
    "DescribeTags",
    "DescribeTargetGroupAttributes",
    "DescribeTargetGroups",
    "DescribeTargetHealth",
)


def balancing(fence: Fence) -> list[Document]:
    """Make them where they belong, change and remove what carries the tag, see all."""
    balancers, groups, listeners = (
        fence.ours("elasticloadbalancing", kind)
        for kind in ("loadbalancer/app/{}/*", "targetgroup/{}/*", "listener/app/{}/*")
    )
    everything = [*balancers, *groups, *listeners]
    return [
        *_making(fence, balancers, groups),
        statement(
            "TagBalancersAtBirth",
            ["elasticloadbalancing:AddTags"],
            everything,
            condition=_births(),
        ),
        statement(
            "ChangeBalancers",
            [f"elasticloadbalancing:{action}" for action in BALANCER_CHANGES],
            everything,
            condition=both(fence.carries_tag, _place(fence, closed=False), _modern_tls()),
        ),
        statement(
            "BalancerReadsOfTheRegion",
            [f"elasticloadbalancing:{action}" for action in BALANCER_READS],
            ["*"],
            condition=fence.in_region,
        ),
    ]


def _making(fence: Fence, balancers: list[str], groups: list[str]) -> list[Document]:
    schemes = ["internal", "internet-facing"] if fence.public_ingress else ["internal"]
    return [
        statement(
            "MakeBalancers",
            ["elasticloadbalancing:CreateLoadBalancer"],
            balancers,
            condition=both(
                fence.born_with_tag,
                {"StringEquals": {"elasticloadbalancing:Scheme": schemes}},
                _place(fence, closed=True),
            ),
        ),
        statement(
            "MakeTargetGroups",
            ["elasticloadbalancing:CreateTargetGroup"],
            groups,
            condition=fence.born_with_tag,
        ),
        statement(
            "MakeListeners",
            ["elasticloadbalancing:CreateListener"],
            balancers,
            condition=both(fence.born_with_tag, fence.carries_tag, _modern_tls()),
        ),
    ]


def _place(fence: Fence, *, closed: bool) -> Condition:
    return among(
        {
            "elasticloadbalancing:Subnet": fence.balancer_subnet_ids,
            "elasticloadbalancing:SecurityGroup": fence.balancer_group_ids,
        },
        closed=closed,
    )


def _modern_tls() -> Condition:
    """A listener that encrypts does it with TLS 1.2 or 1.3."""
    return {"ForAllValues:StringEquals": {"elasticloadbalancing:SecurityPolicy": [TLS_POLICY]}}


def _births() -> Condition:
    creates = ["CreateListener", "CreateLoadBalancer", "CreateTargetGroup"]
    return {"StringEquals": {"elasticloadbalancing:CreateAction": creates}}
