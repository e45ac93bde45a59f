"""How many tasks a service should have by its target tracking policies; pure.

Application Auto Scaling User Guide, "Target tracking scaling policies": capacity follows metric ÷
target; of several policies the one that gives most capacity wins; it scales in only when every
policy that may has data and is ready to; a cooldown holds each direction back.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HIGH_S", "LOW_S", "Decision", "Tracking", "decide"]

HIGH_S = 180
"""AlarmHigh: three minutes above the target."""
LOW_S = 900
"""AlarmLow: fifteen minutes below `LOW_SHARE` of the target."""
LOW_SHARE = 0.9
COOLDOWN_S = 300
"""Of an ECS service, where a policy does not say (API reference)."""


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """One policy, with what is known of its metric."""

    name: str
    target: float
    measured: float | None
    """The average over the service's tasks, in the target's unit; None without data."""
    held_s: float = 0.0
    """How long the metric has been so."""
    out_cooldown_s: float = COOLDOWN_S
    in_cooldown_s: float = COOLDOWN_S
    scales_in: bool = True

    def wants(self, running: int) -> int:
        """Enough tasks to bring the metric to its target."""
        return math.ceil(running * (self.measured or 0.0) / self.target)

    @property
    def high(self) -> bool:
        """Its AlarmHigh is in ALARM."""
        return self.measured is not None and self.measured > self.target and self.held_s >= HIGH_S

    @property
    def low(self) -> bool:
        """Its AlarmLow is in ALARM."""
        below = self.measured is not None and self.measured < LOW_SHARE * self.target
        return below and self.held_s >= LOW_S


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A desired count to set, and why."""

    desired: int
    cause: str


def decide(
    policies: Sequence[Tracking],
    *,
    desired: int,
    running: int,
    least: int,
    most: int,
    since_out_s: float | None = None,
    since_in_s: float | None = None,
) -> Decision | None:
    """What to set now; None to leave it as it is."""
    if desired < least:
        return Decision(desired=least, cause=f"minimum capacity was set to {least}")
    if desired > most:
        return Decision(desired=most, cause=f"maximum capacity was set to {most}")
    out = _out(policies, desired, running, most, since_out_s)
    return out or _in(policies, desired, running, least, since_in_s)


def _out(
    policies: Sequence[Tracking], desired: int, running: int, most: int, since_s: float | None
) -> Decision | None:
    ready = [p for p in policies if p.high and _over(since_s, p.out_cooldown_s)]
    if not ready:
        return None
    first = max(ready, key=lambda policy: policy.wants(running))
    wanted = min(first.wants(running), most)
    if wanted <= desired:
        return None
    return Decision(desired=wanted, cause=_alarm("AlarmHigh", first))


def _in(
    policies: Sequence[Tracking], desired: int, running: int, least: int, since_s: float | None
) -> Decision | None:
    able = [policy for policy in policies if policy.scales_in]
    ready = [policy for policy in able if policy.low and _over(since_s, policy.in_cooldown_s)]
    if not able or ready != able:
        return None
    first = max(able, key=lambda policy: policy.wants(running))
    wanted = max(first.wants(running), least)
    if wanted >= desired:
        return None
    return Decision(desired=wanted, cause=_alarm("AlarmLow", first))


def _over(since_s: float | None, cooldown_s: float) -> bool:
    return since_s is None or since_s >= cooldown_s


def _alarm(kind: str, policy: Tracking) -> str:
    return f"monitor alarm {kind} in state ALARM triggered policy {policy.name}"
