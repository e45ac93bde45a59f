"""Names of a person's own that lead to a balancer, as their DNS would have it."""

from typing import Any

from byoc_infra.errors import SpecError
from byoc_infra.local.world import Hosts

__all__ = ["Aliases"]


class Aliases:
    """CNAME records of nobody's zone."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self.known: dict[str, str] = {}

    def point(self, *, name: str, at: str) -> dict[str, Any]:
        """From now on `name` is resolved as `at` is."""
        host = at.partition("://")[2] or at
        host = host.partition("/")[0].partition(":")[0].lower()
        if not name or not host or name.lower() == host:
            raise SpecError(
                "name",
                wanted="a name, and the balancer's own name or URL",
                got=f"{name!r}, {at!r}",
                next_step="`byoc local status` shows the balancers' URLs.",
            )
        self.known[name.lower()] = host
        self._hosts.set(name.lower(), host)
        return {"name": name.lower(), "at": host}

    def restore(self, known: dict[str, str]) -> None:
        """Take up what an earlier emulator was told."""
        self.known.update(known)
        for name, host in known.items():
            self._hosts.set(name, host)
