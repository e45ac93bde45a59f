"""A VPC that is there already: tags that say what deployments may use, and nothing else."""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_unique
from byoc_infra.errors import SpecError
from byoc_infra.naming import ENABLED_TAG, INSTALLATION_TAG, PRIVATE_TAG, AccountNames

__all__ = ["ExistingNetwork", "ExistingNetworkArgs"]

FEWEST_SUBNETS = 2
WORDS = {ENABLED_TAG: "enabled", PRIVATE_TAG: "private", INSTALLATION_TAG: "installation"}
"""What a tag is called in the stack."""


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkArgs:
    """Which VPC and which of its subnets. Whether they are fit for it is for the caller to see."""

    names: AccountNames
    """Of the installation; all names and tags follow from it."""
    vpc_id: pulumi.Input[str]
    """The VPC that is there."""
    cidr: pulumi.Input[str]
    """The VPC's range, as AWS has it."""
    private_subnet_ids: Sequence[pulumi.Input[str]]
    """One a zone, two zones or more: for tasks, databases and internal balancers."""
    public_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """One a zone, for internet-facing balancers."""

    def __post_init__(self) -> None:
        known = [
            one for one in (*self.private_subnet_ids, *self.public_subnet_ids) if _is_known(one)
        ]
        check_unique("subnets", map(str, known))
        if len(self.private_subnet_ids) < FEWEST_SUBNETS:
            raise SpecError(
                "private_subnet_ids",
                wanted="two subnets or more, in different zones",
                got=str(len(self.private_subnet_ids)),
                next_step="A load balancer and a database subnet group need two zones.",
            )


class ExistingNetwork(Component):
    """Tags on a VPC and its subnets, taken off again on destroy; stands where `Network` does."""

    TYPE: ClassVar[str] = "byoc:aws:ExistingNetwork"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "nothing_but_tags_is_made",
        "the_seeds_tags_are_on_vpc_and_subnets",
        "the_order_of_subnets_means_nothing",
    )

    vpc_id: pulumi.Output[str]
    """The VPC."""
    cidr: pulumi.Output[str]
    """Its range."""
    private_subnet_ids: list[pulumi.Output[str]]
    """One a zone, for tasks, databases and internal balancers."""
    public_subnet_ids: list[pulumi.Output[str]]
    """One a zone, for internet-facing balancers; none where none were given."""

    def __init__(
        self, name: str, args: ExistingNetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        own = {ENABLED_TAG: "1", **args.names.tags()}
        self._tag(f"{name}-vpc", args.vpc_id, own)
        for label, subnet in _labelled("private", args.private_subnet_ids):
            self._tag(f"{name}-{label}", subnet, {**own, PRIVATE_TAG: "1"})
        for label, subnet in _labelled("public", args.public_subnet_ids):
            self._tag(f"{name}-{label}", subnet, {**own, PRIVATE_TAG: "0"})
        self.vpc_id = pulumi.Output.from_input(args.vpc_id)
        self.cidr = pulumi.Output.from_input(args.cidr)
        self.private_subnet_ids = [pulumi.Output.from_input(one) for one in args.private_subnet_ids]
        self.public_subnet_ids = [pulumi.Output.from_input(one) for one in args.public_subnet_ids]
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "cidr": self.cidr,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
            }
        )

    def _tag(self, name: str, resource_id: pulumi.Input[str], tags: Mapping[str, str]) -> None:
        for key, value in tags.items():
            aws.ec2.Tag(
                f"{name}-{WORDS[key]}",
                resource_id=resource_id,
                key=key,
                value=value,
                opts=self.child(),
            )


def _labelled(
    kind: str, subnets: Sequence[pulumi.Input[str]]
) -> Iterator[tuple[str, pulumi.Input[str]]]:
    """Each subnet with its name in the stack: its id, or its place while the id is not known.

    By id, since a tag that moves to another place in the list must not be taken off on the way.
    """
    for number, one in enumerate(subnets, start=1):
        yield str(one) if _is_known(one) else f"{kind}-{number}", one


def _is_known(one: pulumi.Input[str]) -> bool:
    return isinstance(one, str)
