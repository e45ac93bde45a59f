"""How long names may be, where moto takes any length."""

from functools import partial
from typing import NamedTuple

from byoc_infra.local.hooks import Hooks
from byoc_infra.local.wire import AwsError, Call

__all__ = ["LIMITS", "Limit", "register"]


class Limit(NamedTuple):
    """A row: the longest value of an operation's parameter, and the code for a longer one."""

    service: str
    operation: str
    parameter: str
    longest: int
    code: str


LIMITS = (
    Limit("iam", "CreateRole", "RoleName", 64, "ValidationError"),
    Limit("iam", "CreatePolicy", "PolicyName", 128, "ValidationError"),
    Limit("iam", "PutRolePolicy", "PolicyName", 128, "ValidationError"),
    Limit("ec2", "CreateSecurityGroup", "GroupName", 255, "InvalidParameterValue"),
    Limit("ec2", "CreateSecurityGroup", "Description", 255, "InvalidParameterValue"),
    Limit("ecs", "CreateCluster", "clusterName", 255, "InvalidParameterException"),
    Limit("ecs", "RegisterTaskDefinition", "family", 255, "ClientException"),
    Limit("kms", "CreateAlias", "AliasName", 256, "ValidationException"),
    Limit("rds", "CreateDBParameterGroup", "DBParameterGroupName", 255, "InvalidParameterValue"),
    Limit("rds", "CreateDBSubnetGroup", "DBSubnetGroupName", 255, "InvalidParameterValue"),
    Limit("secretsmanager", "CreateSecret", "Name", 512, "ValidationException"),
    Limit("servicediscovery", "CreatePrivateDnsNamespace", "Name", 253, "InvalidInput"),
    Limit("servicediscovery", "CreateService", "Name", 63, "InvalidInput"),
)
"""Lengths: each operation's page in its service's API reference. A Cloud Map service is a label of
DNS, so 63 (RFC 1035). Load balancers and databases have rules of their own."""


def register(hooks: Hooks) -> None:
    """Put the rules in front of moto."""
    for limit in LIMITS:
        hooks.before(limit.service, limit.operation, partial(refuse_longer, limit))


def refuse_longer(limit: Limit, call: Call) -> None:
    """In the words that AWS's common validation uses."""
    value = call.params.get(limit.parameter)
    if isinstance(value, str) and len(value) > limit.longest:
        raise AwsError(
            limit.code,
            f"1 validation error detected: Value '{value}' at '{limit.parameter}' failed to "
            f"satisfy constraint: Member must have length less than or equal to {limit.longest}",
        )
