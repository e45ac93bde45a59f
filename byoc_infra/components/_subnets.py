"""The arithmetic of a VPC's subnets; pure.

Half of the range goes to private subnets, one a zone; public ones take a little of the other
half, and the rest of it stays free for what comes later.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from byoc_infra.components._checks import check_unique
from byoc_infra.errors import SpecError

__all__ = ["SubnetPlan", "plan_subnets"]

PRIVATE_RANGES = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
)
LARGEST_VPC, SMALLEST_VPC = 16, 24
"""Prefix lengths: /16 is AWS's most (VPC user guide, VPC CIDR blocks), /24 leaves room for two
zones."""
SMALLEST_SUBNET = 27
"""A load balancer wants subnets of /27 or larger (Elastic Load Balancing guide, subnets)."""
PUBLIC_IS_SMALLER_BY = 2
FEWEST_ZONES, MOST_ZONES = 2, 6


@dataclass(frozen=True)
class SubnetPlan:
    """One private and one public range for each zone, in the order of the zones."""

    private: tuple[str, ...]
    public: tuple[str, ...]


def plan_subnets(
    cidr: str,
    zones: Sequence[str],
    *,
    private: Sequence[str] | None = None,
    public: Sequence[str] | None = None,
) -> SubnetPlan:
    """The subnets of a VPC; ranges that are given are checked instead of chosen."""
    vpc = _vpc_range(cidr)
    _check_zones(zones)
    chosen = _choose(vpc, len(zones)) if private is None or public is None else None
    plan = SubnetPlan(
        tuple(private) if private is not None else chosen.private if chosen else (),
        tuple(public) if public is not None else chosen.public if chosen else (),
    )
    _check_plan(plan, vpc, len(zones))
    return plan


def _vpc_range(cidr: str) -> ipaddress.IPv4Network:
    vpc = _network("cidr", cidr)
    if not any(vpc.subnet_of(private) for private in PRIVATE_RANGES):
        raise SpecError(
            "cidr",
            wanted="a private range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
            got=cidr,
            next_step="Choose a range that no network you want to reach uses.",
        )
    if not LARGEST_VPC <= vpc.prefixlen <= SMALLEST_VPC:
        raise SpecError(
            "cidr",
            wanted=f"a range from /{LARGEST_VPC} to /{SMALLEST_VPC}",
            got=cidr,
            next_step=f"Take /{LARGEST_VPC} unless addresses are scarce.",
        )
    return vpc


def _check_zones(zones: Sequence[str]) -> None:
    check_unique("zones", zones)
    if not FEWEST_ZONES <= len(zones) <= MOST_ZONES:
        raise SpecError(
            "zones",
            wanted=f"{FEWEST_ZONES} to {MOST_ZONES} availability zones",
            got=", ".join(zones) or "none",
            next_step="A load balancer and a database subnet group need two zones.",
        )


def _choose(vpc: ipaddress.IPv4Network, zones: int) -> SubnetPlan:
    lower, upper = vpc.subnets(prefixlen_diff=1)
    private_prefix = lower.prefixlen + (zones - 1).bit_length()
    public_prefix = max(private_prefix, min(private_prefix + PUBLIC_IS_SMALLER_BY, SMALLEST_SUBNET))
    return SubnetPlan(
        tuple(str(part) for part in list(lower.subnets(new_prefix=private_prefix))[:zones]),
        tuple(str(part) for part in list(upper.subnets(new_prefix=public_prefix))[:zones]),
    )


def _check_plan(plan: SubnetPlan, vpc: ipaddress.IPv4Network, zones: int) -> None:
    named = [
        (field, _network(field, text))
        for field, texts in (("private_cidrs", plan.private), ("public_cidrs", plan.public))
        for text in _one_a_zone(field, texts, zones)
    ]
    for field, subnet in named:
        if not subnet.subnet_of(vpc) or subnet.prefixlen > SMALLEST_SUBNET:
            raise SpecError(
                field,
                wanted=f"ranges inside {vpc}, /{SMALLEST_SUBNET} or larger",
                got=str(subnet),
                next_step="Take a larger VPC range or fewer zones, or other subnets.",
            )
    for (_, one), (field, other) in combinations(named, 2):
        if one.overlaps(other):
            raise SpecError(
                field,
                wanted="subnets that do not overlap",
                got=f"{one} and {other}",
                next_step="Give each subnet a range of its own.",
            )


def _one_a_zone(field: str, texts: Sequence[str], zones: int) -> Sequence[str]:
    if len(texts) != zones:
        raise SpecError(
            field,
            wanted=f"one range a zone ({zones})",
            got=str(len(texts)),
            next_step="Give as many ranges as zones, in the same order.",
        )
    return texts


def _network(field: str, text: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as error:
        raise SpecError(
            field,
            wanted="an IPv4 range such as 10.40.0.0/16",
            got=repr(text),
            next_step=f"{error}.",
        ) from error
