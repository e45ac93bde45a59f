"""Whether a customer's VPC and subnets can be adopted; pure.

Facts in, the first refusal out. Each names the setting, what is wanted, what was found and what
to do.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from byoc_infra.aws.egress import Subnet, WayOut, Ways, way_out
from byoc_infra.errors import SpecError
from byoc_infra.naming import INSTALLATION_TAG, Place
from byoc_infra.spec import ExistingNetworkSpec

__all__ = ["NetworkFacts", "SubnetFacts", "VpcFacts", "check_lists", "check_network"]

VPC = "existing_network.vpc_id"
PRIVATE = "existing_network.private_subnet_ids"
PUBLIC = "existing_network.public_subnet_ids"
FEWEST_ZONES = 2
FREE_ADDRESSES = {PRIVATE: 16, PUBLIC: 8}
"""A load balancer wants eight free (Elastic Load Balancing guide, subnets); tasks, database and
roll-outs as many again."""


@dataclass(frozen=True, kw_only=True)
class VpcFacts:
    """A VPC as AWS describes it."""

    id: str
    owner_id: str
    cidrs: tuple[str, ...]
    available: bool = True
    dns_support: bool = True
    dns_hostnames: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SubnetFacts:
    """A subnet as AWS describes it."""

    id: str
    vpc_id: str
    zone: str
    cidr: str
    free_addresses: int
    available: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """What was found under the ids that were given."""

    vpc: VpcFacts | None
    subnets: Mapping[str, SubnetFacts] = field(default_factory=dict)
    ways: Ways = field(default_factory=Ways)


def check_lists(spec: ExistingNetworkSpec, *, public_ingress: bool) -> None:
    """What the ids alone tell, without AWS."""
    for name, ids in ((PRIVATE, spec.private_subnet_ids), (PUBLIC, spec.public_subnet_ids)):
        for one in sorted({one for one in ids if ids.count(one) > 1}):
            _refuse(name, "each subnet once", f"{one} twice", "Remove one.")
    for one in sorted(set(spec.private_subnet_ids) & set(spec.public_subnet_ids)):
        _refuse(
            PUBLIC,
            "subnets that are not in private_subnet_ids",
            one,
            "A subnet is private or public: take it out of one list.",
        )
    if public_ingress and not spec.public_subnet_ids:
        _refuse(
            PUBLIC,
            "public subnets, for public_ingress: true",
            "none",
            "Name them, or leave public_ingress out.",
        )


def check_network(
    facts: NetworkFacts, spec: ExistingNetworkSpec, *, place: Place, installation: str
) -> bool:
    """Refuse what cannot work; else whether every private subnet leads to the internet."""
    vpc = _vpc(facts, spec, place)
    _not_taken(VPC, vpc.id, vpc.tags, installation)
    private = [_found(facts, PRIVATE, one, vpc) for one in spec.private_subnet_ids]
    public = [_found(facts, PUBLIC, one, vpc) for one in spec.public_subnet_ids]
    for name, subnets in ((PRIVATE, private), (PUBLIC, public)):
        for one in subnets:
            _usable(name, one, place, installation)
    _one_a_zone(PRIVATE, private)
    _one_a_zone(PUBLIC, public)
    _same_zones(private, public)
    ways = [_leads_out(facts.ways, one) for one in private]
    for one in public:
        _leads_to_internet_gateway(facts.ways, one)
    return all(way.kind == "internet" for way in ways)


def _vpc(facts: NetworkFacts, spec: ExistingNetworkSpec, place: Place) -> VpcFacts:
    vpc = facts.vpc
    if vpc is None:
        _refuse(
            VPC,
            f"a VPC of account {place.aws_account_id} in {place.region}",
            f"{spec.vpc_id}, which is not there",
            "Check id, region and credentials.",
        )
    if vpc.owner_id != place.aws_account_id:
        _refuse(
            VPC,
            f"a VPC that account {place.aws_account_id} owns",
            f"{vpc.id} of account {vpc.owner_id}, shared with this one",
            "A shared VPC's tags are its owner's: run the account stack in that account.",
        )
    if not vpc.available:
        _refuse(VPC, "a VPC in state available", f"{vpc.id} pending", "Wait until it is.")
    for attribute, holds in (
        ("enableDnsSupport", vpc.dns_support),
        ("enableDnsHostnames", vpc.dns_hostnames),
    ):
        if not holds:
            _refuse(
                VPC,
                f"a VPC with {attribute}",
                f"{vpc.id} without it",
                f"Turn it on: Redis, the database and AWS's endpoints are found by name "
                f"(aws ec2 modify-vpc-attribute --{_dashed(attribute)}).",
            )
    return vpc


def _dashed(attribute: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", attribute).lower()


def _not_taken(name: str, id_: str, tags: Mapping[str, str], installation: str) -> None:
    holder = tags.get(INSTALLATION_TAG, installation)
    if holder != installation:
        _refuse(
            name,
            f"a network that no other installation uses, for installation {installation}",
            f"{id_} with the tag {INSTALLATION_TAG}={holder}",
            "Take another network, or destroy that installation's account stack first.",
        )


def _found(facts: NetworkFacts, name: str, id_: str, vpc: VpcFacts) -> SubnetFacts:
    found = facts.subnets.get(id_)
    if found is None or found.vpc_id != vpc.id:
        where = f"{id_} of {found.vpc_id}" if found else f"{id_}, which is not there"
        _refuse(name, f"subnets of {vpc.id}", where, "Name subnets of this VPC.")
    return found


def _usable(name: str, subnet: SubnetFacts, place: Place, installation: str) -> None:
    _not_taken(name, subnet.id, subnet.tags, installation)
    if not re.fullmatch(rf"{re.escape(place.region)}[a-z]", subnet.zone):
        _refuse(
            name,
            "subnets in availability zones",
            f"{subnet.id} in {subnet.zone}",
            "Databases and balancers need a plain zone, not a local or edge one.",
        )
    if not subnet.available:
        _refuse(name, "subnets in state available", f"{subnet.id} pending", "Wait until it is.")
    adopted = subnet.tags.get(INSTALLATION_TAG) == installation
    if not adopted and subnet.free_addresses < FREE_ADDRESSES[name]:
        _refuse(
            name,
            f"subnets with {FREE_ADDRESSES[name]} free addresses or more",
            f"{subnet.id} with {subnet.free_addresses}",
            "Take a larger subnet, or free addresses in this one.",
        )


def _one_a_zone(name: str, subnets: Sequence[SubnetFacts]) -> None:
    by_zone: dict[str, list[str]] = {}
    for one in subnets:
        by_zone.setdefault(one.zone, []).append(one.id)
    for zone, ids in sorted(by_zone.items()):
        if len(ids) > 1:
            _refuse(
                name,
                "one subnet a zone",
                f"{' and '.join(ids)} in {zone}",
                "A load balancer takes one subnet of a zone: choose which.",
            )
    if subnets and len(by_zone) < FEWEST_ZONES:
        _refuse(
            name,
            "subnets in two zones or more",
            f"{', '.join(one.id for one in subnets)} in {', '.join(by_zone)}",
            "A load balancer and a database subnet group need two zones.",
        )


def _same_zones(private: Sequence[SubnetFacts], public: Sequence[SubnetFacts]) -> None:
    missing = sorted({one.zone for one in private} - {one.zone for one in public})
    if public and missing:
        _refuse(
            PUBLIC,
            "a public subnet in each zone of private_subnet_ids",
            f"none in {', '.join(missing)}",
            "A load balancer sends nothing to zones that it has no subnet in.",
        )


def _leads_out(ways: Ways, subnet: SubnetFacts) -> WayOut:
    way = way_out(ways, Subnet(id=subnet.id, zone=subnet.zone, cidr=subnet.cidr))
    if way.kind == "internet gateway":
        _refuse(
            PRIVATE,
            "private subnets, without a route to an internet gateway",
            f"{subnet.id} with {way.route}",
            "Name it under public_subnet_ids, or give it a route table of its own.",
        )
    if way.kind == "none":
        _refuse(
            PRIVATE,
            "private subnets with a way out (a default route to a NAT gateway or instance, transit "
            "or virtual gateway, gateway load balancer), or VPC endpoints for all that tasks need",
            f"{subnet.id} with {way.route} and no endpoint for {', '.join(way.missing)}",
            "Add the route, or the endpoints: interface ones with private DNS in this zone that "
            "let 443 in from the subnet, S3's on its route table.",
        )
    return way


def _leads_to_internet_gateway(ways: Ways, subnet: SubnetFacts) -> None:
    way = way_out(ways, Subnet(id=subnet.id, zone=subnet.zone, cidr=subnet.cidr))
    if way.kind != "internet gateway":
        _refuse(
            PUBLIC,
            "public subnets, with a default route to an internet gateway",
            f"{subnet.id} with {way.route}",
            "Name it under private_subnet_ids, or add the route.",
        )


def _refuse(name: str, wanted: str, got: str, next_step: str) -> NoReturn:
    raise SpecError(name, wanted=wanted, got=got, next_step=next_step)
