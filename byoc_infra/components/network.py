"""A new VPC for deployments, tagged so that the control plane finds it."""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import LOG_RETENTION_DAYS, check_one_of
from byoc_infra.components._policies import (
    Document,
    endpoint_policy,
    flow_log_policy,
    flow_log_trust,
    layer_policy,
)
from byoc_infra.components._subnets import SubnetPlan, plan_subnets
from byoc_infra.naming import ENABLED_TAG, FARGATE_SERVICES, PRIVATE_TAG, AccountNames, Place

__all__ = ["Network", "NetworkArgs"]

ANYWHERE = "0.0.0.0/0"
NatMode = Literal["none", "one", "per_zone"]


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """The range of the VPC, where its subnets lie, and what leads out of them."""

    names: AccountNames
    """Of the installation; all names and tags follow from it."""
    zones: Sequence[str]
    """Names of two to six availability zones; their order decides which ranges they get."""
    cidr: str = "10.40.0.0/16"
    """Private (RFC 1918), /16 to /24."""
    private_cidrs: Sequence[str] | None = None
    """One a zone; chosen when absent: half of the range."""
    public_cidrs: Sequence[str] | None = None
    """One a zone; chosen when absent: a little of the other half."""
    nat: NatMode = "one"
    """How private subnets reach the internet: through one NAT gateway; through one in each zone,
    so that the loss of a zone takes only its own way out; or not at all, and AWS's own services
    through VPC endpoints."""
    flow_logs: bool = True
    """Keep a record of every connection, accepted or rejected, in CloudWatch Logs."""
    flow_log_retention_days: int = 90
    """How long flow logs are kept."""
    permissions_boundary_arn: str | None = None
    """On the role that the flow logs write with."""

    def __post_init__(self) -> None:
        self.plan()
        check_one_of(
            "nat",
            self.nat,
            ("none", "one", "per_zone"),
            next_step="`one` is enough unless a zone's loss must not stop the others.",
        )
        check_one_of(
            "flow_log_retention_days",
            self.flow_log_retention_days,
            LOG_RETENTION_DAYS,
            next_step="CloudWatch Logs takes only these.",
        )

    def plan(self) -> SubnetPlan:
        """The subnets' ranges, checked."""
        return plan_subnets(
            self.cidr, self.zones, private=self.private_cidrs, public=self.public_cidrs
        )


class Network(Component):
    """Public and private subnets over the zones, and a way out; nothing open by default."""

    TYPE: ClassVar[str] = "byoc:aws:Network"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "subnets_lie_in_two_zones_or_more",
        "the_seeds_tags_are_on_vpc_and_subnets",
        "private_subnets_go_out_through_nat_only",
        "without_nat_private_subnets_reach_aws_only",
        "endpoints_serve_this_account_only",
        "a_change_of_nat_keeps_what_is_there",
        "no_subnet_gives_out_public_addresses",
        "the_default_security_group_is_closed",
        "flow_logs_tell_of_all_traffic_and_have_an_end",
    )

    vpc_id: pulumi.Output[str]
    """The VPC."""
    cidr: pulumi.Output[str]
    """Its range."""
    private_subnet_ids: list[pulumi.Output[str]]
    """One a zone, for tasks, databases and internal balancers."""
    public_subnet_ids: list[pulumi.Output[str]]
    """One a zone, for NAT gateways and internet-facing balancers."""

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._name, self._names, self._tags = name, args.names, args.names.tags()
        plan = args.plan()
        vpc = self._vpc = aws.ec2.Vpc(
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
        public = self._subnets("public", dict(zip(args.zones, plan.public, strict=True)))
        private = self._subnets("private", dict(zip(args.zones, plan.private, strict=True)))
        gateway = self._public_way_out(public)
        if args.nat == "none":
            self._endpoints(args.cidr, private)
        else:
            zones = args.zones[:1] if args.nat == "one" else args.zones
            self._nat(dict(zip(zones, public, strict=False)), private, gateway)
        if args.flow_logs:
            self._flow_logs(args)
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

    def _subnets(self, kind: str, ranges: Mapping[str, str]) -> list[aws.ec2.Subnet]:
        found_by = {ENABLED_TAG: "1", PRIVATE_TAG: "1" if kind == "private" else "0"}
        return [
            aws.ec2.Subnet(
                f"{self._name}-{kind}-{zone}",
                vpc_id=self._vpc.id,
                cidr_block=cidr,
                availability_zone=zone,
                map_public_ip_on_launch=False,
                tags=self._tagged(f"{self._name}-{kind}-{zone}", found_by),
                opts=self.child(),
            )
            for zone, cidr in ranges.items()
        ]

    def _public_way_out(self, public: Sequence[aws.ec2.Subnet]) -> aws.ec2.InternetGateway:
        gateway = aws.ec2.InternetGateway(
            self._name, vpc_id=self._vpc.id, tags=self._tagged(self._name), opts=self.child()
        )
        name = f"{self._name}-public"
        table = self._table(name)
        self._default_route(name, table, gateway_id=gateway.id)
        self._associate("public", public, [table])
        return gateway

    def _nat(
        self,
        public: Mapping[str, aws.ec2.Subnet],
        private: Sequence[aws.ec2.Subnet],
        gateway: aws.ec2.InternetGateway,
    ) -> None:
        """A NAT gateway in each public subnet given, by zone; the first serves where others lack.

        The first zone's keep the names without a zone, so that more or fewer replace nothing.
        """
        tables = []
        for number, (zone, subnet) in enumerate(public.items()):
            end = f"-{zone}" if number else ""
            nat = self._nat_gateway(f"{self._name}-nat{end}", subnet, gateway)
            table = self._table(f"{self._name}-private{end}")
            self._default_route(f"{self._name}-private{end}", table, nat_gateway_id=nat.id)
            tables.append(table)
        self._associate("private", private, tables)

    def _nat_gateway(
        self, name: str, subnet: aws.ec2.Subnet, gateway: aws.ec2.InternetGateway
    ) -> aws.ec2.NatGateway:
        address = aws.ec2.Eip(name, domain="vpc", tags=self._tagged(name), opts=self.child())
        return aws.ec2.NatGateway(
            name,
            subnet_id=subnet.id,
            allocation_id=address.id,
            tags=self._tagged(name),
            opts=self.child(depends_on=[gateway]),
        )

    def _table(self, name: str) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(
            name, vpc_id=self._vpc.id, tags=self._tagged(name), opts=self.child()
        )

    def _default_route(
        self,
        name: str,
        table: aws.ec2.RouteTable,
        *,
        gateway_id: pulumi.Input[str] | None = None,
        nat_gateway_id: pulumi.Input[str] | None = None,
    ) -> None:
        aws.ec2.Route(
            name,
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway_id,
            nat_gateway_id=nat_gateway_id,
            opts=self.child(),
        )

    def _associate(
        self, kind: str, subnets: Sequence[aws.ec2.Subnet], tables: Sequence[aws.ec2.RouteTable]
    ) -> None:
        """Each subnet with the table of its place, or all with the only one."""
        pairs = zip(subnets, cycle(tables), strict=False)
        for number, (subnet, table) in enumerate(pairs, start=1):
            aws.ec2.RouteTableAssociation(
                f"{self._name}-{kind}-{number}",
                subnet_id=subnet.id,
                route_table_id=table.id,
                opts=self.child(),
            )

    def _endpoints(self, cidr: str, private: Sequence[aws.ec2.Subnet]) -> None:
        table = self._table(f"{self._name}-private")
        self._associate("private", private, [table])
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3",
            vpc_id=self._vpc.id,
            service_name=self._service("s3"),
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.id],
            policy=self._document(layer_policy),
            tags=self._tagged(f"{self._name}-s3"),
            opts=self.child(),
        )
        group = self._endpoint_group(cidr)
        for service in sorted({*FARGATE_SERVICES} - {"s3"}):
            name = f"{self._name}-{service.replace('.', '-')}"
            aws.ec2.VpcEndpoint(
                name,
                vpc_id=self._vpc.id,
                service_name=self._service(service),
                vpc_endpoint_type="Interface",
                subnet_ids=[subnet.id for subnet in private],
                security_group_ids=[group.id],
                private_dns_enabled=True,
                policy=self._document(endpoint_policy),
                tags=self._tagged(name),
                opts=self.child(),
            )

    def _endpoint_group(self, cidr: str) -> aws.ec2.SecurityGroup:
        name, physical = f"{self._name}-endpoints", self._names.security_group("endpoints")
        group = aws.ec2.SecurityGroup(
            name,
            name=physical,
            description="AWS endpoints of the private subnets",
            vpc_id=self._vpc.id,
            tags=self._tagged(physical),
            opts=self.child(),
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-in-443",
            security_group_id=group.id,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_ipv4=cidr,
            tags=self._tags,
            opts=self.child(),
        )
        return group

    def _flow_logs(self, args: NetworkArgs) -> None:
        name, names = f"{self._name}-flow-logs", self._names
        group = aws.cloudwatch.LogGroup(
            name,
            name=names.flow_log_group,
            retention_in_days=args.flow_log_retention_days,
            tags=self._tags,
            opts=self.child(),
        )
        role = aws.iam.Role(
            name,
            name=names.flow_log_role,
            assume_role_policy=self._document(flow_log_trust),
            permissions_boundary=args.permissions_boundary_arn,
            tags=self._tags,
            opts=self.child(),
        )
        rights = aws.iam.RolePolicy(
            name,
            name="write-flow-logs",
            role=role.name,
            policy=self._document(lambda place: flow_log_policy(place, names)),
            opts=self.child(),
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=self._vpc.id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags=self._tagged(name),
            opts=self.child(depends_on=[rights]),
        )

    def _service(self, word: str) -> pulumi.Output[str]:
        """AWS's name of a service in the VPC's own region."""
        return self._vpc.arn.apply(lambda arn: f"com.amazonaws.{_place(arn).region}.{word}")

    def _document(self, policy: Callable[[Place], Document]) -> pulumi.Output[str]:
        return self._vpc.arn.apply(lambda arn: json.dumps(policy(_place(arn))))


def _place(arn: str) -> Place:
    """Where a resource is, by its ARN: callers need not say it."""
    _, _, _, region, account = arn.split(":")[:5]
    return Place(account, region)
