"""What the ECS of the local cloud reads in moto: clusters, definitions, networks, target groups."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends
from moto.iam.models import iam_backends
from moto.servicediscovery.models import servicediscovery_backends

from byoc_infra.local.authorizer.callers import service_caller
from byoc_infra.local.authorizer.documents import named_policy
from byoc_infra.local.authorizer.judgement import allows
from byoc_infra.local.authorizer.policies import request_of
from byoc_infra.local.wire import AwsError

__all__ = [
    "any_definition",
    "cluster",
    "definition",
    "document",
    "registry",
    "role",
    "service_linked_role_exists",
    "subnet_zone",
    "target_group",
    "trusts",
    "unknown_network",
]

ECS_ROLE_PATH = "/aws-service-role/ecs.amazonaws.com/"


def cluster(account_id: str, region: str, asked: str | None) -> Any:  # noqa: ANN401 - moto's
    """The ACTIVE cluster of this name or ARN, or ECS's error."""
    name = (asked or "default").rpartition("/")[2]
    found = ecs_backends[account_id][region].clusters.get(name)
    if found is None:
        raise AwsError("ClusterNotFoundException", "Cluster not found.")
    if found.status != "ACTIVE":
        raise AwsError("ClusterNotFoundException", "The referenced cluster was inactive.")
    return found


def definition(account_id: str, region: str, asked: str) -> Any:  # noqa: ANN401 - moto's
    """The ACTIVE task definition of this ARN, family or family:revision, or ECS's error."""
    family, _, revision = asked.rpartition("/")[2].partition(":")
    revisions = ecs_backends[account_id][region].task_definitions.get(family, {})
    if revision:
        found = revisions.get(int(revision)) if revision.isdigit() else None
    else:
        active = [number for number, one in revisions.items() if one.status == "ACTIVE"]
        found = revisions[max(active)] if active else None
    if found is None:
        raise AwsError("ClientException", "Unable to describe task definition.")
    if found.status != "ACTIVE":
        raise AwsError("ClientException", "TaskDefinition is inactive")
    return found


def any_definition(account_id: str, region: str, arn: str) -> Any:  # noqa: ANN401 - moto's
    """A task definition by ARN whatever its status: a service keeps one that became INACTIVE."""
    family, _, revision = arn.rpartition("/")[2].partition(":")
    return ecs_backends[account_id][region].task_definitions.get(family, {}).get(int(revision))


def document(found: Any) -> dict[str, Any]:  # noqa: ANN401 - moto's task definition
    """What a task needs to know of its definition, as plain data."""
    plain = {
        "family": found.family,
        "revision": found.revision,
        "containerDefinitions": found.container_definitions,
        "cpu": found.cpu,
        "memory": found.memory,
        "networkMode": found.network_mode,
        # moto leaves out the attributes of roles that were not given
        "executionRoleArn": getattr(found, "execution_role_arn", None),
        "taskRoleArn": getattr(found, "task_role_arn", None),
        "runtimePlatform": found.runtime_platform,
        "ephemeralStorage": found.ephemeral_storage,
        "volumes": found.volumes,
        "requiresCompatibilities": found.requires_compatibilities,
    }
    return copy.deepcopy(plain)


def target_group(account_id: str, region: str, arn: str) -> Any:  # noqa: ANN401 - moto's, or None
    """A target group, if it exists."""
    return elbv2_backends[account_id][region].target_groups.get(arn)


def registry(account_id: str, region: str, arn: str) -> tuple[Any, Any] | None:
    """A Cloud Map service by ARN and its namespace, if both exist."""
    backend = servicediscovery_backends[account_id][region]
    for service in backend.services.values():
        if service.arn == arn:
            namespace = backend.namespaces.get(service.namespace_id)
            return (service, namespace) if namespace is not None else None
    return None


def role(account_id: str, arn: str) -> Any:  # noqa: ANN401 - moto's role, or None
    """An IAM role by ARN, if it exists."""
    roles: Iterable[Any] = iam_backends[account_id]["aws"].roles.values()
    return next((found for found in roles if found.arn == arn), None)


def trusts(found: Any, service: str, region: str) -> bool:  # noqa: ANN401 - moto's role
    """Whether an AWS service may assume a role for tasks of its account and this region."""
    account_id = found.arn.split(":")[4]
    request = request_of(
        "sts:AssumeRole",
        found.arn,
        {
            "aws:SourceAccount": account_id,
            "aws:SourceArn": f"arn:aws:ecs:{region}:{account_id}:*",
        },
    )
    trust = named_policy("trust", str(found.assume_role_policy_document or ""))
    return allows(trust, request, service_caller(service))


def service_linked_role_exists(account_id: str) -> bool:
    """Whether ECS has its role in this account, whatever moto calls it."""
    roles: Iterable[Any] = iam_backends[account_id]["aws"].roles.values()
    return any(found.path == ECS_ROLE_PATH for found in roles)


def subnet_zone(account_id: str, region: str, subnet_id: str) -> str:
    """The zone of a subnet."""
    for by_zone in ec2_backends[account_id][region].subnets.values():
        if subnet_id in by_zone:
            return str(by_zone[subnet_id].availability_zone)
    return f"{region}a"


def unknown_network(account_id: str, region: str, configuration: Mapping[str, Any]) -> str | None:
    """What is wrong with an awsvpcConfiguration, in ECS's words; None when all of it exists."""
    backend = ec2_backends[account_id][region]
    subnets = {name for by_zone in backend.subnets.values() for name in by_zone}
    for name in configuration.get("subnets", ()):
        if name not in subnets:
            return (
                f"Error retrieving subnet information for [{name}]: The subnet ID '{name}' "
                "does not exist"
            )
    groups = {name for by_id in backend.groups.values() for name in by_id}
    for name in configuration.get("securityGroups", ()):
        if name not in groups:
            return (
                f"Error retrieving security group information for [{name}]: The security group "
                f"'{name}' does not exist"
            )
    return None
