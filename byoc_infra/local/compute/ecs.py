"""The parts of the local cloud's ECS, put together, with the thread that drives them."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from moto.ecs.models import ecs_backends

from byoc_infra.errors import NotFound
from byoc_infra.local.balancer import Balancer
from byoc_infra.local.compute import lookups
from byoc_infra.local.compute.api import Api
from byoc_infra.local.compute.downloads import Downloads
from byoc_infra.local.compute.launcher import Launcher
from byoc_infra.local.compute.lifecycle import Lifecycle
from byoc_infra.local.compute.model import State
from byoc_infra.local.compute.registration import Registration
from byoc_infra.local.compute.roles import Check, ExecutionRoles
from byoc_infra.local.compute.scheduler import Scheduler, tell
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.server import ServerEnvironment
from byoc_infra.local.world import World

__all__ = ["Compute"]

log = logging.getLogger(__name__)

TICK_S = 0.2


class Compute:
    """Services and tasks of one local cloud, and the load balancers in front of them."""

    def __init__(
        self,
        world: World,
        check: Check,
        environment: Callable[[], ServerEnvironment],
        *,
        balancer: Balancer | None = None,
    ) -> None:
        """`check` decides for execution roles; `environment` gives the LangGraph server's."""
        self.world = world
        self.balancer = balancer or Balancer(world)
        self.state = State()
        self._launcher = Launcher(world, ExecutionRoles(check), environment)
        self._downloads = Downloads(world)
        self._api = Api(world, self.state)
        registration = Registration(
            self.state, world.hosts, self._target_state, self.balancer.drained
        )
        lifecycle = Lifecycle(
            self.state,
            self._launcher,
            registration,
            world.now,
            lambda service, words: tell(service, words, world.now()),
        )
        self._scheduler = Scheduler(self.state, lifecycle, registration, world.now)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def register(self, hooks: Hooks) -> None:
        """Take over the operations that moto only records."""
        self._api.register(hooks)
        self._downloads.register(hooks)

    def kill_task(self, *, task: str) -> dict[str, Any]:
        """For tests: end a task's processes as a machine that dies does, without a word."""
        with self.world.lock:
            found = [one for one in self.state.tasks.values() if task in (one.id, one.arn)]
            if not found or found[0].status != "RUNNING":
                raise NotFound(
                    "task",
                    wanted="a task that runs",
                    got=f"{task}: {found[0].status if found else 'there is none'}",
                    next_step="Take its id from `aws ecs list-tasks`.",
                )
            for container in found[0].containers:
                self._launcher.kill(found[0], container)
        return {"task": found[0].arn}

    def restore(self, state: State) -> None:
        """Go on from a pickled state, before `start`; its tasks are gone and are started anew."""
        self.state.services.update(state.services)
        self.state.tasks.update(state.tasks)

    def start(self) -> None:
        """Start the balancers and the scheduler's thread."""
        self._launcher.clear()
        self.balancer.start()
        self._downloads.start()
        with self.world.lock:
            self._scheduler.restart()
        self._thread = threading.Thread(target=self._run, name="ecs-scheduler", daemon=True)
        self._thread.start()

    def expect(self, environment: ServerEnvironment) -> None:
        """There is an image now, so that a task will come: make its start short."""
        self._launcher.nursery.begin(environment)

    def stop(self) -> None:
        """End the scheduler, every task and every balancer."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._launcher.clear()
        self._launcher.nursery.end()
        self._downloads.stop()
        self.balancer.stop()

    def _run(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                with self.world.lock:
                    self._scheduler.tick()
                    self._launcher.logs.pump()
                    self._count()
            except Exception:
                log.exception("the ECS scheduler stumbled")

    def _count(self) -> None:
        """Keep the counts that moto's clusters show."""
        for account_id, regions in list(ecs_backends.items()):
            for region, backend in list(regions.items()):
                for cluster in list(backend.clusters.values()):
                    self._count_cluster(account_id, region, cluster)

    def _count_cluster(self, _account_id: str, _region: str, cluster: Any) -> None:  # noqa: ANN401
        tasks = [t for t in self.state.tasks.values() if t.cluster_arn == cluster.arn]
        services = [s for s in self.state.services.values() if s.cluster_arn == cluster.arn]
        cluster.running_tasks_count = sum(t.status == "RUNNING" for t in tasks)
        cluster.pending_tasks_count = sum(
            t.status in ("PROVISIONING", "PENDING", "ACTIVATING") for t in tasks
        )
        cluster.active_services_count = sum(s.status == "ACTIVE" for s in services)

    def _target_state(self, group_arn: str, address: str, port: int) -> str:
        account_id, region = group_arn.split(":")[4], group_arn.split(":")[3]
        group = lookups.target_group(account_id, region, group_arn)
        return self.balancer.health(group, address, port).state if group else "unused"
