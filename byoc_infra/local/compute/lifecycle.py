"""One task's way from PROVISIONING to STOPPED, a step at a time."""

import time
from collections.abc import Callable

from byoc_infra.local.compute.launcher import Runtime
from byoc_infra.local.compute.model import Container, Service, State, Task
from byoc_infra.local.compute.registration import Registration
from byoc_infra.local.compute.roles import StartError

__all__ = ["Lifecycle"]

QUICK_CHECK_S = 1.0
"""The pace of container health checks until the first success; ECS waits the whole interval."""
STOP_TIMEOUT_S = 30
"""Between SIGTERM and SIGKILL, where a container does not say (ECS API, ContainerDefinition)."""

Tell = Callable[[Service, str], None]


class Lifecycle:
    """Moves tasks on; says nothing about which tasks there should be."""

    def __init__(
        self,
        state: State,
        runtime: Runtime,
        registration: Registration,
        now: Callable[[], float],
        tell: Tell,
        *,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` gives the times that are shown; `elapsed` measures, unmoved by a clock that a
        test advances.
        """
        self.state = state
        self.runtime = runtime
        self.registration = registration
        self.now = now
        self.tell = tell
        self.elapsed = elapsed
        self._next_check: dict[str, float] = {}

    def step(self, task: Task) -> None:
        """Do what can be done now."""
        before = task.status
        if task.status == "PROVISIONING":
            task.status = "PENDING"
        elif task.status == "PENDING":
            self._pending(task)
        elif task.status == "ACTIVATING":
            task.status, task.started_at = "RUNNING", self.now()
        elif task.status == "RUNNING":
            self._running(task)
        elif task.status == "DEACTIVATING":
            if self.registration.done(task):
                self._send_stop(task)
        elif task.status == "STOPPING":
            self._stopping(task)
        elif task.status == "DEPROVISIONING":
            self._stopped(task)
        if task.status != before:
            task.version += 1

    def stop(self, task: Task, code: str, reason: str) -> None:
        """Mean a task to stop; the first reason stays."""
        if task.alive:
            task.desired, task.stop_code, task.stopped_reason = "STOPPED", code, reason

    def _pending(self, task: Task) -> None:
        if not task.alive:
            self._begin_stop(task)
            return
        try:
            if task.address is None:
                self.runtime.prepare(task)
            self._start_ready(task)
        except StartError as failure:
            self.stop(task, "TaskFailedToStart", str(failure))
            task.failed = True
            self._begin_stop(task)
            return
        self._follow_containers(task)
        self._give_up_waiting(task)
        if task.alive and all(c.status != "PENDING" for c in task.containers):
            service = self._service(task)
            groups = self.registration.enter(service, task) if service else []
            for arn in groups:
                if service:
                    self.tell(service, f"registered 1 targets in (target-group {arn})")
            task.status = "ACTIVATING"
        elif not task.alive:
            self._begin_stop(task)

    def _start_ready(self, task: Task) -> None:
        by_name = {container.name: container for container in task.containers}
        for container in task.containers:
            wanted = container.definition.get("dependsOn") or ()
            met = all(_holds(by_name[d["containerName"]], d["condition"]) for d in wanted)
            if container.status == "PENDING" and met:
                self.runtime.start(task, container)
                container.status, container.started_at = "RUNNING", self.elapsed()

    def _give_up_waiting(self, task: Task) -> None:
        """A container whose dependency has ended otherwise than it wants can never start."""
        by_name = {container.name: container for container in task.containers}
        for container in task.containers:
            if container.status != "PENDING" or not task.alive:
                continue
            for wanted in container.definition.get("dependsOn") or ():
                other, condition = by_name[wanted["containerName"]], wanted["condition"]
                if other.status == "STOPPED" and not _holds(other, condition):
                    container.reason = f"depends on {other.name}: {condition}"
                    self.stop(task, "TaskFailedToStart", "Task failed to start")
                    task.failed = True

    def _running(self, task: Task) -> None:
        self._follow_containers(task)
        if not task.alive:
            self._begin_stop(task)

    def _follow_containers(self, task: Task) -> None:
        before = task.health
        for container in task.containers:
            if container.status != "RUNNING":
                continue
            code = self.runtime.exit_code(task, container)
            if code is not None:
                container.status, container.exit_code = "STOPPED", code
                if container.essential:
                    self.stop(
                        task, "EssentialContainerExited", "Essential container in task exited"
                    )
                continue
            self._check_health(task, container)
        if task.health != before:
            self.registration.healthy_again(task)

    def _check_health(self, task: Task, container: Container) -> None:
        settings = container.health_check
        if settings is None or self.elapsed() < self._next_check.get(container.arn, 0.0):
            return
        passed = self.runtime.check(task, container)
        if passed is None:
            return
        interval = float(settings.get("interval") or 30)
        if passed:
            container.health, container.checks_failed = "HEALTHY", 0
        else:
            self._count_failure(container, settings)
        quick = container.health == "UNKNOWN"
        wait = min(QUICK_CHECK_S, interval) if quick else interval
        self._next_check[container.arn] = self.elapsed() + wait

    def _count_failure(self, container: Container, settings: dict[str, float]) -> None:
        """In the start period a failure does not count; and the quick checks before the first
        success count no faster than ECS's own would.
        """
        since = self.elapsed() - (container.started_at or 0.0)
        grace = float(settings.get("startPeriod") or 0)
        interval, retries = float(settings.get("interval") or 30), int(settings.get("retries") or 3)
        if since < grace:
            return
        container.checks_failed += 1
        due = grace + interval * retries if container.health == "UNKNOWN" else 0.0
        if container.checks_failed >= retries and since >= due:
            container.health = "UNHEALTHY"

    def _begin_stop(self, task: Task) -> None:
        task.stopping_at = self.now()
        groups = self.registration.leave(task)
        service = self._service(task)
        if service and groups:
            self.tell(service, "has begun draining connections on 1 tasks.")
            for arn in groups:
                self.tell(service, f"deregistered 1 targets in (target-group {arn})")
        if any(c.status == "RUNNING" for c in task.containers) and not self.registration.done(task):
            task.status = "DEACTIVATING"
        else:
            self._send_stop(task)

    def _send_stop(self, task: Task) -> None:
        task.status, task.stop_sent_at = "STOPPING", self.elapsed()
        for container in task.containers:
            if container.status == "RUNNING":
                self.runtime.terminate(task, container)

    def _stopping(self, task: Task) -> None:
        waited = self.elapsed() - (task.stop_sent_at or 0.0)
        for container in task.containers:
            if container.status != "RUNNING":
                continue
            code = self.runtime.exit_code(task, container)
            if code is not None:
                container.status, container.exit_code = "STOPPED", code
            elif waited >= float(container.definition.get("stopTimeout") or STOP_TIMEOUT_S):
                self.runtime.kill(task, container)
        if all(c.status != "RUNNING" for c in task.containers):
            task.status = "DEPROVISIONING"

    def _stopped(self, task: Task) -> None:
        for container in task.containers:
            container.status = "STOPPED"
            self._next_check.pop(container.arn, None)
        self.runtime.tidy(task)
        task.targets = []
        task.status, task.stopped_at = "STOPPED", self.now()

    def _service(self, task: Task) -> Service | None:
        return self.state.services.get(task.service_arn) if task.service_arn else None


def _holds(container: Container, condition: str) -> bool:
    """Whether a container is as far as another's dependsOn wants it (ECS API reference)."""
    if condition == "START":
        return container.status != "PENDING"
    if condition == "HEALTHY":
        return container.health == "HEALTHY"
    ended = container.status == "STOPPED"
    return ended and (condition == "COMPLETE" or container.exit_code == 0)
