"""What the API service and the queue service have in common, as inputs of ECS; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import pulumi

from byoc_infra.components import _tracing
from byoc_infra.components._checks import check_ecr_image
from byoc_infra.components._containers import (
    awslogs,
    server_container,
    server_environment,
    task_parts,
)
from byoc_infra.components._environment import check_environment
from byoc_infra.components._sizes import check_fargate
from byoc_infra.spec import PlatformSecret

if TYPE_CHECKING:
    from byoc_infra.components.queue import QueueArgs
    from byoc_infra.components.service import ServiceArgs

__all__ = ["N_JOBS", "check_server", "service_settings", "task_settings", "told"]

Role = Literal["api", "queue"]
Settings = dict[str, Any]
"""Inputs by pulumi_aws's names."""

N_JOBS = "N_JOBS_PER_WORKER"
"""How many runs a container works at once; with 0 it takes none."""
OUR_SECRETS = frozenset({"REDIS_URI", *get_args(PlatformSecret)})
"""Reserved names that the deployment itself passes as secrets."""


def check_server(args: ServiceArgs | QueueArgs) -> None:
    """Refuse what neither service can work with."""
    check_ecr_image("image", args.image)
    check_fargate(args.cpu, args.memory_mib)
    check_environment(args.environment, set(args.secrets) - OUR_SECRETS)


def told(
    args: ServiceArgs | QueueArgs, *, most_containers: int, mount_prefix: str = ""
) -> dict[str, pulumi.Input[str]]:
    """The server's environment: the person's, ours, and where traces go."""
    tracing = _tracing.environment(
        args.environment,
        endpoint=args.tracing_endpoint,
        secrets=args.secrets,
        project=args.names.name,
    )
    return server_environment(
        own={**args.environment, **tracing},
        database=args.database,
        most_containers=most_containers,
        mount_prefix=mount_prefix,
    )


def task_settings(
    args: ServiceArgs | QueueArgs,
    role: Role,
    environment: Mapping[str, pulumi.Input[str]],
    *,
    mount_prefix: str = "",
    command: Sequence[str] | None = None,
) -> Settings:
    """The inputs of a task definition with the server and what it needs beside it."""
    secrets = {**args.secrets, **args.database.secrets}
    log = awslogs(group=args.log_group, region=args.region, prefix=args.names.log_prefix)
    container = server_container(
        name=role,
        image=args.image,
        environment=environment,
        secrets=[{"name": name, "valueFrom": secrets[name]} for name in sorted(secrets)],
        log=log,
        read_only_root=args.read_only_root,
        mount_prefix=mount_prefix,
        command=command,
    )
    containers, volumes = task_parts(
        container, image=args.image, log=log, ca_pem=args.database.ca_pem
    )
    return {
        "family": args.names.service(role),
        "requires_compatibilities": ["FARGATE"],
        "network_mode": "awsvpc",
        "cpu": str(args.cpu),
        "memory": str(args.memory_mib),
        "execution_role_arn": args.execution_role_arn,
        "task_role_arn": args.task_role_arn,
        "runtime_platform": {
            "cpu_architecture": args.architecture,
            "operating_system_family": "LINUX",
        },
        "container_definitions": pulumi.Output.json_dumps(containers, sort_keys=True),
        "volumes": [{"name": volume} for volume in volumes] or None,
        "skip_destroy": True,  # a service cannot go back to an INACTIVE one
        "tags": args.names.tags(),
    }


def service_settings(
    args: ServiceArgs | QueueArgs, role: Role, task_definition: pulumi.Input[str]
) -> Settings:
    """The inputs of a service that rolls out without a gap, and goes back by itself."""
    return {
        "name": args.names.service(role),
        "cluster": args.cluster_arn,
        "task_definition": task_definition,
        "launch_type": "FARGATE",
        "platform_version": "LATEST",
        "desired_count": args.replicas,
        "deployment_minimum_healthy_percent": 100,
        "deployment_maximum_percent": 200,
        "deployment_circuit_breaker": {"enable": True, "rollback": True},
        "network_configuration": {
            "subnets": args.subnet_ids,
            "security_groups": args.security_group_ids,
            "assign_public_ip": False,
        },
        "enable_ecs_managed_tags": True,
        "enable_execute_command": False,
        "propagate_tags": "SERVICE",
        "wait_for_steady_state": False,  # a roll-back looks steady; `byoc` compares instead
        "tags": args.names.tags(),
    }
