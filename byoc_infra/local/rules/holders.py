"""Who stands in a subnet or wears a security group, so that neither can be deleted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.local.persistence import backend_of

__all__ = ["Holders", "Holding"]


@dataclass(frozen=True)
class Holding:
    """One thing with network interfaces."""

    what: str
    subnets: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


Source = Callable[[str, str], Iterable[Holding]]


@dataclass
class Holders:
    """Everything that has network interfaces; parts outside moto add their own source."""

    sources: list[Source] = field(default_factory=list)

    def add(self, source: Source) -> None:
        """`source(account_id, region)` tells what it holds."""
        self.sources.append(source)

    def of_group(self, account_id: str, region: str, group_id: str) -> str | None:
        """Something that wears this security group."""
        found = (one.what for one in self._all(account_id, region) if group_id in one.groups)
        return next(found, None)

    def of_subnet(self, account_id: str, region: str, subnet_id: str) -> str | None:
        """Something that stands in this subnet."""
        found = (one.what for one in self._all(account_id, region) if subnet_id in one.subnets)
        return next(found, None)

    def _all(self, account_id: str, region: str) -> Iterable[Holding]:
        for source in (_interfaces, _endpoints, _balancers, _instances, *self.sources):
            yield from source(account_id, region)


def _interfaces(account_id: str, region: str) -> Iterable[Holding]:
    for one in backend_of("ec2", account_id, region).enis.values():
        groups = frozenset(group.id for group in one.group_set)
        yield Holding(one.id, frozenset({one.subnet.id}), groups)


def _endpoints(account_id: str, region: str) -> Iterable[Holding]:
    """Moto's interfaces of endpoints do not wear the endpoints' groups."""
    for one in backend_of("ec2", account_id, region).vpc_end_points.values():
        if one.state != "deleted":
            yield Holding(one.id, frozenset(), frozenset(one.security_group_ids))


def _balancers(account_id: str, region: str) -> Iterable[Holding]:
    for one in backend_of("elbv2", account_id, region).load_balancers.values():
        subnets = frozenset(subnet.id for subnet in one.subnets)
        yield Holding(one.arn, subnets, frozenset(one.security_groups or ()))


def _instances(account_id: str, region: str) -> Iterable[Holding]:
    for one in backend_of("rds", account_id, region).databases.values():
        group: Any = getattr(one, "db_subnet_group", None)
        subnets = frozenset(subnet["SubnetIdentifier"] for subnet in group.subnets) if group else ()
        yield Holding(one.arn, frozenset(subnets), frozenset(one.vpc_security_group_ids or ()))
