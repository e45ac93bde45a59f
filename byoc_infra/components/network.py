"""A new VPC for deployments, tagged so that the control plane finds it."""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._subnets import SubnetPlan, plan_subnets
from byoc_infra.naming import ENABLED_TAG, PRIVATE_TAG, AccountNames

__all__ = ["Network", "NetworkArgs"]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The range of the VPC and where its subnets lie."""

    names: AccountNames
    zones: Sequence[str]
    """Names of two to six availability zones; their order decides which ranges they get."""
    cidr: str = "10.40.0.0/16"
    """Private (RFC 1918), /16 to /24."""
    private_cidrs: Sequence[str] | None = None
    """One a zone; chosen when absent: half of the range."""
    public_cidrs: Sequence[str] | None = None
    """One a zone; chosen when absent: a little of the other half."""

    def __post_init__(self) -> None:
        self.plan()

    def plan(self) -> SubnetPlan:
        """The subnets' ranges, checked."""
        return plan_subnets(
            self.cidr, self.zones, private=self.private_cidrs, public=self.public_cidrs
        )


class Network(Component):
    """Public and private subnets over the zones; one NAT gateway; nothing open by default."""

    TYPE: ClassVar[str] = "byoc:aws:Network"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "subnets_lie_in_two_zones_or_more",
        "the_seeds_tags_are_on_vpc_and_subnets",
        "private_subnets_go_out_through_nat_only",
        "no_subnet_gives_out_public_addresses",
        "the_default_security_group_is_closed",
    )

    vpc_id: pulumi.Output[str]
    cidr: pulumi.Output[str]
    private_subnet_ids: list[pulumi.Output[str]]
    public_subnet_ids: list[pulumi.Output[str]]

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._name, self._tags = name, args.names.tags()
        plan = args.plan()
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._tagged(name, {ENABLED_TAG: "1"}),
            opts=self.child(),
        )
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self._tagged(f"{name}-default"),
            opts=self.child(),
        )
        gateway = aws.ec2.InternetGateway(
            name, vpc_id=vpc.id, tags=self._tagged(name), opts=self.child()
        )
        public = self._subnets("public", vpc, dict(zip(args.zones, plan.public, strict=True)))
        private = self._subnets("private", vpc, dict(zip(args.zones, plan.private, strict=True)))
        nat = self._nat(public[0], gateway)
        self._routes("public", vpc, public, gateway_id=gateway.id)
        self._routes("private", vpc, private, nat_gateway_id=nat.id)
        self.vpc_id, self.cidr = vpc.id, vpc.cidr_block
        self.private_subnet_ids = [subnet.id for subnet in private]
        self.public_subnet_ids = [subnet.id for subnet in public]
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "cidr": self.cidr,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
            }
        )

    def _tagged(self, name: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
        return {**self._tags, "Name": name, **(more or {})}

    def _subnets(
        self, kind: str, vpc: aws.ec2.Vpc, ranges: Mapping[str, str]
    ) -> list[aws.ec2.Subnet]:
        found_by = {ENABLED_TAG: "1", PRIVATE_TAG: "1" if kind == "private" else "0"}
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{zone}",
                vpc_id=vpc.id,
                cidr_block=cidr,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags=self._tagged(f"{self._name}-{kind}-{zone}", found_by),
                opts=self.child(),
            )
            for zone, cidr in ranges.items()
        ]

    def _nat(self, subnet: aws.ec2.Subnet, gateway: aws.ec2.InternetGateway) -> aws.ec2.NatGateway:
        name = f"{self._name}-nat"
        address = aws.ec2.Eip(name, domain="vpc", tags=self._tagged(name), opts=self.child())
        return aws.ec2.NatGateway(
            name,
            subnet_id=subnet.id,
            allocation_id=address.id,
            tags=self._tagged(name),
            opts=self.child(depends_on=[gateway]),
        )

    def _routes(
        self,
        kind: str,
        vpc: aws.ec2.Vpc,
        subnets: Sequence[aws.ec2.Subnet],
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        name = f"{self._name}-{kind}"
        table = aws.ec2.RouteTable(name, vpc_id=vpc.id, tags=self._tagged(name), opts=self.child())
        aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )
        for number, subnet in enumerate(subnets, start=1):
            aws.ec2.RouteTableAssociation(
                f"{name}-{number}",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )
