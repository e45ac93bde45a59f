"""Who may speak to whom, as data; pure. No group has a rule that names itself."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from byoc_infra.components._checks import check_network_range, check_ports, check_unique
from byoc_infra.errors import SpecError
from byoc_infra.spec import ExternalDatabaseSpec

__all__ = ["GROUPS", "Rule", "check_external_databases", "rules"]

ANYWHERE = "0.0.0.0/0"
WEB_PORTS = (80, 443)
API_PORT, REDIS_PORT, POSTGRES_PORT = 8000, 6379, 5432
WIDEST = 8
"""The widest private range (RFC 1918)."""
GROUPS = {
    "lb-internal": "Load balancers that are reached from inside",
    "lb-public": "Load balancers that face the internet",
    "app": "LangGraph servers",
    "cache": "Redis",
    "database": "PostgreSQL",
}
"""Each security group's role and what it is for."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of one security group."""

    group: str
    direction: Literal["in", "out"]
    port: int
    peer: str | None = None
    """Another group, …"""
    cidr: str | None = None
    """… or a range."""

    @property
    def name(self) -> str:
        """Its place in the stack: `app-in-8000-lb-internal`."""
        peer = self.peer or str(self.cidr).replace("/", "_")
        return f"{self.group}-{self.direction}-{self.port}-{peer}"


def rules(
    *,
    ingress_cidrs: Sequence[str],
    public_ingress: bool,
    egress_ports: Sequence[int],
    external_databases: Sequence[ExternalDatabaseSpec] = (),
) -> tuple[Rule, ...]:
    """Every rule there is; what is not here is closed."""
    return (
        *_balancer("lb-internal", ingress_cidrs),
        *(_balancer("lb-public", [ANYWHERE]) if public_ingress else ()),
        *_between("app", "cache", REDIS_PORT),
        *_between("app", "database", POSTGRES_PORT),
        *(Rule(group="app", direction="out", port=p, cidr=ANYWHERE) for p in egress_ports),
        *(
            Rule(group="app", direction="out", port=one.port, cidr=one.cidr)
            for one in external_databases
        ),
        # Fargate fetches images, secrets and writes logs through the task's own interface.
        Rule(group="cache", direction="out", port=443, cidr=ANYWHERE),
    )


def check_external_databases(listed: Sequence[ExternalDatabaseSpec]) -> None:
    """Ranges of servers, each once; no half of the internet."""
    field = "external_databases"
    for one in listed:
        if one.cidr.endswith("/0"):
            raise _too_wide(one.cidr)
        check_network_range(field, one.cidr)
        if ipaddress.IPv4Network(one.cidr).prefixlen < WIDEST:
            raise _too_wide(one.cidr)
        check_ports(field, [one.port])
    check_unique(field, (f"{one.cidr}:{one.port}" for one in listed))


def _too_wide(cidr: str) -> SpecError:
    return SpecError(
        "external_databases",
        wanted=f"ranges of /{WIDEST} or narrower",
        got=cidr,
        next_step="Name the addresses that your servers have.",
    )


def _balancer(group: str, cidrs: Sequence[str]) -> Iterator[Rule]:
    for port in WEB_PORTS:
        for cidr in cidrs:
            yield Rule(group=group, direction="in", port=port, cidr=cidr)
    yield from _between(group, "app", API_PORT)


def _between(speaker: str, listener: str, port: int) -> Iterator[Rule]:
    yield Rule(group=speaker, direction="out", port=port, peer=listener)
    yield Rule(group=listener, direction="in", port=port, peer=speaker)
