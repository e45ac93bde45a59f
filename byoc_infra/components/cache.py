"""A deployment's Redis: an ECS service that is found by name and keeps nothing.

LangGraph uses it to wake workers and to stream; all that lasts is in Postgres. There is never
more than one: two behind one name would split streams.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_digest
from byoc_infra.components._containers import awslogs, redis_container
from byoc_infra.components._sizes import check_fargate
from byoc_infra.naming import DeploymentNames

__all__ = ["Cache", "CacheArgs"]

TTL_S = 10
"""How long a client may believe in the address of a Redis that was replaced."""


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """Where Redis runs and which one."""

    names: DeploymentNames
    """Of the deployment; all names and tags follow from it."""
    region: str
    """Where its log lines go, such as `eu-west-1`."""
    cluster_arn: pulumi.Input[str]
    """The ECS cluster that it runs in."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets for its task."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """They decide who may reach it, on port 6379."""
    namespace_id: pulumi.Input[str]
    """The private Cloud Map namespace that its name is put into."""
    execution_role_arn: pulumi.Input[str]
    """What ECS starts the task with: it reads the password and writes the log."""
    log_group: pulumi.Input[str]
    """The CloudWatch log group of the account."""
    image: pulumi.Input[str]
    """By digest."""
    password_secret_arn: pulumi.Input[str]
    """A secret with the JSON keys `password` and `uri`; it must have its value before Redis
    starts."""
    cpu: int = 256
    """CPU units."""
    memory_mib: int = 512
    """What Fargate has for the CPU. Redis keeps everything in it."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    """The image's."""

    def __post_init__(self) -> None:
        check_digest("redis_image", self.image)
        check_fargate(self.cpu, self.memory_mib)


class Cache(Component):
    """Redis as one Fargate task, found through Cloud Map."""

    TYPE: ClassVar[str] = "byoc:aws:Cache"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "a_password_is_asked_for",
        "nothing_is_written_to_disk",
        "there_is_never_more_than_one",
        "the_image_is_pinned",
        "it_is_found_by_name",
        "it_has_no_public_address",
        "a_failed_rollout_goes_back",
    )

    service_name: pulumi.Output[str]
    """The ECS service."""
    task_definition_arn: pulumi.Output[str]
    """The revision that the service was told to run."""
    discovery_name: pulumi.Output[str]
    """The first label of its host name; the namespace follows."""

    def __init__(
        self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        tags = args.names.tags()
        discovery = aws.servicediscovery.Service(
            name,
            name=args.names.discovery,
            description=f"Redis of {args.names.name}",
            dns_config={
                "namespace_id": args.namespace_id,
                "routing_policy": "MULTIVALUE",
                "dns_records": [{"type": "A", "ttl": TTL_S}],
            },
            tags=tags,
            opts=self.child(),
        )
        task = self._task(name, args)
        service = aws.ecs.Service(
            name,
            name=args.names.service("cache"),
            cluster=args.cluster_arn,
            task_definition=task.arn,
            launch_type="FARGATE",
            platform_version="LATEST",
            desired_count=1,
            deployment_minimum_healthy_percent=0,
            deployment_maximum_percent=100,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            network_configuration={
                "subnets": args.subnet_ids,
                "security_groups": args.security_group_ids,
                "assign_public_ip": False,
            },
            service_registries={"registry_arn": discovery.arn},
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
            propagate_tags="SERVICE",
            wait_for_steady_state=False,
            tags=tags,
            opts=self.child(),
        )
        self.service_name, self.discovery_name = service.name, discovery.name
        self.task_definition_arn = task.arn
        self.register_outputs(
            {
                "service_name": self.service_name,
                "task_definition_arn": self.task_definition_arn,
                "discovery_name": self.discovery_name,
            }
        )

    def _task(self, name: str, args: CacheArgs) -> aws.ecs.TaskDefinition:
        log = awslogs(group=args.log_group, region=args.region, prefix=args.names.log_prefix)
        container = redis_container(
            image=args.image, password_secret_arn=args.password_secret_arn, log=log
        )
        return aws.ecs.TaskDefinition(
            name,
            family=args.names.service("cache"),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.cpu),
            memory=str(args.memory_mib),
            execution_role_arn=args.execution_role_arn,
            runtime_platform={
                "cpu_architecture": args.architecture,
                "operating_system_family": "LINUX",
            },
            container_definitions=pulumi.Output.json_dumps([container], sort_keys=True),
            skip_destroy=True,
            tags=args.names.tags(),
            opts=self.child(),
        )
