"""What the ECS of the local cloud remembers: plain data, so that it can be pickled as it is."""

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Container", "Deployment", "Rollout", "Service", "State", "Task"]

Document = dict[str, Any]
"""A structure of the ECS API, in the API's own spelling."""
Rollout = Literal["IN_PROGRESS", "COMPLETED", "FAILED"]


@dataclass
class Container:
    """One container of a task."""

    name: str
    arn: str
    image: str
    definition: Document
    status: str = "PENDING"
    health: str = "UNKNOWN"
    digest: str | None = None
    exit_code: int | None = None
    reason: str | None = None
    started_at: float | None = None
    """On the monotonic clock: only durations are taken from it."""
    checks_failed: int = 0

    @property
    def essential(self) -> bool:
        """Whether the task ends with it."""
        return bool(self.definition.get("essential", True))

    @property
    def health_check(self) -> Document | None:
        """Its health check, where it has one that is not switched off."""
        check: Document | None = self.definition.get("healthCheck")
        return check if check and check.get("command", ["NONE"])[0] != "NONE" else None


@dataclass
class Task:
    """One task, from PROVISIONING to STOPPED."""

    id: str
    arn: str
    account_id: str
    region: str
    cluster_arn: str
    definition_arn: str
    definition: Document
    """The task definition as it was: a task outlives the deletion of its definition."""
    group: str
    started_by: str
    containers: list[Container]
    created_at: float
    launch_type: str = "FARGATE"
    platform_version: str = "1.4.0"
    subnet_id: str = ""
    zone: str = ""
    public_address: bool = False
    """Whether it was asked for one of the internet's addresses."""
    service_arn: str | None = None
    deployment_id: str | None = None
    tags: list[Document] = field(default_factory=list)
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    address: str | None = None
    started_at: float | None = None
    stopping_at: float | None = None
    stop_sent_at: float | None = None
    """On the monotonic clock."""
    stopped_at: float | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    targets: list[tuple[str, int]] = field(default_factory=list)
    """Where it is registered: target group and port."""
    registries: list[str] = field(default_factory=list)
    """Cloud Map services in which it is an instance."""
    failed: bool = False
    """It could not start, or a health check made ECS stop it."""
    counted: bool = False
    """Its end has been looked at: failed tasks count once."""
    version: int = 1

    @property
    def alive(self) -> bool:
        """Whether it is meant to run."""
        return self.desired == "RUNNING"

    @property
    def health(self) -> str:
        """The task's health: that of its essential containers which have a check (ECS guide)."""
        told = {c.health for c in self.containers if c.essential and c.health_check}
        return next((h for h in ("UNHEALTHY", "UNKNOWN", "HEALTHY") if h in told), "UNKNOWN")

    @property
    def checked(self) -> bool:
        """Whether it has a container health check at all."""
        return any(c.essential and c.health_check for c in self.containers)


@dataclass
class Deployment:
    """One deployment of a service: a task definition with the settings of its tasks."""

    id: str
    definition_arn: str
    settings: Document
    """networkConfiguration, loadBalancers, serviceRegistries, platformVersion, launchType."""
    created_at: float
    updated_at: float
    status: str = "PRIMARY"
    rollout: Rollout = "IN_PROGRESS"
    reason: str = ""
    failed_tasks: int = 0
    was_completed: bool = False
    """Reached COMPLETED once: what a circuit breaker goes back to."""
    last_failure_at: float = 0.0


@dataclass
class Service:
    """One ECS service."""

    arn: str
    name: str
    account_id: str
    region: str
    cluster_arn: str
    asked: Document
    """What CreateService and UpdateService said, merged; DescribeServices gives it back."""
    created_at: float
    created_by: str
    desired: int
    deployments: list[Deployment]
    tags: list[Document] = field(default_factory=list)
    status: str = "ACTIVE"
    events: list[Document] = field(default_factory=list)
    client_token: str | None = None
    steady: bool = False

    @property
    def primary(self) -> Deployment:
        """The deployment that is wanted."""
        return self.deployments[0]

    def limit(self, key: str, otherwise: int) -> int:
        """A number of deploymentConfiguration."""
        return int(self.asked.get("deploymentConfiguration", {}).get(key, otherwise))


@dataclass
class State:
    """Everything; `compute.state` for persistence."""

    services: dict[str, Service] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)

    def tasks_of(self, service_arn: str) -> list[Task]:
        """The tasks of a service that have not stopped, oldest first."""
        return [
            t for t in self.tasks.values() if t.service_arn == service_arn and t.status != "STOPPED"
        ]
