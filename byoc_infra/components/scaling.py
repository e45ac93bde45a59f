"""How many containers a service has: between limits, by what they use.

Application Auto Scaling keeps average CPU and memory at a target. It adds containers after three
minutes above it, and takes some away after fifteen minutes well below it, at most once in the time
that scale-in is held.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from dataclasses import dataclass
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._sizes import PRODUCTION, check_range
from byoc_infra.errors import SpecError
from byoc_infra.naming import DeploymentNames

__all__ = ["Scaling", "ScalingArgs"]

METRICS = {
    "cpu": "ECSServiceAverageCPUUtilization",
    "memory": "ECSServiceAverageMemoryUtilization",
}
"""Of Application Auto Scaling (API reference, PredefinedMetricSpecification)."""


@dataclass(frozen=True, kw_only=True)
class ScalingArgs:
    """Which service, and within what."""

    names: DeploymentNames
    """Of the deployment; all names and tags follow from it."""
    role: Literal["api", "queue"]
    """Which of the deployment's services; part of the policies' names."""
    cluster_name: pulumi.Input[str]
    """The ECS cluster that the service is in."""
    service_name: pulumi.Input[str]
    """As an output of the service, so that the service comes first and goes last."""
    least: int = PRODUCTION.replicas.least
    """The fewest containers."""
    most: int = PRODUCTION.replicas.most
    """Containers; 1 to 10."""
    cpu_percent: int = 75
    """What average CPU is kept at."""
    memory_percent: int = 75
    """The same for memory."""
    scale_in_hold_s: int = 1800
    """After containers were taken away, for so long no more are."""
    scale_out_hold_s: int = 60
    """How long it waits after adding containers before it adds more."""

    def __post_init__(self) -> None:
        check_range(PRODUCTION.replicas, PRODUCTION.limits, least=self.least, most=self.most)
        for field in ("cpu_percent", "memory_percent"):
            percent = getattr(self, field)
            if not 1 <= percent <= 100:
                raise SpecError(
                    field, wanted="1 to 100 %", got=str(percent), next_step="75 is usual."
                )


class Scaling(Component):
    """A scalable target with one policy for CPU and one for memory."""

    TYPE: ClassVar[str] = "byoc:aws:Scaling"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "limits_are_kept",
        "cpu_and_memory_are_kept_at_their_targets",
        "scale_in_is_held_half_an_hour",
    )

    resource_id: pulumi.Output[str]
    """`service/<cluster>/<service>`."""

    def __init__(
        self, name: str, args: ScalingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        target = aws.appautoscaling.Target(
            name,
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", args.cluster_name, "/", args.service_name),
            min_capacity=args.least,
            max_capacity=args.most,
            tags=args.names.tags(),
            opts=self.child(),
        )
        for metric, percent in (("cpu", args.cpu_percent), ("memory", args.memory_percent)):
            aws.appautoscaling.Policy(
                f"{name}-{metric}",
                name=args.names.service(f"{args.role}-{metric}"),
                policy_type="TargetTrackingScaling",
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                target_tracking_scaling_policy_configuration={
                    "predefined_metric_specification": {"predefined_metric_type": METRICS[metric]},
                    "target_value": percent,
                    "scale_in_cooldown": args.scale_in_hold_s,
                    "scale_out_cooldown": args.scale_out_hold_s,
                },
                opts=self.child(),
            )
        self.resource_id = target.resource_id
        self.register_outputs({"resource_id": self.resource_id})
