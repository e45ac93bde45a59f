"""Who may speak to whom, as data; pure. No group has a rule that names itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["GROUPS", "Rule", "rules"]

ANYWHERE = "0.0.0.0/0"
WEB_PORTS = (80, 443)
API_PORT, REDIS_PORT, POSTGRES_PORT = 8000, 6379, 5432
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
    *, ingress_cidrs: Sequence[str], public_ingress: bool, egress_ports: Sequence[int]
) -> tuple[Rule, ...]:
    """Every rule there is; what is not here is closed."""
    return (
        *_balancer("lb-internal", ingress_cidrs),
        *(_balancer("lb-public", [ANYWHERE]) if public_ingress else ()),
        *_between("app", "cache", REDIS_PORT),
        *_between("app", "database", POSTGRES_PORT),
        *(Rule(group="app", direction="out", port=p, cidr=ANYWHERE) for p in egress_ports),
        # Fargate fetches images, secrets and writes logs through the task's own interface.
        Rule(group="cache", direction="out", port=443, cidr=ANYWHERE),
    )


def _balancer(group: str, cidrs: Sequence[str]) -> Iterator[Rule]:
    for port in WEB_PORTS:
        for cidr in cidrs:
            yield Rule(group=group, direction="in", port=port, cidr=cidr)
    yield from _between(group, "app", API_PORT)


def _between(speaker: str, listener: str, port: int) -> Iterator[Rule]:
    yield Rule(group=speaker, direction="out", port=port, peer=listener)
    yield Rule(group=listener, direction="in", port=port, peer=speaker)
