"""Told is not true: whether a deployment really runs what it was asked to run.

True is: every running task of each service is of the wanted task definition and HEALTHY by its
container health check, the roll-out is complete, and the balancer's targets are healthy. One
function waits for that, one looks once; nothing of ours opens a connection into the VPC. ECS's
own "stable" is not enough: after the circuit breaker rolled back, a service is stable with the
old task definition. So the wanted and the running one are compared.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.aws.causes import stopped_causes
from byoc_infra.aws.services import describe_service, describe_tasks
from byoc_infra.aws.session import Session
from byoc_infra.aws.targets import TargetTruth, target_truth
from byoc_infra.errors import DeadlineExceeded, DeploymentUnhealthy

__all__ = ["ServiceTruth", "ServiceWanted", "Truth", "Wanted", "truth", "wait_until_true"]

POLL_S = 2.0
MANY_FAILURES = 3
"""Tasks that ended by themselves, after which waiting on makes no sense without a circuit
breaker (with one, ECS counts and stops)."""


@dataclass(frozen=True, kw_only=True)
class ServiceWanted:
    """One ECS service and what it should run."""

    name: str
    task_definition: str
    """ARN."""
    target_group: str | None = None
    """ARN, for a service behind a balancer."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """All services of a deployment."""

    cluster: str
    services: tuple[ServiceWanted, ...]


@dataclass(frozen=True, kw_only=True)
class ServiceTruth:
    """One service as it is."""

    name: str
    desired: int = 0
    right: int = 0
    """Running, healthy, of the wanted task definition."""
    wrong: tuple[str, ...] = ()
    """What is not as wanted, in words."""
    failed: str | None = None
    """Set when waiting cannot help."""
    rollout: str | None = None
    targets: TargetTruth | None = None

    @property
    def true(self) -> bool:
        """Nothing is wrong."""
        return not self.wrong and self.failed is None


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A deployment as it is."""

    services: tuple[ServiceTruth, ...]
    causes: tuple[str, ...] = field(default=())
    """Why tasks ended, where any did; asked only when something is wrong."""

    @property
    def deployed(self) -> bool:
        """All of it is as wanted."""
        return all(service.true for service in self.services)

    @property
    def failed(self) -> bool:
        """Waiting cannot help."""
        return any(service.failed is not None for service in self.services)

    def words(self) -> str:
        """The state in one paragraph."""
        parts = [
            f"{s.name}: " + "; ".join(filter(None, (s.failed, *s.wrong)))
            for s in self.services
            if not s.true
        ]
        return " / ".join(parts) or "as wanted"


def truth(
    session: Session, wanted: Wanted, *, causes: bool = True, log_lines: bool = True
) -> Truth:
    """One look."""
    services = tuple(_service(session, wanted.cluster, one) for one in wanted.services)
    found = Truth(services=services)
    if found.deployed or not causes:
        return found
    return Truth(services=services, causes=_causes(session, wanted, services, log_lines=log_lines))


def wait_until_true(
    session: Session,
    wanted: Wanted,
    *,
    deadline_s: float,
    on_progress: Callable[[str], None] = lambda _: None,
    poll_s: float = POLL_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    log_lines: bool = True,
) -> Truth:
    """Wait until all is as wanted; end early, with the causes, when it cannot become so.

    Without `log_lines` the causes hold none of the containers' own.
    """
    end = clock() + deadline_s
    told = ""
    while True:
        found = truth(session, wanted, causes=False)
        if found.deployed:
            return found
        if found.failed:
            raise _unhealthy(session, wanted, log_lines=log_lines)
        if (words := found.words()) != told:
            on_progress(told := words)
        if clock() >= end:
            raise _late(session, wanted, deadline_s, log_lines=log_lines)
        sleep(poll_s)


def _unhealthy(session: Session, wanted: Wanted, *, log_lines: bool) -> DeploymentUnhealthy:
    found = truth(session, wanted, log_lines=log_lines)
    return DeploymentUnhealthy(
        "deployment",
        wanted="healthy tasks of the wanted task definition",
        got="\n".join((found.words(), *found.causes)),
        next_step="Correct the cause and run `byoc deployment up` again; "
        "what ran before is still serving.",
    )


def _late(
    session: Session, wanted: Wanted, deadline_s: float, *, log_lines: bool
) -> DeadlineExceeded:
    found = truth(session, wanted, log_lines=log_lines)
    return DeadlineExceeded(
        "deployment",
        wanted=f"healthy tasks of the wanted task definition within {deadline_s:.0f} s",
        got="\n".join((found.words(), *found.causes)),
        next_step="Look with `byoc deployment status` and `byoc deployment logs`; "
        "it may yet become healthy.",
    )


def _service(session: Session, cluster: str, wanted: ServiceWanted) -> ServiceTruth:
    seen = describe_service(session, cluster, wanted.name)
    if seen is None:
        return ServiceTruth(name=wanted.name, failed="the service does not exist")
    primary = _primary(seen)
    desired = int(seen.get("desiredCount", 0))
    tasks = describe_tasks(session, cluster, wanted.name)
    right = sum(1 for task in tasks if _right(task, wanted.task_definition))
    targets = _targets(session, wanted, tasks)
    return ServiceTruth(
        name=wanted.name,
        desired=desired,
        right=right,
        rollout=primary.get("rolloutState"),
        failed=_hopeless(seen, primary, wanted),
        wrong=_wrong(tasks, wanted.task_definition, desired, primary, targets),
        targets=targets,
    )


def _primary(service: dict[str, Any]) -> dict[str, Any]:
    return next((d for d in service.get("deployments", []) if d.get("status") == "PRIMARY"), {})


def _right(task: dict[str, Any], task_definition: str) -> bool:
    return (
        task.get("taskDefinitionArn") == task_definition
        and task.get("lastStatus") == "RUNNING"
        and task.get("healthStatus") == "HEALTHY"
    )


def _hopeless(
    service: dict[str, Any], primary: dict[str, Any], wanted: ServiceWanted
) -> str | None:
    runs = primary.get("taskDefinition") or service.get("taskDefinition")
    if runs != wanted.task_definition:
        reason = primary.get("rolloutStateReason") or "ECS rolled back, or somebody else changed it"
        return f"runs {_short(str(runs))} instead of {_short(wanted.task_definition)}: {reason}"
    if primary.get("rolloutState") == "FAILED":
        return f"the roll-out failed: {primary.get('rolloutStateReason', 'no reason given')}"
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    failures = int(primary.get("failedTasks") or 0)
    if not breaker.get("enable") and failures >= MANY_FAILURES:
        return f"{failures} tasks of {_short(wanted.task_definition)} failed to start"
    return None


def _wrong(
    tasks: list[dict[str, Any]],
    task_definition: str,
    desired: int,
    primary: dict[str, Any],
    targets: TargetTruth | None,
) -> tuple[str, ...]:
    right = sum(1 for task in tasks if _right(task, task_definition))
    said = []
    if desired == 0:
        said.append("nothing is asked to run (desired count 0)")
    if right < desired:
        said.append(f"{right} of {desired} tasks are healthy")
    others = sum(1 for task in tasks if task.get("taskDefinitionArn") != task_definition)
    if others:
        said.append(f"{others} tasks of another task definition still run")
    sick = sum(1 for t in tasks if t.get("healthStatus") == "UNHEALTHY")
    if sick:
        said.append(f"{sick} tasks are unhealthy by their container health check")
    if primary.get("rolloutState") not in (None, "COMPLETED"):
        said.append(f"the roll-out is {primary['rolloutState']}")
    if targets is not None and targets.problem(desired) is not None:
        said.append(str(targets.problem(desired)))
    return tuple(said)


def _targets(
    session: Session, wanted: ServiceWanted, tasks: list[dict[str, Any]]
) -> TargetTruth | None:
    if wanted.target_group is None:
        return None
    addresses = {
        detail["value"]
        for task in tasks
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail.get("name") == "privateIPv4Address"
    }
    return target_truth(session, wanted.target_group, addresses)


def _causes(
    session: Session, wanted: Wanted, services: tuple[ServiceTruth, ...], *, log_lines: bool
) -> tuple[str, ...]:
    return tuple(
        cause
        for one, found in zip(wanted.services, services, strict=True)
        if not found.true
        for cause in stopped_causes(
            session, wanted.cluster, one.name, one.task_definition, log_lines=log_lines
        )
    )


def _short(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
