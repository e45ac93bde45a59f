"""What Application Auto Scaling remembers: plain data, so that it can be pickled as it is."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["DIMENSION", "Key", "Policy", "State", "Target", "Told"]

DIMENSION = "ecs:service:DesiredCount"
"""The one scalable dimension that is modelled."""
Key = tuple[str, str, str]
"""Account, region, and resource id (`service/<cluster>/<service>`)."""


@dataclass
class Target:
    """One scalable target."""

    key: Key
    arn: str
    least: int
    most: int
    role_arn: str
    created_at: float
    suspended: dict[str, bool] = field(default_factory=dict)
    """SuspendedState, in the API's own spelling."""
    tags: dict[str, str] = field(default_factory=dict)
    scaled_out_at: float | None = None
    scaled_in_at: float | None = None


@dataclass
class Policy:
    """One target tracking policy."""

    key: Key
    name: str
    arn: str
    configuration: dict[str, Any]
    """TargetTrackingScalingPolicyConfiguration, in the API's own spelling."""
    created_at: float
    alarms: list[dict[str, str]] = field(default_factory=list)
    """AlarmName and AlarmARN of each."""

    @property
    def metric(self) -> str:
        """What it follows: a predefined metric's name."""
        return str(self.configuration["PredefinedMetricSpecification"]["PredefinedMetricType"])


@dataclass
class Told:
    """A utilisation that somebody has told, and since when it holds."""

    percent: float
    since: float


@dataclass
class State:
    """Everything, and what utilisation was told."""

    targets: dict[Key, Target] = field(default_factory=dict)
    policies: dict[tuple[Key, str], Policy] = field(default_factory=dict)
    told: dict[Key, dict[str, Told]] = field(default_factory=dict)
    """By metric."""
    activities: list[dict[str, Any]] = field(default_factory=list)
    """The newest first."""

    def policies_of(self, key: Key) -> list[Policy]:
        """A target's policies."""
        return [policy for (of, _), policy in self.policies.items() if of == key]
