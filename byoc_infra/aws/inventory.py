"""Everything in an account and region, kind by kind, by each service's own calls.

Not by the tagging API, which misses many kinds. What is deleted, INACTIVE, terminated or on its
way out counts as gone. Two listings compare as plain data.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.aws.session import Session
from byoc_infra.errors import ByocError

__all__ = ["KINDS", "Difference", "Inventory", "take"]

GOING = frozenset({"deleted", "deleting", "deleted-async", "failed"})
Lister = Callable[[Session], Iterable[str]]


@dataclass(frozen=True)
class Inventory:
    """What an account holds."""

    kinds: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    """Kinds that could not be listed, and why: not the same as empty."""

    def difference(self, later: "Inventory") -> "Difference":
        """What `later` has more and less than this one."""
        names = sorted({*self.kinds, *later.kinds})
        return Difference(
            added=_less(later.kinds, self.kinds, names),
            removed=_less(self.kinds, later.kinds, names),
            unread={**self.unread, **later.unread},
        )

    def count(self) -> int:
        """How many things there are."""
        return sum(len(ids) for ids in self.kinds.values())


@dataclass(frozen=True)
class Difference:
    """Between two inventories."""

    added: Mapping[str, tuple[str, ...]]
    removed: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, str]

    @property
    def none(self) -> bool:
        """The same in every kind, and every kind was read both times."""
        return not (self.added or self.removed or self.unread)


def _less(
    more: Mapping[str, tuple[str, ...]], less: Mapping[str, tuple[str, ...]], names: list[str]
) -> dict[str, tuple[str, ...]]:
    found = {
        name: tuple(sorted(set(more.get(name, ())) - set(less.get(name, ())))) for name in names
    }
    return {name: ids for name, ids in found.items() if ids}


def take(session: Session, kinds: Iterable[str] | None = None) -> Inventory:
    """List the account of `session`."""
    found: dict[str, tuple[str, ...]] = {}
    unread: dict[str, str] = {}
    for name in kinds if kinds is not None else KINDS:
        try:
            found[name] = tuple(sorted(set(KINDS[name](session))))
        except ByocError as error:
            unread[name] = str(error)
    return Inventory(found, unread)


def _simple(
    service: str,
    operation: str,
    key: str,
    identity: str,
    keep: Callable[[Any], bool] = lambda _: True,
    **params: object,
) -> Lister:
    """A kind that one listing call tells whole."""
    extra: dict[str, Any] = params

    def listed(session: Session) -> Iterator[str]:
        for one in session.each(service, operation, key, **extra):
            if keep(one):
                yield one if isinstance(one, str) else str(one[identity])

    return listed


def _state(field_name: str) -> Callable[[Any], bool]:
    return lambda one: str(one.get(field_name, "")).lower() not in GOING


def _role_parts(operation: str, key: str) -> Lister:
    def listed(session: Session) -> Iterator[str]:
        for role in session.each("iam", "list_roles", "Roles"):
            name = role["RoleName"]
            for part in session.each("iam", operation, key, RoleName=name):
                yield f"{name}/{part if isinstance(part, str) else part['PolicyArn']}"

    return listed


def _in_clusters(operation: str, key: str, **params: object) -> Lister:
    extra: dict[str, Any] = params

    def listed(session: Session) -> Iterator[str]:
        for cluster in _clusters(session):
            yield from session.each("ecs", operation, key, cluster=cluster, **extra)

    return listed


def _services(session: Session) -> Iterator[str]:
    for cluster in _clusters(session):
        arns = list(session.each("ecs", "list_services", "serviceArns", cluster=cluster))
        for start in range(0, len(arns), 10):
            answer = session.ask(
                "ecs", "describe_services", cluster=cluster, services=arns[start : start + 10]
            )
            for service in answer.get("services", []):
                if service.get("status") != "INACTIVE":
                    yield service["serviceArn"]


def _clusters(session: Session) -> Iterator[str]:
    arns = list(session.each("ecs", "list_clusters", "clusterArns"))
    for start in range(0, len(arns), 100):
        answer = session.ask("ecs", "describe_clusters", clusters=arns[start : start + 100])
        for cluster in answer.get("clusters", []):
            if cluster.get("status") != "INACTIVE":
                yield cluster["clusterArn"]


def _discovery_instances(session: Session) -> Iterator[str]:
    for service in session.each("servicediscovery", "list_services", "Services"):
        for one in session.each(
            "servicediscovery", "list_instances", "Instances", ServiceId=service["Id"]
        ):
            yield f"{service['Id']}/{one['Id']}"


def _keys(session: Session) -> Iterator[str]:
    for key in session.each("kms", "list_keys", "Keys"):
        about = session.ask("kms", "describe_key", KeyId=key["KeyId"])["KeyMetadata"]
        if about.get("KeyManager") != "AWS" and about.get("KeyState") != "PendingDeletion":
            yield about["Arn"]


def _aliases(session: Session) -> Iterator[str]:
    for alias in session.each("kms", "list_aliases", "Aliases"):
        if not alias["AliasName"].startswith("alias/aws/"):
            yield alias["AliasName"]


def _listeners(session: Session) -> Iterator[str]:
    for balancer in session.each("elbv2", "describe_load_balancers", "LoadBalancers"):
        for listener in session.each(
            "elbv2",
            "describe_listeners",
            "Listeners",
            LoadBalancerArn=balancer["LoadBalancerArn"],
        ):
            yield listener["ListenerArn"]


def _rules(session: Session) -> Iterator[str]:
    for listener in _listeners(session):
        for rule in session.each("elbv2", "describe_rules", "Rules", ListenerArn=listener):
            yield rule["RuleArn"]


def _targets(session: Session) -> Iterator[str]:
    for group in session.each("elbv2", "describe_target_groups", "TargetGroups"):
        arn = group["TargetGroupArn"]
        health = session.ask("elbv2", "describe_target_health", TargetGroupArn=arn)
        for one in health.get("TargetHealthDescriptions", []):
            yield f"{arn}/{one['Target']['Id']}"


def _images(session: Session) -> Iterator[str]:
    for repository in session.each("ecr", "describe_repositories", "repositories"):
        name = repository["repositoryName"]
        for image in session.each("ecr", "list_images", "imageIds", repositoryName=name):
            yield f"{name}@{image.get('imageDigest')}"


def _secrets(session: Session) -> Iterator[str]:
    for secret in session.each("secretsmanager", "list_secrets", "SecretList"):
        if not secret.get("DeletedDate"):
            yield secret["ARN"]


def _scalable_targets(session: Session) -> Iterator[str]:
    for one in session.each(
        "application-autoscaling",
        "describe_scalable_targets",
        "ScalableTargets",
        ServiceNamespace="ecs",
    ):
        yield f"{one['ResourceId']} {one['ScalableDimension']}"


def _scaling_policies(session: Session) -> Iterator[str]:
    for one in session.each(
        "application-autoscaling",
        "describe_scaling_policies",
        "ScalingPolicies",
        ServiceNamespace="ecs",
    ):
        yield one["PolicyARN"]


def _certificates(session: Session) -> Iterator[str]:
    for one in session.each("acm", "list_certificates", "CertificateSummaryList"):
        yield one["CertificateArn"]


KINDS: dict[str, Lister] = {
    "vpc": _simple("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    "subnet": _simple("ec2", "describe_subnets", "Subnets", "SubnetId"),
    "internet gateway": _simple(
        "ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "elastic address": _simple("ec2", "describe_addresses", "Addresses", "AllocationId"),
    "nat gateway": _simple(
        "ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId", _state("State")
    ),
    "route table": _simple("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    "security group": _simple("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    "security group rule": _simple(
        "ec2", "describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"
    ),
    "network interface": _simple(
        "ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"
    ),
    "network acl": _simple("ec2", "describe_network_acls", "NetworkAcls", "NetworkAclId"),
    "vpc endpoint": _simple(
        "ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", _state("State")
    ),
    "flow log": _simple("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    "iam role": _simple("iam", "list_roles", "Roles", "Arn"),
    "iam policy": _simple("iam", "list_policies", "Policies", "Arn", Scope="Local"),
    "iam user": _simple("iam", "list_users", "Users", "Arn"),
    "iam inline policy": _role_parts("list_role_policies", "PolicyNames"),
    "iam attached policy": _role_parts("list_attached_role_policies", "AttachedPolicies"),
    "ecs cluster": _clusters,
    "ecs service": _services,
    "ecs task": _in_clusters("list_tasks", "taskArns", desiredStatus="RUNNING"),
    "ecs task definition": _simple(
        "ecs", "list_task_definitions", "taskDefinitionArns", "", status="ACTIVE"
    ),
    "log group": _simple("logs", "describe_log_groups", "logGroups", "logGroupName"),
    "discovery namespace": _simple("servicediscovery", "list_namespaces", "Namespaces", "Id"),
    "discovery service": _simple("servicediscovery", "list_services", "Services", "Id"),
    "discovery instance": _discovery_instances,
    "rds instance": _simple(
        "rds",
        "describe_db_instances",
        "DBInstances",
        "DBInstanceArn",
        _state("DBInstanceStatus"),
    ),
    "rds subnet group": _simple(
        "rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"
    ),
    "rds parameter group": _simple(
        "rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"
    ),
    "rds snapshot": _simple(
        "rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier", _state("Status")
    ),
    "secret": _secrets,
    "kms key": _keys,
    "kms alias": _aliases,
    "load balancer": _simple(
        "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn"
    ),
    "target group": _simple("elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn"),
    "listener": _listeners,
    "listener rule": _rules,
    "target": _targets,
    "ecr repository": _simple("ecr", "describe_repositories", "repositories", "repositoryArn"),
    "ecr image": _images,
    "alarm": _simple("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmArn"),
    "scalable target": _scalable_targets,
    "scaling policy": _scaling_policies,
    "certificate": _certificates,
}
"""Each kind and how it is listed."""
