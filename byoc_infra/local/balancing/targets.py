"""Targets of a load balancer: health by real requests, draining, and what is in flight."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

__all__ = ["CheckSettings", "Health", "Target", "matches", "watch"]

QUICK_S = 0.5
"""The pace of checks until the first success; AWS waits the group's whole interval."""


@dataclass(frozen=True)
class CheckSettings:
    """A target group's health check."""

    path: str
    port: int | None
    """None is `traffic-port`."""
    interval_s: float
    timeout_s: float
    healthy: int
    unhealthy: int
    codes: str
    enabled: bool = True


@dataclass(frozen=True)
class Health:
    """As DescribeTargetHealth tells it: state, reason, description."""

    state: str
    reason: str | None = None
    description: str | None = None


INITIAL = Health("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = Health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = Health(
    "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"
)
UNUSED = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
NOT_REGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)
HEALTHY = Health("healthy")


@dataclass(eq=False)
class Target:
    """One registered address, with what the balancer knows about it."""

    address: str
    port: int
    health: Health = INITIAL
    in_flight: int = 0
    draining_since: float | None = None
    registered_at: float = field(default_factory=time.monotonic)
    good: int = 0
    bad: int = 0
    watcher: "asyncio.Task[None] | None" = None

    def note(self, failure: Health | None, settings: CheckSettings) -> None:
        """Count one check; `failure` is None when it passed."""
        if failure is None:
            self.good, self.bad = self.good + 1, 0
            # One success is enough for a new target; a failed one has to prove itself.
            if self.health.state == "initial" or self.good >= settings.healthy:
                self.health = HEALTHY
            return
        self.good, self.bad = 0, self.bad + 1
        if self.health.state == "initial":
            waited = time.monotonic() - self.registered_at
            patience = settings.unhealthy * settings.interval_s
            self.health = failure if waited >= patience else CHECKING
        elif self.bad >= settings.unhealthy:
            self.health = failure

    def drained(self, delay_s: float) -> bool:
        """Whether a draining target is done: nothing in flight, or its time is over."""
        if self.draining_since is None:
            return False
        return self.in_flight == 0 or time.monotonic() - self.draining_since >= delay_s


def matches(codes: str, status: int) -> bool:
    """Whether a matcher such as `200`, `200,202` or `200-299` accepts a status."""
    for part in codes.split(","):
        low, _, high = part.strip().partition("-")
        if low.isdigit() and int(low) <= status <= int(high or low):
            return True
    return False


async def watch(
    target: Target, settings: Callable[[], CheckSettings], client: httpx.AsyncClient
) -> None:
    """Check one target for as long as it is registered."""
    while True:
        now = settings()
        if now.enabled:
            target.note(await _check(target, now, client), now)
        else:
            target.health = HEALTHY
        waiting = target.health.state == "initial"
        await asyncio.sleep(min(QUICK_S, now.interval_s) if waiting else now.interval_s)


async def _check(
    target: Target, settings: CheckSettings, client: httpx.AsyncClient
) -> Health | None:
    url = f"http://{target.address}:{settings.port or target.port}{settings.path}"
    agent = {"user-agent": "ELB-HealthChecker/2.0"}
    try:
        answer = await client.get(url, headers=agent, timeout=settings.timeout_s)
    except httpx.TimeoutException:
        return Health("unhealthy", "Target.Timeout", "Request timed out")
    except httpx.HTTPError:
        return Health("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
    if matches(settings.codes, answer.status_code):
        return None
    words = f"Health checks failed with these codes: [{answer.status_code}]"
    return Health("unhealthy", "Target.ResponseCodeMismatch", words)
