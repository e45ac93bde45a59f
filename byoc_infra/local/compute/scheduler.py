"""The service scheduler: which tasks there should be, roll-outs, circuit breaker, events."""

import math
import uuid
from collections.abc import Callable

from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.lifecycle import Lifecycle
from byoc_infra.local.compute.making import make_task
from byoc_infra.local.compute.model import Deployment, Service, State, Task
from byoc_infra.local.compute.registration import Registration
from byoc_infra.local.compute.validate import failure_threshold

__all__ = ["Scheduler", "tell"]

KEEP_STOPPED_S = 3600.0
"""How long stopped tasks stay describable (ECS API reference, DescribeTasks)."""
KEEP_EVENTS = 100
SCALING = "Scaling activity initiated by (deployment {})"
MOST_BACKOFF_S = 15.0


def tell(service: Service, words: str, now: float) -> None:
    """Add a service event; the newest is first, a hundred are kept (ECS API reference)."""
    event = {
        "id": str(uuid.uuid4()),
        "createdAt": now,
        "message": f"(service {service.name}) {words}",
    }
    service.events = [event, *service.events][:KEEP_EVENTS]


class Scheduler:
    """One `tick` brings every task and every service one step further."""

    def __init__(
        self,
        state: State,
        lifecycle: Lifecycle,
        registration: Registration,
        now: Callable[[], float],
    ) -> None:
        self.state = state
        self.lifecycle = lifecycle
        self.registration = registration
        self.now = now

    def tick(self) -> None:
        """Look at everything once."""
        for task in list(self.state.tasks.values()):
            if task.status != "STOPPED":
                self.lifecycle.step(task)
                self._count_failure(task)
            elif self.now() - (task.stopped_at or 0.0) > KEEP_STOPPED_S:
                del self.state.tasks[task.arn]
        for service in list(self.state.services.values()):
            if service.status == "ACTIVE":
                self._watch_targets(service)
                self._break_circuit(service)
                self._scale(service)
                self._finish(service)
            elif service.status == "DRAINING":
                self._wind_up(service)

    def restart(self) -> None:
        """After the emulator has started anew: the tasks it had are gone."""
        self.registration.purge()
        for task in self.state.tasks.values():
            if task.status != "STOPPED":
                self.lifecycle.stop(task, "ServiceSchedulerInitiated", "The local cloud restarted")
                for container in task.containers:
                    if container.status == "RUNNING":
                        container.status, container.exit_code = "STOPPED", 137
                task.registries = []
                task.status = "DEPROVISIONING"

    def _tasks(self, service: Service, deployment: Deployment | None = None) -> list[Task]:
        return [
            task
            for task in self.state.tasks_of(service.arn)
            if deployment is None or task.deployment_id == deployment.id
        ]

    def _healthy(self, task: Task) -> bool:
        if task.status != "RUNNING" or not task.alive:
            return False
        if task.checked and task.health != "HEALTHY":
            return False
        return all(state == "healthy" for state in self.registration.states(task).values())

    def _watch_targets(self, service: Service) -> None:
        """Tasks that fail a health check are stopped; the next scaling replaces them."""
        grace = float(service.asked.get("healthCheckGracePeriodSeconds") or 0)
        for task in self._tasks(service):
            if task.status != "RUNNING" or not task.alive:
                continue
            if task.health == "UNHEALTHY":
                tell(service, f"(task {task.id}) failed container health checks.", self.now())
                self._fail(task, "Task failed container health checks")
                continue
            if self.now() - (task.started_at or 0.0) < grace:
                continue
            for arn, state in self.registration.states(task).items():
                if state == "unhealthy":
                    words = (
                        f"is unhealthy in (target-group {arn}) due to (reason Health checks failed)"
                    )
                    tell(service, f"(task {task.id}) {words}", self.now())
                    self._fail(task, f"Task failed ELB health checks in (target-group {arn})")

    def _fail(self, task: Task, reason: str) -> None:
        self.lifecycle.stop(task, "ServiceSchedulerInitiated", reason)
        task.failed = True

    def _count_failure(self, task: Task) -> None:
        """A task that never came to health counts against its deployment, once."""
        service = self.state.services.get(task.service_arn or "")
        deployment = next(
            (d for d in (service.deployments if service else ()) if d.id == task.deployment_id),
            None,
        )
        if task.alive or deployment is None or task.counted:
            return
        task.counted = True
        crashed = task.stop_code == "EssentialContainerExited" and task.health != "HEALTHY"
        if task.failed or (crashed and task.checked):
            deployment.last_failure_at = self.now()
            if deployment.rollout == "IN_PROGRESS":
                deployment.failed_tasks += 1
                deployment.updated_at = self.now()

    def _break_circuit(self, service: Service) -> None:
        primary = service.primary
        breaker = service.asked["deploymentConfiguration"].get("deploymentCircuitBreaker") or {}
        tripped = primary.failed_tasks >= failure_threshold(service.desired)
        if primary.rollout != "IN_PROGRESS" or not breaker.get("enable") or not tripped:
            return
        primary.rollout, primary.updated_at = "FAILED", self.now()
        primary.reason = "ECS deployment circuit breaker: tasks failed to start."
        tell(
            service,
            f"(deployment {primary.id}) deployment failed: tasks failed to start.",
            self.now(),
        )
        before = next((d for d in service.deployments[1:] if d.was_completed), None)
        if breaker.get("rollback") and before is not None:
            self._roll_back(service, before)

    def _roll_back(self, service: Service, before: Deployment) -> None:
        service.primary.status = "ACTIVE"
        service.deployments.remove(before)
        service.deployments.insert(0, before)
        before.status, before.rollout, before.updated_at = "PRIMARY", "IN_PROGRESS", self.now()
        before.failed_tasks = 0
        before.reason = f"ECS deployment circuit breaker: rolling back to deploymentId {before.id}."
        service.asked = {
            **service.asked,
            **before.settings,
            "taskDefinition": before.definition_arn,
        }
        service.steady = False
        tell(service, f"rolling back to (deployment {before.id}).", self.now())

    def _scale(self, service: Service) -> None:
        tasks = [task for task in self._tasks(service) if task.alive]
        own = [task for task in tasks if task.deployment_id == service.primary.id]
        most = max(1, service.desired * service.limit("maximumPercent", 200) // 100)
        missing = min(service.desired - len(own), most - len(tasks))
        failed = service.primary.rollout == "FAILED"
        if missing > 0 and not failed and self._may_start(service.primary):
            self._start(service, missing)
        if len(own) > service.desired:
            self._stop(service, own[service.desired :])
        old = [task for task in tasks if task.deployment_id != service.primary.id]
        if old and not failed:
            self._replace(service, own, old)

    def _replace(self, service: Service, own: list[Task], old: list[Task]) -> None:
        """Stop what the primary deployment's tasks make superfluous."""
        least = math.ceil(service.desired * service.limit("minimumHealthyPercent", 100) / 100)
        served = any(self._healthy(task) for task in own) or service.desired == 0
        spare = sum(self._healthy(task) for task in own + old) - least
        for task in old:
            if self._healthy(task) and spare > 0:
                spare -= 1
                self._stop(service, [task])
            elif not self._healthy(task) and (served or task.health == "UNHEALTHY"):
                self._stop(service, [task])

    def _may_start(self, deployment: Deployment) -> bool:
        """Tasks that keep failing are started ever more slowly, as ECS throttles them."""
        if not deployment.last_failure_at:
            return True
        wait: float = min(MOST_BACKOFF_S, 0.5 * 2 ** min(deployment.failed_tasks, 6))
        return self.now() - deployment.last_failure_at >= wait

    def _start(self, service: Service, count: int) -> None:
        deployment = service.primary
        arn = deployment.definition_arn
        found = lookups.any_definition(service.account_id, service.region, arn)
        if found is None:
            return
        started = []
        for _ in range(count):
            task = make_task(
                now=self.now(),
                account_id=service.account_id,
                region=service.region,
                cluster_arn=service.cluster_arn,
                definition_arn=deployment.definition_arn,
                definition=lookups.document(found),
                settings=deployment.settings,
                group=f"service:{service.name}",
                started_by=deployment.id,
                tags=_task_tags(service, found),
            )
            task.service_arn, task.deployment_id = service.arn, deployment.id
            self.state.tasks[task.arn] = task
            started.append(task.id)
        named = " ".join(f"(task {task_id})" for task_id in started)
        tell(service, f"has started {count} tasks: {named}.", self.now())

    def _stop(self, service: Service, tasks: list[Task]) -> None:
        for task in tasks:
            reason = SCALING.format(service.primary.id)
            self.lifecycle.stop(task, "ServiceSchedulerInitiated", reason)
        named = " ".join(f"(task {task.id})" for task in tasks)
        tell(service, f"has stopped {len(tasks)} running tasks: {named}.", self.now())

    def _finish(self, service: Service) -> None:
        tasks = self._tasks(service)
        kept = [d for d in service.deployments[1:] if any(t.deployment_id == d.id for t in tasks)]
        primary = service.primary
        own = [t for t in tasks if t.deployment_id == primary.id and t.alive]
        there = len(own) == service.desired and all(self._healthy(t) for t in own)
        if not there:
            service.steady = False
            # Until the new one stands, the old one is what a circuit breaker goes back to.
            kept = [d for d in service.deployments[1:] if d in kept or d.was_completed]
        service.deployments = [primary, *kept]
        if not there or kept or primary.rollout == "FAILED":
            return
        if primary.rollout == "IN_PROGRESS":
            primary.rollout, primary.was_completed = "COMPLETED", True
            primary.updated_at, primary.failed_tasks = self.now(), 0
            primary.reason = f"ECS deployment {primary.id} completed."
            tell(service, f"(deployment {primary.id}) deployment completed.", self.now())
        if not service.steady:
            service.steady = True
            tell(service, "has reached a steady state.", self.now())

    def _wind_up(self, service: Service) -> None:
        left = self._tasks(service)
        alive = [task for task in left if task.alive]
        if alive:
            self._stop(service, alive)
        if not left:
            service.status = "INACTIVE"


def _task_tags(service: Service, definition: object) -> list[dict[str, str]]:
    source = service.asked.get("propagateTags")
    tags: list[dict[str, str]] = []
    if source == "SERVICE":
        tags += service.tags
    elif source == "TASK_DEFINITION":
        tags += getattr(definition, "tags", [])
    if service.asked.get("enableECSManagedTags"):
        cluster = service.cluster_arn.rpartition("/")[2]
        tags.append({"key": "aws:ecs:clusterName", "value": cluster})
        tags.append({"key": "aws:ecs:serviceName", "value": service.name})
    return [dict(tag) for tag in tags]
