"""The emulator's parts, put together; the only module that knows them all."""

import logging
import os
import signal
import threading
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

from byoc_infra.local import images, repairs, rules
from byoc_infra.local.aliases import Aliases
from byoc_infra.local.authorizer import TAG_SOURCES, TARGET_SOURCES, Gate
from byoc_infra.local.balancer import Balancer
from byoc_infra.local.certificates import Certificates
from byoc_infra.local.chain import Chain
from byoc_infra.local.compute.ecs import Compute
from byoc_infra.local.compute_facts import ecs_tags, task_holdings
from byoc_infra.local.control import Commands, ControlServer
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.instances import Instance
from byoc_infra.local.persistence import Part, Persistence
from byoc_infra.local.provider import nursery_of
from byoc_infra.local.rds import Databases
from byoc_infra.local.regions import Regions
from byoc_infra.local.scaling.scaler import Scaler
from byoc_infra.local.seed import sow
from byoc_infra.local.server import prepare
from byoc_infra.local.world import CUSTOMER_ACCOUNT, Addresses, Hosts, World

__all__ = ["Cloud"]

CHANGING = ("logs", "elbv2", "servicediscovery", "ecs")
SAVE_EVERY_S = 3.0

log = logging.getLogger(__name__)


class Cloud:
    """One local cloud, from inside its process."""

    def __init__(self, instance: Instance) -> None:
        directory = instance.directory
        self.world = World(
            directory=directory,
            region=instance.region,
            addresses=Addresses(instance.network),
            hosts=Hosts(directory / "hosts.json"),
            max_session_s=instance.max_session_s,
        )
        repairs.apply()
        self._instance = instance
        self._ready = False
        self._stopping = threading.Event()
        self._redis_image = ""
        self._nursery: Popen[bytes] | None = None
        self.hooks = Hooks()
        self.commands = Commands()
        self.persistence = Persistence(directory / "state", self.world.lock)
        self.regions = Regions(self.world, self.persistence)
        self.databases = Databases(self.world, self.persistence, self.regions)
        self.holders = rules.Holders()
        rules.register(self.hooks, self.holders)
        self.databases.register(self.hooks)
        self.gate = Gate(self.world)
        self.gate.register(self.hooks)
        self.certificates = Certificates(self.world, self.persistence)
        self.certificates.register(self.hooks)
        self.aliases = Aliases(self.world.hosts)
        balancer = Balancer(self.world, self.certificates.context)
        self.compute = Compute(self.world, self.gate.check_role, prepare, balancer=balancer)
        self.compute.register(self.hooks)
        self.holders.add(partial(task_holdings, self.compute.state))
        TAG_SOURCES.update(ecs_tags(self.compute.state))
        self.scaler = Scaler(self.world, self.compute.state)
        self.scaler.register(self.hooks)
        TAG_SOURCES["application-autoscaling:scalable-target"] = self.scaler.tags
        TARGET_SOURCES["ecs"] = self.scaler.arn_of
        self.chain = Chain(
            self.world, self.gate, self.hooks, self.persistence, enter=self.regions.enter
        )
        self._control = ControlServer(directory / "control.sock", self.commands)
        self._add_commands()
        self._add_parts()

    def start(self) -> None:
        """Take up an earlier state or make the first one, then begin to work."""
        if self.persistence.found:
            self.persistence.load()
        else:
            sow(self._instance)
        self._redis_image = self.regions.begin(self.world.region)
        self.databases.resume()
        self.databases.settle()
        self.compute.start()
        self.scaler.start()
        self._ready = True
        self._control.start()
        self._nursery = nursery_of(self.world.directory)
        threading.Thread(target=self._keep_saving, name="saving", daemon=True).start()

    def stop(self) -> None:
        """End what this process has started."""
        self._stopping.set()
        self._control.shutdown()
        self._control.server_close()
        if self._nursery is not None:
            self._nursery.terminate()
            self._nursery.wait()
        self.scaler.stop()
        self.compute.stop()
        self.databases.stop()
        self.world.shared_loop.stop()

    def _keep_saving(self) -> None:
        """What changes without a call: logs, targets, the course of a roll-out."""
        while not self._stopping.wait(SAVE_EVERY_S):
            for region in self.regions:
                self.persistence.save(CHANGING, CUSTOMER_ACCOUNT, region)

    def _add_commands(self) -> None:
        self.commands.add("status", self._status)
        self.commands.add("push", self._push)
        self.commands.add("advance-clock", self._advance_clock)
        self.commands.add("limit-sessions", self._limit_sessions)
        self.commands.add("crash", _crash)
        self.commands.add("rotate-password", self.databases.rotate_by_name)
        self.commands.add("load", self.scaler.tell)
        self.commands.add("certificate", self.certificates.make)
        self.commands.add("point", self.aliases.point)
        self.commands.add("kill-task", self.compute.kill_task)

    def _add_parts(self) -> None:
        sessions = self.gate.sessions
        self.persistence.add(Part("sessions", lambda: dict(sessions), sessions.update))
        state = self.compute.state
        self.persistence.add(Part("compute", lambda: state, self.compute.restore))
        self.persistence.add(Part("aliases", lambda: self.aliases.known, self.aliases.restore))
        self.persistence.add(Part("scaling", lambda: self.scaler.state, self.scaler.restore))
        self.persistence.add(Part("regions", lambda: list(self.regions), self.regions.restore))
        self.persistence.add(Part("clock", lambda: self.world.skew_s, self._set_clock))

    def _set_clock(self, skew_s: float) -> None:
        self.world.skew_s = skew_s

    def _status(self) -> dict[str, Any]:
        return {
            "name": self._instance.name,
            "ready": self._ready,
            "redis_image": self._redis_image,
            "urls": self.compute.balancer.urls(),
            "endpoint": self._instance.endpoint,
            "region": self._instance.region,
            "databases": self.databases.status(),
        }

    def _push(
        self, *, app: str, repository: str, tag: str, region: str | None = None
    ) -> dict[str, Any]:
        place, environment = region or self.world.region, prepare()
        image = images.push(
            self.world, Path(app), repository, tag, environment=environment, region=place
        )
        self.compute.expect(environment)
        self.persistence.save(("ecr",), CUSTOMER_ACCOUNT, place)
        return {"image": image}

    def _advance_clock(self, *, seconds: float) -> dict[str, Any]:
        self.world.skew_s += seconds
        return {"now": self.world.now()}

    def _limit_sessions(self, *, seconds: float | None) -> dict[str, Any]:
        """Sessions that are assumed from now on end after so long; None for as asked."""
        self.world.max_session_s = seconds
        return {"seconds": seconds}


def _crash() -> dict[str, Any]:
    """For tests: end as a machine's out-of-memory killer ends a process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
