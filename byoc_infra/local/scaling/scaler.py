"""The autoscaler: told utilisations and policies in, desired counts out.

It measures nothing. What a service's tasks use is told to it (`byoc local load`), because what
processes of this machine use says nothing about Fargate's vCPUs.
"""

import logging
import threading
import uuid
from typing import Any

from byoc_infra.errors import NotFound, SpecError
from byoc_infra.local.compute.model import Service
from byoc_infra.local.compute.model import State as Compute
from byoc_infra.local.compute.scheduler import tell
from byoc_infra.local.hooks import Hooks
from byoc_infra.local.scaling.api import Api, service_arn
from byoc_infra.local.scaling.decision import COOLDOWN_S, Decision, Tracking, decide
from byoc_infra.local.scaling.model import DIMENSION, Key, Policy, State, Target, Told
from byoc_infra.local.world import World

__all__ = ["Scaler"]

TOLD_AS = {
    "cpu": "ECSServiceAverageCPUUtilization",
    "memory": "ECSServiceAverageMemoryUtilization",
}
KEEP_ACTIVITIES = 100
LOOK_S = 0.5
"""AWS looks at alarms each minute; the decision itself keeps AWS's minutes."""
log = logging.getLogger(__name__)


class Scaler:
    """Sets desired counts as Application Auto Scaling does, one look a `tick`."""

    def __init__(self, world: World, compute: Compute) -> None:
        self.world = world
        self.compute = compute
        self.state = State()
        self._api = Api(self.state, compute, world.now)
        self._stopping = threading.Event()

    def register(self, hooks: Hooks) -> None:
        """Take over the API."""
        self._api.register(hooks)

    def restore(self, state: State) -> None:
        """Go on from a pickled state."""
        for name, held in vars(state).items():
            setattr(self.state, name, held)

    def start(self) -> None:
        """Follow the policies, in a thread."""
        threading.Thread(target=self._run, name="autoscaler", daemon=True).start()

    def stop(self) -> None:
        """Set nothing any more."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                with self.world.lock:
                    self.tick()
            except Exception:
                log.exception("the autoscaler stumbled")

    def arn_of(self, key: Key) -> str | None:
        """The ARN of a scalable target, for the authorizer."""
        known = self.state.targets.get(key)
        return None if known is None else known.arn

    def tags(self, arn: str) -> dict[str, str] | None:
        """The tags of a scalable target, for the authorizer."""
        return next((t.tags for t in self.state.targets.values() if t.arn == arn), None)

    def tell(
        self,
        *,
        service: str,
        cpu: float | None = None,
        memory: float | None = None,
        minutes: float = 0,
    ) -> dict[str, Any]:
        """The tasks of `service` use so many percent on average, and have for so many minutes.

        None leaves a metric as it was told before.
        """
        for name, percent in (("cpu", cpu), ("memory", memory)):
            if percent is not None and percent < 0:
                raise SpecError(
                    name, wanted="0 % or more", got=f"{percent:g} %", next_step="Give a share."
                )
        with self.world.lock:
            target = self._named(service)
            known = self.state.told.setdefault(target.key, {})
            for name, percent in (("cpu", cpu), ("memory", memory)):
                if percent is not None:
                    since = self.world.now() - 60 * minutes
                    known[TOLD_AS[name]] = Told(float(percent), since)
            return {
                "service": service,
                "cpu": getattr(known.get(TOLD_AS["cpu"]), "percent", None),
                "memory": getattr(known.get(TOLD_AS["memory"]), "percent", None),
            }

    def _named(self, service: str) -> Target:
        for target in self.state.targets.values():
            if target.key[2].rpartition("/")[2] == service:
                return target
        names = [target.key[2].rpartition("/")[2] for target in self.state.targets.values()]
        raise NotFound(
            "service",
            wanted="an ECS service that scales: " + (", ".join(sorted(names)) or "there is none"),
            got=service,
            next_step="Take the name from `byoc deployment status`.",
        )

    def tick(self) -> None:
        """Look at every target once."""
        for target in list(self.state.targets.values()):
            service = self.compute.services.get(service_arn(target.key))
            if service is None or service.status != "ACTIVE":
                continue
            decision = self._decide(target, service)
            if decision is not None and not self._suspended(target, service, decision):
                self._set(target, service, decision)

    def _decide(self, target: Target, service: Service) -> Decision | None:
        now = self.world.now()
        running = [t for t in self.compute.tasks_of(service.arn) if t.status == "RUNNING"]
        return decide(
            [self._tracking(policy) for policy in self.state.policies_of(target.key)],
            desired=service.desired,
            running=len(running),
            least=target.least,
            most=target.most,
            since_out_s=None if target.scaled_out_at is None else now - target.scaled_out_at,
            since_in_s=None if target.scaled_in_at is None else now - target.scaled_in_at,
        )

    def _tracking(self, policy: Policy) -> Tracking:
        told = self.state.told.get(policy.key, {}).get(policy.metric)
        settings = policy.configuration
        return Tracking(
            name=policy.name,
            target=float(settings["TargetValue"]),
            measured=None if told is None else told.percent,
            held_s=0.0 if told is None else self.world.now() - told.since,
            out_cooldown_s=float(settings.get("ScaleOutCooldown", COOLDOWN_S)),
            in_cooldown_s=float(settings.get("ScaleInCooldown", COOLDOWN_S)),
            scales_in=not settings.get("DisableScaleIn"),
        )

    @staticmethod
    def _suspended(target: Target, service: Service, decision: Decision) -> bool:
        way = "In" if decision.desired < service.desired else "Out"
        return bool(target.suspended.get(f"DynamicScaling{way}Suspended"))

    def _set(self, target: Target, service: Service, decision: Decision) -> None:
        """What its UpdateService changes: the desired count, and no deployment."""
        now = self.world.now()
        if decision.desired < service.desired:
            target.scaled_in_at = now
        else:
            target.scaled_out_at, target.scaled_in_at = now, None
        service.desired, service.steady = decision.desired, False
        service.asked = {**service.asked, "desiredCount": decision.desired}
        words = f"Successfully set desired count to {decision.desired}."
        tell(service, f"{words} Cause: {decision.cause}", now)
        log.info("%s: %s Cause: %s", service.name, words, decision.cause)
        account_id, region, resource = target.key
        activity = {
            "Place": [account_id, region],
            "ActivityId": str(uuid.uuid4()),
            "ServiceNamespace": "ecs",
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "Description": f"Setting desired count to {decision.desired}.",
            "Cause": decision.cause,
            "StartTime": now,
            "EndTime": now,
            "StatusCode": "Successful",
            "StatusMessage": f"{words} Change successfully fulfilled by ecs.",
        }
        self.state.activities = [activity, *self.state.activities][:KEEP_ACTIVITIES]
