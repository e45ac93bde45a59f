"""The arithmetic of subnets, on all ranges that are allowed."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from byoc_infra.components._subnets import plan_subnets
from byoc_infra.errors import SpecError

ZONES = [f"eu-west-1{letter}" for letter in "abcdef"]


def ranges(prefix: int, base: int) -> ipaddress.IPv4Network:
    """Some range of this size within 10.0.0.0/8."""
    return ipaddress.IPv4Network((0x0A000000 | base, prefix), strict=False)


@given(prefix=some.integers(16, 24), zones=some.integers(2, 6), base=some.integers(0, 2**24 - 1))
@settings(deadline=None)
def test_subnets_fit_and_do_not_meet(prefix: int, zones: int, base: int) -> None:
    """Inside the range, apart from each other, each large enough; or refused."""
    vpc = ranges(prefix, base)
    try:
        plan = plan_subnets(str(vpc), ZONES[:zones])
    except SpecError:
        assert prefix == 24
        assert zones > 4
        return
    subnets = [ipaddress.IPv4Network(text) for text in (*plan.private, *plan.public)]

    assert len(plan.private) == len(plan.public) == zones
    assert all(subnet.subnet_of(vpc) and subnet.prefixlen <= 27 for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in combinations(subnets, 2))


def test_the_usual_network_is_the_known_one() -> None:
    """Changing the arithmetic would replace subnets that are in use."""
    plan = plan_subnets("10.40.0.0/16", ZONES[:2])

    assert plan.private == ("10.40.0.0/18", "10.40.64.0/18")
    assert plan.public == ("10.40.128.0/20", "10.40.144.0/20")


def test_too_many_zones_for_a_small_range_are_refused() -> None:
    """A load balancer would not take the subnets."""
    with pytest.raises(SpecError, match=r"/27 or larger"):
        plan_subnets("10.0.0.0/24", ZONES[:5])


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.31.0.0/20", "192.168.4.0/24"])
def test_every_private_range_will_do(cidr: str) -> None:
    """All three of RFC 1918."""
    assert plan_subnets(cidr, ZONES[:2]).private


@given(prefix=some.integers(16, 23), zones=some.integers(2, 6), base=some.integers(0, 2**24 - 1))
@settings(deadline=None)
def test_ranges_that_were_chosen_can_be_given(prefix: int, zones: int, base: int) -> None:
    """What the arithmetic chose may be written down, also in part: it stays the same plan."""
    vpc, names = str(ranges(prefix, base)), ZONES[:zones]
    plan = plan_subnets(vpc, names)

    assert plan_subnets(vpc, names, private=plan.private, public=plan.public) == plan
    assert plan_subnets(vpc, names, private=plan.private) == plan
    assert plan_subnets(vpc, names, public=plan.public) == plan


@given(prefix=some.integers(16, 23), zones=some.integers(2, 6), data=some.data())
@settings(deadline=None)
def test_ranges_that_meet_or_lie_outside_are_refused(
    prefix: int, zones: int, data: some.DataObject
) -> None:
    """Whichever of them it is."""
    names = ZONES[:zones]
    plan = plan_subnets(f"10.0.0.0/{prefix}", names)
    taken = ipaddress.IPv4Network(data.draw(some.sampled_from(plan.private)))
    inside = str(next(taken.subnets(new_prefix=27)))
    wrong = data.draw(some.sampled_from([str(taken), inside, "11.0.0.0/24"]))
    place = data.draw(some.integers(0, zones - 1))
    public = [*plan.public[:place], wrong, *plan.public[place + 1 :]]

    with pytest.raises(SpecError) as refused:
        plan_subnets(f"10.0.0.0/{prefix}", names, private=plan.private, public=public)
    assert refused.value.field == "public_cidrs"


@given(prefix=some.integers(16, 24), zones=some.integers(2, 4), base=some.integers(0, 2**24 - 1))
@settings(deadline=None)
def test_something_stays_free_for_later(prefix: int, zones: int, base: int) -> None:
    """Private subnets take half at most; a quarter of the range is never given out."""
    vpc = ranges(prefix, base)
    plan = plan_subnets(str(vpc), ZONES[:zones])
    sizes = {
        kind: sum(ipaddress.IPv4Network(text).num_addresses for text in texts)
        for kind, texts in (("private", plan.private), ("public", plan.public))
    }

    assert sizes["private"] <= vpc.num_addresses // 2
    assert sum(sizes.values()) <= vpc.num_addresses * 3 // 4 or prefix == 24
