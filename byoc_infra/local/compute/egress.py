"""Whether a task's subnet lets it reach what it needs before it runs.

Packets are not routed here; the routes and endpoints are judged instead, by the rules with which
a customer's network is judged before it is adopted.
"""

from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends

from byoc_infra.aws.egress import (
    ANYWHERE,
    Endpoint,
    NatGateway,
    Route,
    RouteTable,
    Subnet,
    Ways,
    way_out,
)
from byoc_infra.local.compute.model import Task

__all__ = ["unreached"]

HTTPS = 443
LACK = "There is a connection issue between the task and {}. Check your task network configuration."
PULL = "ResourceInitializationError: unable to pull secrets or registry auth: "
"""As in ECS's guide, stopped tasks error messages."""

Moto = Any
"""Moto's objects have attributes that nobody declares."""


def unreached(task: Task) -> str | None:
    """What ECS says of a task that reaches neither the internet nor the endpoints; None if it does.

    A subnet that is not there is refused elsewhere.
    """
    ec2 = ec2_backends[task.account_id][task.region]
    held = [
        by_zone[task.subnet_id] for by_zone in ec2.subnets.values() if task.subnet_id in by_zone
    ]
    subnet = held[0] if held else None
    if subnet is None:
        return None
    place = Subnet(id=subnet.id, zone=subnet.availability_zone, cidr=subnet.cidr_block)
    way = way_out(_ways(ec2, subnet.vpc_id), place)
    if way.kind == "internet" or (way.kind == "internet gateway" and task.public_address):
        return None
    return next((words for service, words in _needs(task) if service in way.missing), None)


def _needs(task: Task) -> Iterator[tuple[str, str]]:
    """In ECS's order: AWS's services that the task calls, and what is said when one is silent."""
    if any(one.definition.get("secrets") for one in task.containers):
        lack = LACK.format("AWS Secrets Manager")
        yield "secretsmanager", f"{PULL}unable to retrieve secret from asm: {lack}"
    lack = LACK.format("Amazon ECR")
    yield "ecr.api", f"{PULL}The task cannot pull registry auth from Amazon ECR: {lack}"
    if any(one.definition.get("logConfiguration") for one in task.containers):
        lack = LACK.format("Amazon CloudWatch")
        yield "logs", f"ResourceInitializationError: failed to validate logger args: {lack}"
    for service in ("ecr.dkr", "s3"):
        image = task.containers[0].image
        lack = LACK.format("the registry")
        yield service, f"CannotPullContainerError: The task cannot pull {image}. {lack}"


def _ways(ec2: Moto, vpc_id: str) -> Ways:
    tables = [one for one in ec2.route_tables.values() if one.vpc_id == vpc_id]
    return Ways(
        tables=tuple(_table(one) for one in tables),
        nat_gateways={
            one.id: NatGateway(
                public=one.connectivity_type != "private", available=one.state == "available"
            )
            for one in ec2.nat_gateways.values()
        },
        endpoints=tuple(
            _endpoint(ec2, one) for one in ec2.vpc_end_points.values() if one.vpc_id == vpc_id
        ),
        forwarding_interfaces=frozenset(
            one.id for one in ec2.enis.values() if not one.source_dest_check
        ),
    )


def _table(table: Moto) -> RouteTable:
    return RouteTable(
        id=table.id,
        routes=tuple(
            Route(
                destination=str(one.destination_cidr_block or one.destination_prefix_list_id),
                target=_target(one),
                active=one.state == "active",
            )
            for one in table.routes
        ),
        subnet_ids=frozenset(one["SubnetId"] for one in table.associations if "SubnetId" in one),
        main=table.main_association_id is not None,
    )


def _target(route: Moto) -> str:
    ids = (
        route.nat_gateway_id,
        route.transit_gateway_id,
        route.network_interface_id,
        route.vpc_peering_connection_id,
        route.gateway_id,
    )
    return next((str(one) for one in ids if one), "nothing")


def _endpoint(ec2: Moto, one: Moto) -> Endpoint:
    zones = [ec2.get_subnet(subnet).availability_zone for subnet in one.subnet_ids or ()]
    return Endpoint(
        id=one.id,
        service=one.service_name.partition(f".{ec2.region_name}.")[2],
        kind=one.vpc_endpoint_type or "Gateway",
        available=one.state == "available",
        private_names=bool(one.private_dns_enabled),
        zones=frozenset(zones),
        table_ids=frozenset(one.route_table_ids or ()),
        admits=tuple(cidr for group in one.security_group_ids for cidr in _admits(ec2, group)),
    )


def _admits(ec2: Moto, group_id: str) -> Iterator[str]:
    group = ec2.get_security_group_from_id(group_id)
    for rule in group.ingress_rules if group else ():
        # a prefix list may let the task in, and counts as if it did
        cidr = rule.ip_range.get("CidrIp") or (rule.prefix_list_id and ANYWHERE)
        if cidr and _is_https(rule):
            yield cidr


def _is_https(rule: Moto) -> bool:
    if str(rule.ip_protocol) == "-1":
        return True
    return rule.ip_protocol == "tcp" and int(rule.from_port) <= HTTPS <= int(rule.to_port)
