"""The LangGraph server: one ECS service behind a load balancer.

A roll-out starts the new task, waits for its `/ok` behind the balancer, and only then lets the
old one drain. A revision that does not get healthy is rolled back by ECS's circuit breaker.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import check_certificate, check_domain, check_mount_prefix
from byoc_infra.components._connection import PostgresConnection
from byoc_infra.components._containers import API_PORT
from byoc_infra.components._server import (
    N_JOBS,
    check_server,
    service_settings,
    task_settings,
    told,
)
from byoc_infra.components._sizes import DEVELOPMENT
from byoc_infra.errors import SpecError
from byoc_infra.naming import DeploymentNames

__all__ = ["Service", "ServiceArgs"]

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
    """Of the deployment; all names and tags follow from it."""
    region: str
    """Where its log lines go, such as `eu-west-1`."""
    vpc_id: pulumi.Input[str]
    """The VPC of the subnets."""
    cluster_arn: pulumi.Input[str]
    """The ECS cluster that its tasks run in."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, for the tasks."""
    security_group_ids: Sequence[pulumi.Input[str]]
    """Of the tasks: they let in the load balancer only."""
    balancer_subnet_ids: Sequence[pulumi.Input[str]]
    """Two or more; public ones for an internet-facing balancer."""
    balancer_security_group_ids: Sequence[pulumi.Input[str]]
    """Of the load balancer: they decide who may reach the server."""
    execution_role_arn: pulumi.Input[str]
    """What ECS starts tasks with: it reads the secrets and writes the log."""
    task_role_arn: pulumi.Input[str]
    """What the application may do in AWS."""
    log_group: pulumi.Input[str]
    """The CloudWatch log group of the account."""
    image: pulumi.Input[str]
    """In ECR, by digest."""
    database: PostgresConnection
    """As a database component gives it (`Database.connection`)."""
    secrets: Mapping[str, pulumi.Input[str]]
    """By environment name: ECS's `valueFrom`. REDIS_URI belongs here."""
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    """Further variables in plain text; none that the platform sets itself."""
    tracing_endpoint: str | None = None
    """The LangSmith that traces go to; nowhere when absent, unless LANGSMITH_RUNS_ENDPOINTS is
    among the secrets or the environment sets LANGSMITH_TRACING."""
    cpu: int = DEVELOPMENT.cpu
    """CPU units; 1024 are one vCPU."""
    memory_mib: int = DEVELOPMENT.memory_mib
    """Memory of a task, one that Fargate has for the CPU."""
    replicas: int = 1
    """How many to begin with; what a person or an autoscaler sets later stays."""
    most_containers: int | None = None
    """How many containers share the database at their most, in all services; `replicas` if
    absent."""
    works_queue: bool = True
    """Also work the queue of runs; False where a `Queue` does."""
    architecture: Literal["X86_64", "ARM64"] = "X86_64"
    """The image's."""
    mount_prefix: str = ""
    """Where the server is mounted, such as `/agents`; `/ok` moves along."""
    public: bool = False
    """Face the internet; needs a certificate."""
    certificate_arn: str | None = None
    """In ACM, in the balancer's region: HTTPS on 443, and 80 only redirects. Without: HTTP on 80,
    inside the network."""
    domain: str | None = None
    """The name that leads to the balancer and that the certificate is for; the URL has it."""
    read_only_root: bool = False
    """A root file system that cannot be written, with a volume at /tmp. Off by default, because
    what an application's image writes is not ours to know."""
    deletion_protection: bool = True
    """Refuse deletion of the load balancer until it is lifted on purpose."""

    def __post_init__(self) -> None:
        check_server(self)
        check_mount_prefix("mount_prefix", self.mount_prefix)
        check_certificate("certificate_arn", self.certificate_arn, region=self.region)
        check_domain("domain", self.domain, certificate_arn=self.certificate_arn)
        if self.public and self.certificate_arn is None:
            raise SpecError(
                "certificate_arn",
                wanted="a certificate for an internet-facing balancer",
                got="none",
                next_step="Give certificate_arn, or leave the balancer internal.",
            )


class Service(Component):
    """Task definition, API service, target group, load balancer and listeners."""

    TYPE: ClassVar[str] = "byoc:aws:Service"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "the_image_is_pinned",
        "internal_unless_asked",
        "public_needs_https",
        "with_a_certificate_http_only_redirects",
        "another_service_may_work_the_queue",
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
    """Where the server answers, with the domain if there is one."""
    service_name: pulumi.Output[str]
    """The ECS service."""
    task_definition_arn: pulumi.Output[str]
    """The revision that the service was told to run."""
    target_group_arn: pulumi.Output[str]
    """Whose targets' health says whether requests are served."""
    balancer_arn: pulumi.Output[str]
    """The load balancer."""

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
        host = args.domain or balancer.dns_name
        self.url = pulumi.Output.concat(scheme, "://", host, args.mount_prefix)
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

    def _task(self, args: ServiceArgs) -> aws.ecs.TaskDefinition:
        environment = told(
            args,
            most_containers=args.most_containers or args.replicas,
            mount_prefix=args.mount_prefix,
        )
        if not args.works_queue:
            environment[N_JOBS] = "0"
        settings = task_settings(args, "api", environment, mount_prefix=args.mount_prefix)
        return aws.ecs.TaskDefinition(self._name, **settings, opts=self.child())

    def _service(
        self,
        args: ServiceArgs,
        task: aws.ecs.TaskDefinition,
        group: aws.lb.TargetGroup,
        listeners: list[pulumi.Resource],
    ) -> aws.ecs.Service:
        return aws.ecs.Service(
            self._name,
            **service_settings(args, "api", task.arn),
            health_check_grace_period_seconds=GRACE_S,
            load_balancers=[
                {
                    "target_group_arn": group.arn,
                    "container_name": "api",
                    "container_port": API_PORT,
                }
            ],
            opts=self.child(depends_on=listeners, ignore_changes=["desiredCount"]),
        )
