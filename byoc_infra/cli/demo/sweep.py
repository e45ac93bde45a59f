"""What two accounts hold before and after, and whether the receipts explain the difference."""

from collections.abc import Iterable, Mapping
from contextlib import closing

from byoc_infra.aws import inventory
from byoc_infra.aws.inventory import Inventory
from byoc_infra.aws.session import open_session
from byoc_infra.flows.results import Kept

__all__ = ["NOT_COUNTED", "listed", "unexplained"]

NOT_COUNTED = ("ecr image", "ecr repository")
"""The developer's own: pushed beside the stacks, not made by them."""


def listed(environments: Mapping[str, Mapping[str, str]], region: str) -> dict[str, Inventory]:
    """Each account, listed kind by kind with its owner's own credentials."""
    found = {}
    for who, env in environments.items():
        with closing(open_session(None, region=region, env=env, operation="sweep")) as session:
            counted = [kind for kind in inventory.KINDS if kind not in NOT_COUNTED]
            found[who] = inventory.take(session, counted)
    return found


def unexplained(
    before: Mapping[str, Inventory], after: Mapping[str, Inventory], kept: Iterable[Kept]
) -> list[str]:
    """Every difference that no receipt lists, in words; nothing when the sweep is clean."""
    receipts = [one.name for one in kept]
    found = []
    for who, inventory_before in before.items():
        change = inventory_before.difference(after[who])
        found += [
            f"{who}: {kind} {one} is left"
            for kind, ids in change.added.items()
            for one in ids
            if not any(one in name or name in one for name in receipts)
        ]
        found += [
            f"{who}: {kind} {one} is gone" for kind, ids in change.removed.items() for one in ids
        ]
        found += [
            f"{who}: {kind} could not be listed: {why}" for kind, why in change.unread.items()
        ]
    return found
