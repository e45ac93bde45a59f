"""The load balancers of the local cloud: one reverse proxy for each that moto knows.

What exists is moto's word: a loop compares its load balancers, listeners and target groups with
what is served and follows. What is true (health, draining) is this module's: it replaces the
answer that moto invents for DescribeTargetHealth.
"""

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
from moto.elbv2.models import FakeHealthStatus, FakeTargetGroup, elbv2_backends

from byoc_infra.local.balancing import proxy, routing, targets
from byoc_infra.local.balancing.proxy import Answer, Forward, ListenerApp
from byoc_infra.local.balancing.targets import CheckSettings, Health, Target
from byoc_infra.local.balancing.web import Server, serve
from byoc_infra.local.world import World

__all__ = ["Balancer"]

log = logging.getLogger(__name__)

SYNC_S = 0.2
Key = tuple[str, int]
Contexts = Callable[[str], ssl.SSLContext | None]
"""What TLS needs of an ACM certificate, by its ARN; None for one that is not there."""


@dataclass(frozen=True)
class Speaks:
    """What a listener is to speak; when it changes, it listens anew."""

    port: int
    protocol: str
    certificate: str | None

    @classmethod
    def of(cls, listener: Any) -> "Speaks":  # noqa: ANN401 - moto's
        """As moto has it."""
        protocol = str(listener.protocol)
        certificate = listener.certificate if protocol == "HTTPS" else None
        return cls(int(listener.port), protocol, certificate)


USUAL = {"http": 80, "https": 443}
"""Ports that a URL leaves out."""


class Balancer:
    """All load balancers of one local cloud."""

    current: ClassVar["Balancer | None"] = None
    """The one whose word DescribeTargetHealth gives."""

    def __init__(self, world: World, contexts: Contexts = lambda _arn: None) -> None:
        self.world = world
        self._contexts = contexts
        self._places: dict[str, tuple[str, str]] = {}
        """By balancer ARN: its DNS name and its address."""
        self._servers: dict[str, tuple[Speaks, Server]] = {}
        self._moved: dict[str, str] = {}
        """By `name:port`: where that port is really listened on, if it could not be bound."""
        self._targets: dict[str, dict[Key, Target]] = {}
        self._turn: dict[str, int] = {}
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Serve whatever moto has, from now on."""
        Balancer.current = self
        FakeTargetGroup.health_for = _health_for  # type: ignore[method-assign, assignment]  # moto has no other way in
        self.world.shared_loop.run(self._start())

    def stop(self) -> None:
        """Close every listening address."""
        self.world.shared_loop.run(self._stop())
        Balancer.current = None

    def urls(self) -> dict[str, str]:
        """By listener ARN: where it can be reached, with the port that was really bound."""
        found = {}
        for arn, (_speaks, server) in list(self._servers.items()):
            listener = self._listeners().get(arn)
            if listener is not None:
                name = self._balancers()[listener.load_balancer_arn].dns_name
                scheme = str(listener.protocol).lower()
                port = "" if server.port == USUAL[scheme] else f":{server.port}"
                found[arn] = f"{scheme}://{name}{port}"
        return found

    def health(self, group: FakeTargetGroup, address: str, port: int | None) -> Health:
        """The truth about one target."""
        known = self._targets.get(group.arn, {})
        here = [t for (a, p), t in known.items() if a == address and port in (None, p)]
        if not here:
            registered = address in group.targets
            return targets.INITIAL if registered else targets.NOT_REGISTERED
        if here[0].draining_since is None and not group.load_balancer_arns:
            return targets.UNUSED
        return here[0].health

    def drained(self, group_arn: str, address: str, port: int) -> bool:
        """Whether a target that was deregistered has nothing left to do."""
        group = self._groups().get(group_arn)
        if group is not None and address in group.targets:
            return False
        return (address, port) not in self._targets.get(group_arn, {})

    async def _start(self) -> None:
        # A new connection for each request: an idle one may be closed by a task that is stopping
        # in the very moment in which it is used again, and that would fail the client's request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._client = httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)
        await self._sync()
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for known in self._targets.values():
            for target in known.values():
                _unwatch(target)
        await asyncio.gather(*(server.close() for _, server in self._servers.values()))
        self._servers.clear()
        if self._client is not None:
            await self._client.aclose()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(SYNC_S)
            try:
                await self._sync()
            except Exception:
                log.exception("the load balancers could not follow moto")

    async def _sync(self) -> None:
        self._sync_names()
        await self._sync_listeners()
        self._sync_ports()
        self._sync_targets()

    def _sync_names(self) -> None:
        balancers = self._balancers()
        for arn, balancer in balancers.items():
            if arn not in self._places:
                self._places[arn] = (balancer.dns_name, self.world.addresses.take())
                self.world.hosts.set(*self._places[arn])
        for arn in [arn for arn in self._places if arn not in balancers]:
            name, address = self._places.pop(arn)
            # A balancer made again under the same name has taken the name over already.
            if self.world.hosts.get(name) == address:
                self.world.hosts.set(name, None)

    async def _sync_listeners(self) -> None:
        listeners = self._listeners()
        for arn, (speaks, server) in list(self._servers.items()):
            listener = listeners.get(arn)
            if listener is None or Speaks.of(listener) != speaks:
                del self._servers[arn]
                await server.close()
        for arn, listener in listeners.items():
            if arn not in self._servers and self._client:
                await self._serve(arn, listener, self._client)

    async def _serve(self, arn: str, listener: Any, client: httpx.AsyncClient) -> None:  # noqa: ANN401 - moto's
        speaks = Speaks.of(listener)
        context = self._contexts(speaks.certificate or "") if speaks.protocol == "HTTPS" else None
        if speaks.protocol != "HTTP" and context is None:
            return  # another protocol, or a certificate that ACM has not
        app = ListenerApp(_Listener(self, arn), client, speaks.port)
        _name, address = self._places[listener.load_balancer_arn]
        server = await serve(app, address, speaks.port, context=context)
        self._servers[arn] = (speaks, server)

    def _sync_ports(self) -> None:
        moved = {}
        for arn, (speaks, server) in self._servers.items():
            listener = self._listeners().get(arn)
            if listener is not None and server.port != speaks.port:
                name, address = self._places[listener.load_balancer_arn]
                moved[f"{name}:{speaks.port}"] = f"{address}:{server.port}"
        for place in self._moved.keys() | moved.keys():
            if self._moved.get(place) != moved.get(place):
                self.world.hosts.set(place, moved.get(place))
        self._moved = moved

    def _sync_targets(self) -> None:
        groups = self._groups()
        for arn, group in groups.items():
            known = self._targets.setdefault(arn, {})
            wanted = {(t["Id"], int(t["Port"])) for t in list(group.targets.values())}
            for key in wanted:
                self._admit(arn, known, key)
            delay = float(group.attributes.get("deregistration_delay.timeout_seconds", 300))
            for key in [key for key in known if key not in wanted]:
                self._drain(known, key, delay)
        for arn in [arn for arn in self._targets if arn not in groups]:
            for target in self._targets.pop(arn).values():
                _unwatch(target)

    def _admit(self, group_arn: str, known: dict[Key, Target], key: Key) -> None:
        target = known.get(key)
        if target is None or target.draining_since is not None:
            target = known[key] = Target(*key)
        group = self._groups()[group_arn]
        if target.watcher is None and group.load_balancer_arns and self._client:
            follow = targets.watch(
                target, lambda: _settings(self._groups()[group_arn]), self._client
            )
            target.watcher = asyncio.get_running_loop().create_task(follow)

    def _drain(self, known: dict[Key, Target], key: Key, delay_s: float) -> None:
        target = known[key]
        if target.draining_since is None:
            target.draining_since = time.monotonic()
            target.health = targets.DRAINING
            _unwatch(target)
        if target.drained(delay_s):
            del known[key]

    def pick(self, group_arn: str) -> Target | None:
        """The next target in turn: a healthy one, or any when all are unhealthy (fail-open)."""
        known = [t for t in self._targets.get(group_arn, {}).values() if not t.draining_since]
        able = [t for t in known if t.health.state == "healthy"]
        if not able and all(t.health.state == "unhealthy" for t in known):
            able = known
        if not able:
            return None
        turn = self._turn[group_arn] = self._turn.get(group_arn, -1) + 1
        return able[turn % len(able)]

    def _backends(self) -> Iterator[Any]:
        for regions in list(elbv2_backends.values()):
            yield from list(regions.values())

    def _balancers(self) -> dict[str, Any]:
        return {a: b for backend in self._backends() for a, b in backend.load_balancers.items()}

    def _listeners(self) -> dict[str, Any]:
        return {
            arn: listener
            for balancer in self._balancers().values()
            for arn, listener in list(balancer.listeners.items())
        }

    def _groups(self) -> dict[str, Any]:
        return {a: g for backend in self._backends() for a, g in backend.target_groups.items()}


class _Listener:
    """One listener's rules, read anew for each request: a change holds from the next one on."""

    def __init__(self, balancer: Balancer, arn: str) -> None:
        self.balancer = balancer
        self.arn = arn

    def route(self, *, host: str, path: str, query: str, method: str) -> Answer | Forward:
        """What the listener does with a request."""
        listener = self.balancer._listeners().get(self.arn)  # noqa: SLF001 - one module
        if listener is None:
            return proxy.UNAVAILABLE
        rules = [
            (int(rule.priority), rule.conditions, [action.data for action in rule.actions])
            for rule in list(listener.rules.values())
            if str(rule.priority).isdigit()
        ]
        default = [action.data for action in listener.default_actions]
        action = routing.choose_action(rules, default, host=host, path=path, method=method)
        if action is None:
            return proxy.UNAVAILABLE
        if action["Type"] == "redirect":
            return _redirect(action["RedirectConfig"], listener, host, path, query)
        if action["Type"] == "fixed-response":
            return _fixed(action["FixedResponseConfig"])
        return self._forward(listener, routing.choose_group(action))

    def _forward(self, listener: Any, group_arn: str | None) -> Answer | Forward:  # noqa: ANN401
        target = self.balancer.pick(group_arn) if group_arn else None
        if target is None:
            return proxy.UNAVAILABLE
        balancer = self.balancer._balancers()[listener.load_balancer_arn]  # noqa: SLF001
        idle = float(balancer.attrs.get("idle_timeout.timeout_seconds", 60))
        return Forward(target, idle)


def _redirect(config: Any, listener: Any, host: str, path: str, query: str) -> Answer:  # noqa: ANN401
    where = routing.redirect_location(
        config, scheme=listener.protocol.lower(), host=host, path=path, query=query
    )
    status = 301 if config.get("StatusCode") == "HTTP_301" else 302
    return Answer(status, b"", ((b"location", where.encode()),))


def _fixed(config: Any) -> Answer:  # noqa: ANN401 - moto's own dict
    kind = str(config.get("ContentType") or "text/plain").encode()
    body = str(config.get("MessageBody") or "").encode()
    return Answer(int(config["StatusCode"]), body, ((b"content-type", kind),))


def _settings(group: Any) -> CheckSettings:  # noqa: ANN401 - moto's object
    port = str(group.health_check_port or "traffic-port")
    return CheckSettings(
        path=group.health_check_path or "/",
        port=int(port) if port.isdigit() else None,
        interval_s=float(group.health_check_interval_seconds),
        timeout_s=float(group.health_check_timeout_seconds),
        healthy=int(group.healthy_threshold_count),
        unhealthy=int(group.unhealthy_threshold_count),
        codes=str((getattr(group, "matcher", None) or {}).get("HttpCode", "200")),
        enabled=bool(group.health_check_enabled),
    )


def _unwatch(target: Target) -> None:
    if target.watcher is not None:
        target.watcher.cancel()
        target.watcher = None


def _health_for(self: FakeTargetGroup, target: dict[str, Any], _ec2: object) -> FakeHealthStatus:
    """Stands in for moto's method, which calls every registered target healthy at once."""
    registered = self.targets.get(target["Id"], {})
    port = target.get("Port") or registered.get("Port") or self.port
    asked = int(target["Port"]) if target.get("Port") else None
    balancer = Balancer.current
    health = balancer.health(self, target["Id"], asked) if balancer else targets.INITIAL
    checked = self.health_check_port
    return FakeHealthStatus(
        target["Id"],
        str(port),
        str(port) if checked == "traffic-port" else checked,
        health.state,
        health.reason,
        health.description,
    )
