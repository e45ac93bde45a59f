"""The arithmetic of subnets, on all ranges that are allowed."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from byoc_infra.components._subnets import plan_subnets
from byoc_infra.errors import SpecError

ZONES = [f"eu-west-1{letter}" for letter in "abcdef"]


@given(prefix=some.integers(16, 24), zones=some.integers(2, 6), base=some.integers(0, 2**24 - 1))
def test_subnets_fit_and_do_not_meet(prefix: int, zones: int, base: int) -> None:
    """Inside the range, apart from each other, each large enough; or refused."""
    vpc = ipaddress.IPv4Network((0x0A000000 | base, prefix), strict=False)
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
