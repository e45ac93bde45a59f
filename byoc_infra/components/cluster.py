"""What all deployments of an account share: ECS cluster, logs, roles, security groups, names.

The customer makes it once, so that the control plane needs no right to make roles, security
groups or networks.
"""

from __future__ import annotations  # the classes of pulumi_aws load slowly

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pulumi
import pulumi_aws as aws

from byoc_infra.components._base import Component
from byoc_infra.components._checks import (
    LOG_RETENTION_DAYS,
    check_digest,
    check_network_range,
    check_one_of,
    check_ports,
    check_unique,
)
from byoc_infra.components._firewall import GROUPS, Rule, check_external_databases, rules
from byoc_infra.components._policies import ecs_trust, execution_policy
from byoc_infra.components._task_roles import (
    DEFAULT_ROLES,
    check_task_roles,
    task_boundary,
    task_roles_tag,
)
from byoc_infra.components._tracing import check_tracing
from byoc_infra.errors import SpecError
from byoc_infra.naming import (
    ENABLED_TAG,
    PLATFORM_SECRETS_TAG,
    REDIS_IMAGE_TAG,
    ROLE_SUFFIX_TAG,
    TASK_ROLES_TAG,
    TRACING_TAG,
    AccountNames,
    Place,
)
from byoc_infra.spec import ExternalDatabaseSpec, TaskRoleSpec, TracingSpec

__all__ = ["Cluster", "ClusterArgs"]

ROLE_NAME_LIMIT = 64
"""IAM user guide, quotas."""
TAG_VALUE_LIMIT = 256
SERVICE_LINKED_ROLES = ("elasticloadbalancing", "rds", "ecs", "ecs.application-autoscaling")


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What the account's owner decides for all deployments."""

    names: AccountNames
    """Of the installation; all names and tags follow from it."""
    place: Place
    """The account and region."""
    vpc_id: pulumi.Input[str]
    """Where the security groups and the namespace are."""
    private_subnet_ids: Sequence[pulumi.Input[str]]
    """Where databases may lie; two zones or more."""
    ingress_cidrs: Sequence[pulumi.Input[str]]
    """Who may reach internal load balancers, such as the VPC's own range."""
    repositories: Sequence[str]
    """Names of the ECR repositories that tasks may run images from."""
    redis_image: str
    """By digest; deployments find it as a tag of the cluster."""
    task_roles: Mapping[str, TaskRoleSpec] = field(default_factory=lambda: DEFAULT_ROLES)
    """By name: what applications may run with. `default` is at the path `/` and may do nothing."""
    platform_secrets: Sequence[str] = ()
    """What deployments are told to expect; `PlatformSecrets` makes the containers."""
    tracing: TracingSpec | None = None
    """Where deployments are told to send their traces."""
    public_ingress: bool = False
    """Make the security group of internet-facing load balancers."""
    egress_ports: Sequence[int] = (443,)
    """TCP ports on which the applications may reach the internet."""
    external_databases: Sequence[ExternalDatabaseSpec] = ()
    """Ranges and ports of databases outside of this stack; the applications reach no other."""
    log_retention_days: int = 30
    """How long the deployments' log lines are kept."""
    create_service_linked_roles: Sequence[str] = SERVICE_LINKED_ROLES
    """Those that the account does not have yet; they stay when the stack goes."""
    permissions_boundary_arn: str | None = None
    """On every role that is made here."""

    def __post_init__(self) -> None:
        check_digest("redis_image", self.redis_image)
        check_one_of(
            "log_retention_days",
            self.log_retention_days,
            LOG_RETENTION_DAYS,
            next_step="CloudWatch Logs takes only these.",
        )
        for cidr in self.ingress_cidrs:
            if isinstance(cidr, str):
                check_network_range("ingress_cidrs", cidr)
        for listed in ("repositories", "create_service_linked_roles"):
            check_unique(listed, getattr(self, listed))
        check_task_roles(self.task_roles, self.place)
        check_tracing(self.tracing, self.platform_secrets, self.egress_ports)
        check_ports("egress_ports", self.egress_ports)
        check_external_databases(self.external_databases)
        for service in self.create_service_linked_roles:
            check_one_of(
                "create_service_linked_roles",
                service,
                SERVICE_LINKED_ROLES,
                next_step="Name the service without its domain.",
            )
        self._check_lengths()

    def _check_lengths(self) -> None:
        longest = max(map(self.names.task_role, self.task_roles), key=len)
        for named, text, limit in (
            ("installation", self.names.execution_role, ROLE_NAME_LIMIT),
            ("task_roles", longest, ROLE_NAME_LIMIT),
            ("task_roles", task_roles_tag(self.task_roles), TAG_VALUE_LIMIT),
            ("redis_image", self.redis_image, TAG_VALUE_LIMIT),
        ):
            if len(text) > limit:
                raise SpecError(
                    named,
                    wanted=f"at most {limit} characters",
                    got=f"{text!r} ({len(text)})",
                    next_step="Take a shorter name, or fewer of them.",
                )

    def told(self) -> dict[str, str]:
        """What deployments read from the cluster's tags."""
        tags = {
            ENABLED_TAG: "1",
            REDIS_IMAGE_TAG: self.redis_image,
            TASK_ROLES_TAG: task_roles_tag(self.task_roles),
            PLATFORM_SECRETS_TAG: " ".join(self.platform_secrets),
            TRACING_TAG: self.tracing.endpoint if self.tracing else "",
            ROLE_SUFFIX_TAG: self.names.role_suffix,
        }
        return {tag: text for tag, text in tags.items() if text}


class Cluster(Component):
    """The account's shared pieces."""

    TYPE: ClassVar[str] = "byoc:aws:Cluster"
    PROMISES: ClassVar[tuple[str, ...]] = (
        "container_insights_are_on",
        "logs_have_an_end",
        "the_execution_role_reads_only_tagged_secrets",
        "roles_serve_only_tasks_of_this_account",
        "task_roles_have_no_rights_unless_given",
        "task_roles_are_under_a_path_and_a_boundary",
        "no_ingress_from_anywhere",
        "no_group_trusts_itself",
        "service_linked_roles_stay",
    )

    cluster_name: pulumi.Output[str]
    """The ECS cluster of all deployments."""
    cluster_arn: pulumi.Output[str]
    """The same as an ARN."""
    log_group: pulumi.Output[str]
    """Where all deployments log."""
    execution_role_arn: pulumi.Output[str]
    """The only role that may read the deployments' secrets."""
    task_role_arns: dict[str, pulumi.Output[str]]
    """By name: the roles that applications may run with."""
    security_group_ids: dict[str, pulumi.Output[str]]
    """By role: `lb-internal`, `app`, `cache`, `database`; `lb-public` only with public ingress."""
    namespace_id: pulumi.Output[str]
    """The private Cloud Map namespace in which caches are found."""
    namespace_arn: pulumi.Output[str]
    """The same as an ARN."""
    namespace_name: pulumi.Output[str]
    """Its name: what follows a cache's own."""
    db_subnet_group_name: pulumi.Output[str]
    """Where databases lie."""

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self._name, self._tags = name, args.names.tags()
        linked = self._service_linked_roles(args)
        self._make_cluster(args, linked)
        self._make_roles(args)
        self._make_security_groups(args)
        self._make_names(args)
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "cluster_arn": self.cluster_arn,
                "log_group": self.log_group,
                "execution_role_arn": self.execution_role_arn,
                "task_role_arns": self.task_role_arns,
                "security_group_ids": self.security_group_ids,
                "namespace_id": self.namespace_id,
                "namespace_arn": self.namespace_arn,
                "namespace_name": self.namespace_name,
                "db_subnet_group_name": self.db_subnet_group_name,
            }
        )

    def _service_linked_roles(self, args: ClusterArgs) -> list[pulumi.Resource]:
        return [
            aws.iam.ServiceLinkedRole(
                f"{self._name}-{service}",
                aws_service_name=f"{service}.amazonaws.com",
                tags=self._tags,
                opts=self.child(retain_on_delete=True),
            )
            for service in args.create_service_linked_roles
        ]

    def _make_cluster(self, args: ClusterArgs, linked: list[pulumi.Resource]) -> None:
        cluster = aws.ecs.Cluster(
            self._name,
            name=args.names.cluster,
            settings=[{"name": "containerInsights", "value": "enabled"}],
            tags={**self._tags, **args.told()},
            opts=self.child(depends_on=linked),
        )
        logs = aws.cloudwatch.LogGroup(
            self._name,
            name=args.names.log_group,
            retention_in_days=args.log_retention_days,
            tags=self._tags,
            opts=self.child(),
        )
        self.cluster_name, self.cluster_arn = cluster.name, cluster.arn
        self.log_group = logs.name

    def _make_roles(self, args: ClusterArgs) -> None:
        execution = self._role("execution", args.names.execution_role, args)
        aws.iam.RolePolicy(
            f"{self._name}-execution",
            name="start-tasks",
            role=execution.name,
            policy=pulumi.Output.json_dumps(
                execution_policy(args.place, args.names, args.repositories)
            ),
            opts=self.child(),
        )
        self.execution_role_arn = execution.arn
        boundary = self._task_boundary(args)
        self.task_role_arns = {
            role: self._task_role(role, wanted, args, boundary)
            for role, wanted in args.task_roles.items()
        }

    def _role(
        self,
        role: str,
        physical: str,
        args: ClusterArgs,
        *,
        path: str | None = None,
        boundary: pulumi.Input[str] | None = None,
    ) -> aws.iam.Role:
        return aws.iam.Role(
            f"{self._name}-{role}",
            name=physical,
            path=path,
            assume_role_policy=pulumi.Output.json_dumps(ecs_trust(args.place)),
            permissions_boundary=args.permissions_boundary_arn or boundary,
            tags=self._tags,
            opts=self.child(),
        )

    def _task_boundary(self, args: ClusterArgs) -> pulumi.Output[str] | None:
        """Ours, where there is a role to hold and the account's owner has none."""
        paths = {role.path for role in args.task_roles.values()}
        if args.permissions_boundary_arn is not None or paths == {"/"}:
            return None
        return aws.iam.Policy(
            f"{self._name}-task-boundary",
            name=args.names.task_boundary,
            description="The most that applications of LangGraph deployments may do",
            policy=pulumi.Output.json_dumps(task_boundary(args.place, args.names)),
            tags=self._tags,
            opts=self.child(),
        ).arn

    def _task_role(
        self,
        role: str,
        wanted: TaskRoleSpec,
        args: ClusterArgs,
        boundary: pulumi.Output[str] | None,
    ) -> pulumi.Output[str]:
        physical, logical = args.names.task_role(role), f"{self._name}-task-{role}"
        if wanted.path == "/":
            return self._role(f"task-{role}", physical, args).arn
        made = self._role(f"task-{role}", physical, args, path=wanted.path, boundary=boundary)
        for arn in wanted.managed_policy_arns:
            aws.iam.RolePolicyAttachment(
                f"{logical}-{arn.rsplit(':policy/', 1)[-1]}",
                role=made.name,
                policy_arn=arn,
                opts=self.child(),
            )
        if wanted.policy is not None:
            aws.iam.RolePolicy(
                logical,
                name="application",
                role=made.name,
                policy=json.dumps(wanted.policy, sort_keys=True),
                opts=self.child(),
            )
        return made.arn

    def _make_security_groups(self, args: ClusterArgs) -> None:
        groups = {
            role: aws.ec2.SecurityGroup(
                f"{self._name}-{role}",
                name=args.names.security_group(role),
                description=description,
                vpc_id=args.vpc_id,
                tags={**self._tags, "Name": args.names.security_group(role)},
                opts=self.child(),
            )
            for role, description in GROUPS.items()
            if role != "lb-public" or args.public_ingress
        }
        # A range may not be known yet, and a rule's name must be: number them.
        ranges = {f"range{n}": cidr for n, cidr in enumerate(args.ingress_cidrs, start=1)}
        for rule in rules(
            ingress_cidrs=tuple(ranges),
            public_ingress=args.public_ingress,
            egress_ports=args.egress_ports,
            external_databases=args.external_databases,
        ):
            self._rule(rule, groups, ranges)
        self.security_group_ids = {role: group.id for role, group in groups.items()}

    def _rule(
        self,
        rule: Rule,
        groups: dict[str, aws.ec2.SecurityGroup],
        ranges: dict[str, pulumi.Input[str]],
    ) -> None:
        what: dict[str, Any] = {
            "security_group_id": groups[rule.group].id,
            "ip_protocol": "tcp",
            "from_port": rule.port,
            "to_port": rule.port,
            "referenced_security_group_id": groups[rule.peer].id if rule.peer else None,
            "cidr_ipv4": ranges.get(rule.cidr, rule.cidr) if rule.cidr else None,
            "tags": self._tags,
        }
        name = f"{self._name}-{rule.name}"
        if rule.direction == "in":
            aws.vpc.SecurityGroupIngressRule(name, **what, opts=self.child())
        else:
            aws.vpc.SecurityGroupEgressRule(name, **what, opts=self.child())

    def _make_names(self, args: ClusterArgs) -> None:
        namespace = aws.servicediscovery.PrivateDnsNamespace(
            self._name,
            name=args.names.namespace,
            description="Caches of LangGraph deployments",
            vpc=args.vpc_id,
            tags=self._tags,
            opts=self.child(),
        )
        subnets = aws.rds.SubnetGroup(
            self._name,
            name=args.names.db_subnet_group,
            description="Databases of LangGraph deployments",
            subnet_ids=args.private_subnet_ids,
            tags=self._tags,
            opts=self.child(),
        )
        self.namespace_id, self.namespace_arn = namespace.id, namespace.arn
        self.namespace_name = namespace.name
        self.db_subnet_group_name = subnets.name
