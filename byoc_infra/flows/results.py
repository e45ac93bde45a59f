"""What flows give back; plain data, so that it can be printed as JSON or asserted on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from byoc_infra.engine import Change, Outcome

__all__ = [
    "Item",
    "Kept",
    "Left",
    "Preview",
    "Receipt",
    "Status",
    "Up",
    "items",
    "preview_of",
    "shown",
]

State = Literal["DEPLOYED", "UNHEALTHY", "NOT_DEPLOYED", "DISCONNECTED"]
HIDDEN = ("pulumi:",)
"""Types that are the engine's own and no resource of anybody's."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One resource and what happened to it."""

    op: str
    type: str
    name: str
    diff_keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What `up` would do."""

    stack: str
    changes: tuple[Item, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Up:
    """What `up` did, and what there is now."""

    stack: str
    operation: str
    changes: tuple[Item, ...]
    outputs: Mapping[str, object]
    seconds: float
    image: str | None = None
    architecture: str | None = None
    """`unknown` where the role may not ask."""
    restarted: tuple[str, ...] = ()
    """Services started anew because the database's password is newer than their tasks."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One thing that outlives the destroy."""

    kind: str
    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Left:
    """What still carries a destroyed deployment's name, kind by kind; nothing should."""

    found: Mapping[str, tuple[str, ...]]
    unread: Mapping[str, str]
    """Kinds that the role may not list, and why: not the same as none."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a destroy took away and what it left."""

    stack: str
    operation: str
    destroyed: tuple[Item, ...]
    kept: tuple[Kept, ...]
    seconds: float
    left: Left | None = None
    """What a sweep found; None where there was none."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """A deployment as it is now, by AWS's own word."""

    name: str
    state: State
    said: str
    causes: tuple[str, ...] = ()
    services: tuple[Mapping[str, object], ...] = ()
    outputs: Mapping[str, object] = field(default_factory=dict)


def items(changes: tuple[Change, ...]) -> tuple[Item, ...]:
    """The engine's changes without what did not change and without its own bookkeeping."""
    return tuple(
        Item(op=one.op, type=one.type, name=one.name, diff_keys=one.diff_keys)
        for one in changes
        if one.op not in ("same", "read") and not one.type.startswith(HIDDEN)
    )


def preview_of(stack: str, outcome: Outcome) -> Preview:
    """A preview's outcome as a result."""
    return Preview(
        stack=stack, changes=items(outcome.changes), seconds=round(outcome.duration_s, 1)
    )


def shown(changes: tuple[Item, ...]) -> str:
    """How many of which, in words."""
    counts: dict[str, int] = {}
    for one in changes:
        counts[one.op] = counts.get(one.op, 0) + 1
    return ", ".join(f"{number} {op}" for op, number in sorted(counts.items())) or "no changes"
