"""Which changes a person has to agree to: those that replace or delete what holds data. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from byoc_infra.components._environment import POSTGRES_SECRET
from byoc_infra.flows.results import Item
from byoc_infra.spec import DeploymentSpec

__all__ = ["STATEFUL", "agreed", "holds_data", "is_light", "needed"]

STATEFUL = (
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:secretsmanager/secret:Secret",
)
"""Types whose loss cannot be made good by making them again."""
TAKES_AWAY = ("replace", "delete", "create-replacement", "delete-replaced")
LIGHT = {"image", "environment", "secrets", "license_key"}
"""What a revision may change without any stateful resource being looked at."""


def holds_data(resources: Iterable[Mapping[str, Any]]) -> bool:
    """Whether there is anything to lose in a stack that holds these resources."""
    return any(one.get("type") in STATEFUL for one in resources)


def is_light(before: DeploymentSpec, after: DeploymentSpec) -> bool:
    """Whether only image, variables and secrets differ, and the database is the same."""
    if (POSTGRES_SECRET in before.secrets) != (POSTGRES_SECRET in after.secrets):
        return False
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return all(old[name] == new[name] for name in new if name not in LIGHT)


def needed(changes: Iterable[Item]) -> tuple[Item, ...]:
    """The changes to agree to."""
    return tuple(one for one in changes if one.type in STATEFUL and one.op in TAKES_AWAY)


def agreed(plan: Mapping[str, Any] | None, wanted: Iterable[Item]) -> bool:
    """Whether the plan that was approved has all of these changes."""
    shown = {
        (one.get("op"), one.get("type"), one.get("name"))
        for one in (plan or {}).get("needs_approval") or ()
    }
    return all((one.op, one.type, one.name) in shown for one in wanted)
