"""The LangGraph server: one ECS service behind a load balancer.

A roll-out starts the new task, waits for its `/ok` behind the balancer, and only then lets the
old one drain. A revision that does not get healthy is rolled back by ECS's circuit breaker.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import pulumi
import pulumi_aws as aws

from byoc_infra.components import _tracing
from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_ecr_image, check_mount_prefix, check_pattern
from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._containers import (
    API_PORT,
    api_container,
    api_environment,
    awslogs,
    task_parts,
)
from byoc_infra.components._environment import check_environment
from byoc_infra.components._sizes import DEVELOPMENT, check_fargate
from byoc_infra.errors import SpecError
from byoc_infra.naming import DeploymentNames
from byoc_infra.spec import PlatformSecret

__all__ = ["Service", "ServiceArgs"]

CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]+")
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 and 1.3 (Elastic Load Balancing guide, security policies)."""
DEREGISTRATION_S = 60
IDLE_S = 3600
"""A run may be silent for long while its client waits."""
GRACE_S = 120
"""How long ECS ignores the balancer's health checks of a new task."""


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """What runs, how large, and where."""

    names: DeploymentNames
    region: str
    vpc_id: pulumi.Input[str]
    cluster_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, for the tasks."""
    security_group_ids: Sequence[pulumi.Input[str]]
    balancer_subnet_ids: Sequence[pulumi.Input[str]]
    """Two or more; public ones for an internet-facing balancer."""
    balancer_security_group_ids: Sequence[pulumi.Input[str]]
    execution_role_arn: pulumi.Input[str]
    task_role_arn: pulumi.Input[str]
    log_group: pulumi.Input[str]
    image: pulumi.Input[str]
    """In ECR, by digest."""
    database: PostgresConnection
    """As a database component gives it (`Database.connection`)."""
    secrets: Mapping[str, pulumi.Input[str]]
    """By environment name: ECS's `valueFrom`. REDIS_URI belongs here."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    tracing_endpoint: str | None = None
    """The LangSmith that traces go to; nowhere when absent, unless LANGSMITH_RUNS_ENDPOINTS is
    among the secrets or the environment sets LANGSMITH_TRACING."""
    cpu: int = DEVELOPMENT.cpu
    """CPU units; 1024 are one vCPU."""
    memory_mib: int = DEVELOPMENT.memory_mib
    replicas: int = 1
    """How many to begin with; what a person or an autoscaler sets later stays."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    mount_prefix: str = ""
    public: bool = False
    """Face the internet; needs a certificate."""
    certificate_arn: str | None = None
    """In ACM: HTTPS on 443, and 80 only redirects. Without: HTTP on 80, inside the network."""
    read_only_root: bool = False
    """A root file system that cannot be written, with a volume at /tmp. Off by default, because
    what an application's image writes is not ours to know."""
    deletion_protection: bool = True
    """Refuse deletion of the load balancer until it is lifted on purpose."""

    def __post_init__(self) -> None:
        check_ecr_image("image", self.image)
        check_fargate(self.cpu, self.memory_mib)
        check_environment(self.environment, set(self.secrets) - OUR_SECRETS)
        check_mount_prefix("mount_prefix", self.mount_prefix)
        check_pattern(
            "certificate_arn",
            self.certificate_arn,
            CERTIFICATE,
            wanted="the ARN of an ACM certificate",
            next_step="Make one in ACM, in the balancer's region.",
        )
        if self.public and self.certificate_arn is None:
            raise SpecError(
                "certificate_arn",
                wanted="a certificate for an internet-facing balancer",
                got="none",
                next_step="Give certificate_arn, or leave the balancer internal.",
            )


OUR_SECRETS = frozenset({"REDIS_URI", *get_args(PlatformSecret)})
"""Reserved names that the deployment itself passes as secrets."""


class Service(Component):
    """Task definition, API service, target group, load balancer and listeners."""

    TYPE: ClassVar[str] = "byoc:aws:Service"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "the_image_is_pinned",
        "internal_unless_asked",
        "public_needs_https",
        "no_password_in_the_environment",
        "no_trace_leaves_unless_asked",
        "a_rollout_keeps_the_old_until_the_new_is_healthy",
        "a_failed_rollout_goes_back",
        "requests_in_flight_may_end",
        "what_scales_is_left_alone",
        "old_task_definitions_stay_usable",
        "tasks_have_no_public_address",
        "the_balancer_drops_invalid_headers",
        "deletion_is_refused_until_lifted",
    )

    url: pulumi.Output[str]
    service_name: pulumi.Output[str]
    task_definition_arn: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    balancer_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._name, self._tags = name, args.names.tags()
        group = self._target_group(args)
        balancer = self._balancer(args)
        listeners = self._listeners(args, balancer, group)
        task = self._task(args)
        service = self._service(args, task, group, listeners)
        scheme = "https" if args.certificate_arn else "http"
        self.url = pulumi.Output.concat(scheme, "://", balancer.dns_name, args.mount_prefix)
        self.service_name, self.task_definition_arn = service.name, task.arn
        self.target_group_arn, self.balancer_arn = group.arn, balancer.arn
        self.register_outputs(
            {
                "url": self.url,
                "service_name": self.service_name,
                "task_definition_arn": self.task_definition_arn,
                "target_group_arn": self.target_group_arn,
                "balancer_arn": self.balancer_arn,
            }
        )

    def _target_group(self, args: ServiceArgs) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            self._name,
            name=args.names.target_group,
            vpc_id=args.vpc_id,
            target_type="ip",
            port=API_PORT,
            protocol="HTTP",
            deregistration_delay=DEREGISTRATION_S,
            health_check={
                "path": f"{args.mount_prefix}/ok",
                "port": "traffic-port",
                "protocol": "HTTP",
                "matcher": "200",
                "interval": 10,
                "timeout": 5,
                "healthy_threshold": 2,
                "unhealthy_threshold": 3,
            },
            tags=self._tags,
            opts=self.child(),
        )

    def _balancer(self, args: ServiceArgs) -> aws.lb.LoadBalancer:
        return aws.lb.LoadBalancer(
            self._name,
            name=args.names.balancer,
            load_balancer_type="application",
            internal=not args.public,
            subnets=args.balancer_subnet_ids,
            security_groups=args.balancer_security_group_ids,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            enable_deletion_protection=args.deletion_protection,
            idle_timeout=IDLE_S,
            tags=self._tags,
            opts=self.child(),
        )

    def _listeners(
        self, args: ServiceArgs, balancer: aws.lb.LoadBalancer, group: aws.lb.TargetGroup
    ) -> list[pulumi.Resource]:
        forward: aws.lb.ListenerDefaultActionArgsDict = {
            "type": "forward",
            "target_group_arn": group.arn,
        }
        if args.certificate_arn is None:
            return [self._listener("http", balancer, port=80, protocol="HTTP", action=forward)]
        redirect: aws.lb.ListenerDefaultActionArgsDict = {
            "type": "redirect",
            "redirect": {"protocol": "HTTPS", "port": "443", "status_code": "HTTP_301"},
        }
        return [
            self._listener("http", balancer, port=80, protocol="HTTP", action=redirect),
            self._listener(
                "https",
                balancer,
                port=443,
                protocol="HTTPS",
                action=forward,
                ssl_policy=TLS_POLICY,
                certificate_arn=args.certificate_arn,
            ),
        ]

    def _listener(
        self,
        role: str,
        balancer: aws.lb.LoadBalancer,
        *,
        action: aws.lb.ListenerDefaultActionArgsDict,
        **settings: Any,  # noqa: ANN401 - inputs of the listener
    ) -> aws.lb.Listener:
        return aws.lb.Listener(
            f"{self._name}-{role}",
            load_balancer_arn=balancer.arn,
            default_actions=[action],
            tags=self._tags,
            opts=self.child(),
            **settings,
        )

    def _tracing(self, args: ServiceArgs) -> dict[str, str]:
        return _tracing.environment(
            args.environment,
            endpoint=args.tracing_endpoint,
            secrets=args.secrets,
            project=args.names.name,
        )

    def _task(self, args: ServiceArgs) -> aws.ecs.TaskDefinition:
        secrets = {**args.secrets, **args.database.secrets}
        log = awslogs(group=args.log_group, region=args.region, prefix=args.names.log_prefix)
        container = api_container(
            image=args.image,
            environment=api_environment(
                own={**args.environment, **self._tracing(args)},
                database=args.database,
                most_replicas=args.replicas,
                mount_prefix=args.mount_prefix,
            ),
            secrets=[{"name": name, "valueFrom": secrets[name]} for name in sorted(secrets)],
            log=log,
            mount_prefix=args.mount_prefix,
            read_only_root=args.read_only_root,
        )
        containers, volumes = task_parts(
            container, image=args.image, log=log, ca_pem=args.database.ca_pem
        )
        return aws.ecs.TaskDefinition(
            self._name,
            family=args.names.service("api"),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(args.cpu),
            memory=str(args.memory_mib),
            execution_role_arn=args.execution_role_arn,
            task_role_arn=args.task_role_arn,
            runtime_platform={
                "cpu_architecture": args.architecture,
                "operating_system_family": "LINUX",
            },
            container_definitions=pulumi.Output.json_dumps(containers, sort_keys=True),
            volumes=[{"name": volume} for volume in volumes] or None,
            skip_destroy=True,  # a service cannot go back to an INACTIVE one
            tags=self._tags,
            opts=self.child(),
        )

    def _service(
        self,
        args: ServiceArgs,
        task: aws.ecs.TaskDefinition,
        group: aws.lb.TargetGroup,
        listeners: list[pulumi.Resource],
    ) -> aws.ecs.Service:
        return aws.ecs.Service(
            self._name,
            name=args.names.service("api"),
            cluster=args.cluster_arn,
            task_definition=task.arn,
            launch_type="FARGATE",
            platform_version="LATEST",
            desired_count=args.replicas,
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            deployment_circuit_breaker={"enable": True, "rollback": True},
            health_check_grace_period_seconds=GRACE_S,
            network_configuration={
                "subnets": args.subnet_ids,
                "security_groups": args.security_group_ids,
                "assign_public_ip": False,
            },
            load_balancers=[
                {
                    "target_group_arn": group.arn,
                    "container_name": "api",
                    "container_port": API_PORT,
                }
            ],
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
            propagate_tags="SERVICE",
            wait_for_steady_state=False,  # a roll-back looks steady; `byoc` compares instead
            tags=self._tags,
            opts=self.child(depends_on=listeners, ignore_changes=["desiredCount"]),
        )
