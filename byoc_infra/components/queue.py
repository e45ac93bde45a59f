"""The queue of runs: an ECS service of the server's own image that works it and takes no requests.

It begins to work as soon as it runs, and it is never asked from outside: no balancer, no port that
any security group opens to others. A run whose task is killed goes back to the queue.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._server import (
    N_JOBS,
    check_server,
    service_settings,
    task_settings,
    told,
)
from byoc_infra.components._sizes import PRODUCTION
from byoc_infra.naming import DeploymentNames

__all__ = ["Queue", "QueueArgs"]

ENTRY_POINT = "/storage/queue_entrypoint.sh"
"""Of the platform's images: works the queue, and answers `/ok` on PORT."""
JOBS = 10
"""The platform's number of runs that a container works at once."""


@dataclass(frozen=True, kw_only=True)
class QueueArgs:
    """What runs, how large, and where: as `ServiceArgs`, without what a balancer needs."""

    names: DeploymentNames
    """Of the deployment; all names and tags follow from it."""
    region: str
    """Where its log lines go, such as `eu-west-1`."""
    cluster_arn: pulumi.Input[str]
    """The ECS cluster that its tasks run in."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, for the tasks."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """Of the tasks; nobody needs to reach them."""
    execution_role_arn: pulumi.Input[str]
    """What ECS starts tasks with: it reads the secrets and writes the log."""
    task_role_arn: pulumi.Input[str]
    """What the application may do in AWS."""
    log_group: pulumi.Input[str]
    """The CloudWatch log group of the account."""
    image: pulumi.Input[str]
    """The API service's, in ECR, by digest."""
    database: PostgresConnection
    """As a database component gives it (`Database.connection`)."""
    secrets: Mapping[str, pulumi.Input[str]]
    """By environment name: ECS's `valueFrom`. REDIS_URI belongs here."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """N_JOBS_PER_WORKER is 10 unless it is here."""
    tracing_endpoint: str | None = None
    """The LangSmith that traces go to, as for `ServiceArgs`."""
    cpu: int = PRODUCTION.cpu
    """CPU units; 1024 are one vCPU."""
    memory_mib: int = PRODUCTION.memory_mib
    """Memory of a task, one that Fargate has for the CPU."""
    replicas: int = PRODUCTION.replicas.least
    """How many to begin with; what a person or an autoscaler sets later stays."""
    most_containers: int = 2 * PRODUCTION.replicas.most
    """How many containers share the database at their most, in all services."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    """The image's."""
    read_only_root: bool = False
    """A root file system that cannot be written, with a volume at /tmp."""

    def __post_init__(self) -> None:
        check_server(self)


class Queue(Component):
    """Task definition and service that work the queue."""

    TYPE: ClassVar[str] = "byoc:aws:Queue"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "it_runs_the_queue_entry_point_of_the_image",
        "nobody_can_ask_it",
        "it_works_ten_runs_at_once_unless_told",
        "a_run_may_end_before_its_task_does",
        "a_failed_rollout_goes_back",
        "what_scales_is_left_alone",
        "no_password_in_the_environment",
        "tasks_have_no_public_address",
    )

    service_name: pulumi.Output[str]
    """The ECS service."""
    task_definition_arn: pulumi.Output[str]
    """The revision that the service was told to run."""

    def __init__(
        self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        environment = {N_JOBS: str(JOBS), **told(args, most_containers=args.most_containers)}
        settings = task_settings(args, "queue", environment, command=[ENTRY_POINT])
        task = aws.ecs.TaskDefinition(name, **settings, opts=self.child())
        service = aws.ecs.Service(
            name,
            **service_settings(args, "queue", task.arn),
            opts=self.child(ignore_changes=["desiredCount"]),
        )
        self.service_name, self.task_definition_arn = service.name, task.arn
        self.register_outputs(
            {
                "service_name": self.service_name,
                "task_definition_arn": self.task_definition_arn,
            }
        )
