"""Which VPCs and subnets can be adopted, and where a subnet leads: decisions on plain facts."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from byoc_infra.aws.egress import Endpoint, NatGateway, Ways, way_out
from byoc_infra.aws.network_rules import NetworkFacts, check_lists, check_network
from byoc_infra.errors import SpecError
from byoc_infra.naming import FARGATE_SERVICES
from byoc_infra.spec import ExistingNetworkSpec, parse
from tests.support.networks import (
    FACTS,
    HERE,
    ONE,
    PUBLIC_ONE,
    PUBLIC_TWO,
    SPEC,
    SUBNETS,
    TWO,
    VPC,
    VPC_FACTS,
    WAYS,
    closed,
    endpoints,
    table,
)
from tests.support.recorder import PLACE


def test_a_network_as_it_should_be_is_taken() -> None:
    """Its private subnets lead to the internet through the main table's NAT gateway."""
    assert check_network(FACTS, SPEC, place=PLACE, installation="default") is True


def test_endpoints_alone_are_enough_and_are_told() -> None:
    """The caller must know, since images have to lie in the account's own registry then."""
    facts = replace(FACTS, ways=closed(*endpoints()))

    assert check_network(facts, SPEC, place=PLACE, installation="default") is False


def test_what_is_adopted_already_is_not_asked_for_room() -> None:
    """Our own tasks have taken the addresses."""
    own = {"byoc:installation": "default"}
    full = {id_: replace(one, free_addresses=0, tags=own) for id_, one in SUBNETS.items()}

    assert check_network(replace(FACTS, subnets=full), SPEC, place=PLACE, installation="default")


def changed(id_: str, **changes: Any) -> NetworkFacts:
    """The facts with another subnet under this id."""
    return replace(FACTS, subnets={**SUBNETS, id_: replace(SUBNETS[id_], **changes)})


def routed(target: str | None, **more: Any) -> NetworkFacts:
    """The facts with another default route of the main table."""
    active = more.pop("active", True)
    return replace(FACTS, ways=replace(closed(target=target, active=active), **more))


OTHERS = {"byoc:installation": "blue"}
VPC_FIELD = "existing_network.vpc_id"
PRIVATE = "existing_network.private_subnet_ids"
PUBLIC = "existing_network.public_subnet_ids"


@pytest.mark.parametrize(
    ("facts", "field", "got"),
    [
        (NetworkFacts(vpc=None), VPC_FIELD, f"{VPC}, which is not there"),
        (
            replace(FACTS, vpc=replace(VPC_FACTS, owner_id="333333333333")),
            VPC_FIELD,
            f"{VPC} of account 333333333333, shared with this one",
        ),
        (replace(FACTS, vpc=replace(VPC_FACTS, available=False)), VPC_FIELD, f"{VPC} pending"),
        (replace(FACTS, vpc=replace(VPC_FACTS, dns_support=False)), VPC_FIELD, "without it"),
        (replace(FACTS, vpc=replace(VPC_FACTS, dns_hostnames=False)), VPC_FIELD, "without it"),
        (
            replace(FACTS, vpc=replace(VPC_FACTS, tags=OTHERS)),
            VPC_FIELD,
            f"{VPC} with the tag byoc:installation=blue",
        ),
        (changed(TWO, tags=OTHERS), PRIVATE, f"{TWO} with the tag byoc:installation=blue"),
        (
            replace(FACTS, subnets={ONE: SUBNETS[ONE]}),
            PRIVATE,
            f"{TWO}, which is not there",
        ),
        (changed(TWO, vpc_id="vpc-00000002"), PRIVATE, f"{TWO} of vpc-00000002"),
        (changed(PUBLIC_ONE, vpc_id="vpc-00000002"), PUBLIC, f"{PUBLIC_ONE} of vpc-00000002"),
        (changed(ONE, zone="eu-west-1-lax-1a"), PRIVATE, f"{ONE} in eu-west-1-lax-1a"),
        (changed(ONE, available=False), PRIVATE, f"{ONE} pending"),
        (changed(ONE, free_addresses=15), PRIVATE, f"{ONE} with 15"),
        (changed(PUBLIC_TWO, free_addresses=7), PUBLIC, f"{PUBLIC_TWO} with 7"),
        (changed(TWO, zone="eu-west-1a"), PRIVATE, f"{ONE} and {TWO} in eu-west-1a"),
        (
            changed(PUBLIC_TWO, zone="eu-west-1a"),
            PUBLIC,
            f"{PUBLIC_ONE} and {PUBLIC_TWO} in eu-west-1a",
        ),
        (changed(PUBLIC_TWO, zone="eu-west-1c"), PUBLIC, "none in eu-west-1b"),
        (routed(None), PRIVATE, f"{ONE} with no default route and no endpoint for s3, ecr.api"),
        (routed("pcx-1"), PRIVATE, f"{ONE} with a default route to pcx-1, which is no way out"),
        (routed("igw-1"), PRIVATE, f"{ONE} with a default route to the internet gateway igw-1"),
        (
            routed("nat-1", active=False),
            PRIVATE,
            f"{ONE} with a default route to nat-1 that leads nowhere (blackhole)",
        ),
        (routed("nat-2"), PRIVATE, "to the NAT gateway nat-2, which is not available"),
        (
            routed("nat-1", nat_gateways={"nat-1": NatGateway(available=False)}),
            PRIVATE,
            "to the NAT gateway nat-1, which is not available",
        ),
        (
            routed("nat-1", nat_gateways={"nat-1": NatGateway(public=False)}),
            PRIVATE,
            "a default route to the private NAT gateway nat-1",
        ),
        (routed("eni-1"), PRIVATE, "a default route to eni-1, whose source/destination check"),
        (routed("vpce-1"), PRIVATE, "which is no gateway load balancer's endpoint"),
        (
            replace(FACTS, ways=replace(WAYS, tables=(table("rtb-main", "nat-1", main=True),))),
            PUBLIC,
            f"{PUBLIC_ONE} with a default route to nat-1",
        ),
    ],
)
def test_what_cannot_work_is_refused_by_setting(facts: NetworkFacts, field: str, got: str) -> None:
    """With what was found, and what to do."""
    with pytest.raises(SpecError) as refused:
        check_network(facts, SPEC, place=PLACE, installation="default")

    assert refused.value.field == field
    assert got in refused.value.got
    assert refused.value.wanted
    assert refused.value.next_step.endswith(".")


@pytest.mark.parametrize(
    ("ids", "public_ingress", "message"),
    [
        ({"private": [ONE, ONE]}, False, f"{PRIVATE}: want each subnet once, got {ONE} twice"),
        ({"public": [ONE, PUBLIC_TWO]}, False, f"{PUBLIC}: want subnets that are not in private"),
        ({"public": []}, True, f"{PUBLIC}: want public subnets, for public_ingress: true, got no"),
    ],
)
def test_lists_that_contradict_are_refused_without_asking(
    ids: dict[str, Any], *, public_ingress: bool, message: str
) -> None:
    """The ids alone tell."""
    given = {"private": [ONE, TWO], "public": [PUBLIC_ONE, PUBLIC_TWO], **ids}
    spec = ExistingNetworkSpec(
        vpc_id=VPC,
        private_subnet_ids=tuple(given["private"]),
        public_subnet_ids=tuple(given["public"]),
    )
    with pytest.raises(SpecError) as refused:
        check_lists(spec, public_ingress=public_ingress)

    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vpc_id": "vpc-1"}, "vpc_id"),
        ({"private_subnet_ids": [ONE]}, "private_subnet_ids"),
        ({"private_subnet_ids": [ONE, "sn-1"]}, "private_subnet_ids.1"),
        ({"subnets": [ONE]}, "subnets"),
    ],
)
def test_ids_that_are_none_are_refused_by_the_spec(changes: dict[str, Any], field: str) -> None:
    """Before anybody asks AWS."""
    with pytest.raises(SpecError) as refused:
        parse(ExistingNetworkSpec, {"vpc_id": VPC, "private_subnet_ids": [ONE, TWO], **changes})

    assert refused.value.field == field


@pytest.mark.parametrize("target", ["tgw-1", "vgw-1", "eni-1", "vpce-glb", "nat-1"])
def test_each_way_out_is_one(target: str) -> None:
    """Transit and virtual gateway, NAT instance, gateway load balancer, NAT gateway."""
    ways = Ways(
        tables=(table("rtb-main", target, main=True),),
        nat_gateways={"nat-1": NatGateway()},
        endpoints=(Endpoint(id="vpce-glb", service="", kind="GatewayLoadBalancer"),),
        forwarding_interfaces=frozenset({"eni-1"}),
    )

    assert way_out(ways, HERE).kind == "internet"


def test_a_table_of_its_own_goes_before_the_main_one() -> None:
    """Only a subnet that names none inherits."""
    own = table("rtb-own", "pcx-1", ONE)
    ways = replace(WAYS, tables=(*WAYS.tables, own))

    assert way_out(WAYS, HERE).kind == "internet"
    assert way_out(ways, HERE).kind == "none"


@pytest.mark.parametrize(
    "changes",
    [
        {"private_names": False},
        {"zones": frozenset({"eu-west-1b"})},
        {"available": False},
        {"admits": ("10.1.0.0/25", "10.2.0.0/16")},
        {"admits": ()},
    ],
)
def test_an_endpoint_counts_only_where_it_answers(changes: dict[str, Any]) -> None:
    """To AWS's own names, in the zone, and with port 443 open to the whole subnet."""
    way = way_out(closed(*endpoints("s3"), *endpoints("ecr.api", **changes)), HERE)

    assert way.kind == "none"
    assert way.missing == ("ecr.api", "ecr.dkr", "logs", "secretsmanager")


def test_the_gateway_of_s3_counts_only_on_the_subnets_table() -> None:
    """Another table's routes do not lead there."""
    own = table("rtb-own", None, ONE)
    ways = closed(*endpoints())
    ways = replace(ways, tables=(*ways.tables, own))

    assert way_out(ways, HERE).missing == ("s3",)


TARGETS = ["nat-1", "nat-2", "tgw-1", "vgw-1", "eni-1", "eni-2", "pcx-1", "igw-1", "vpce-1", "x-1"]


@given(
    target=some.none() | some.sampled_from(TARGETS),
    active=some.booleans(),
    words=some.sets(some.sampled_from(FARGATE_SERVICES)),
)
@settings(deadline=None)
def test_a_subnet_is_adopted_only_where_tasks_can_start(
    *, target: str | None, active: bool, words: set[str]
) -> None:
    """A live default route to a way out, or every endpoint; never a public or half-open subnet."""
    leads = active and target in {"nat-1", "tgw-1", "vgw-1", "eni-1"}
    ways = replace(
        closed(*(endpoints(*sorted(words)) if words else ()), target=target, active=active),
        nat_gateways={"nat-1": NatGateway(), "nat-2": NatGateway(public=False)},
        forwarding_interfaces=frozenset({"eni-1"}),
    )
    way = way_out(ways, HERE)

    assert (way.kind == "internet") == leads
    assert (way.kind == "internet gateway") == (active and target == "igw-1")
    if way.kind == "endpoints":
        assert words == set(FARGATE_SERVICES)
    if way.kind == "none":
        assert set(way.missing) == set(FARGATE_SERVICES) - words != set()


@given(target=some.none() | some.sampled_from(TARGETS), more=some.sampled_from(FARGATE_SERVICES))
@settings(deadline=None)
def test_one_more_endpoint_never_closes_a_way(target: str | None, more: str) -> None:
    """What works goes on working."""
    fewer = [word for word in FARGATE_SERVICES if word != more]
    rank = {"none": 0, "endpoints": 1, "internet": 1, "internet gateway": 1}
    less, whole = (
        way_out(closed(*endpoints(*words), target=target), HERE)
        for words in (fewer, FARGATE_SERVICES)
    )

    assert rank[less.kind] <= rank[whole.kind]
    assert set(whole.missing) <= set(less.missing)
