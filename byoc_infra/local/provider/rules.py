"""What the real provider decides about each input: replacement, defaults, comparison.

Paths are Pulumi's names joined by dots; list positions are left out (`defaultActions.order`).
`source` says where a row was read: `ref x` is resource x of terraform-provider-aws v6.58.0 with
its schema, Create, Read, Update and Delete; `service: symbol` names the functions of that version
that were read one by one. What nobody has read is under `assumed`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.local.provider.rules_data import DATA
from byoc_infra.local.provider.rules_network import EC2, IAM
from byoc_infra.local.provider.rules_services import ECS, LOAD_BALANCING, SCALING

__all__ = ["AutoName", "Rules", "rules_of"]


@dataclass(frozen=True, kw_only=True)
class AutoName:
    """How Check names a resource that the program does not name."""

    limit: int
    input: str = "name"
    separator: str = "-"
    before: str = ""
    lower: bool = False
    """AWS takes lower case only, and the provider's Check refuses the rest."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One resource type's row."""

    source: str
    replace: tuple[str, ...] = ()
    unless: Mapping[str, str] = field(default_factory=dict)
    """Replacing inputs with an exception: the name of one in `diff.EXCEPTIONS`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: tuple[str, ...] = ()
    """Left out, AWS's value is kept; taking the input out is no change."""
    sets: tuple[str, ...] = ()
    """Lists without order."""
    meaning: Mapping[str, str] = field(default_factory=dict)
    """Values compared by meaning: the name of a comparison in `compare.py`."""
    auto_name: AutoName | None = None
    kept: tuple[str, ...] = ()
    """Inputs that AWS does not give back; the state has what the program said."""
    conflicts: tuple[tuple[str, ...], ...] = ()
    """Inputs of which at most one may be given."""
    one_of: tuple[tuple[str, ...], ...] = ()
    """Inputs of which exactly one must be given."""
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    patterns: Mapping[str, str] = field(default_factory=dict)
    on_import: Mapping[str, Any] = field(default_factory=dict)
    """What an import puts in the state beside what AWS says."""
    delete_first: bool = False
    framework: bool = False
    """Of the newer plugin framework: a fixed name does not mean delete-before-replace."""
    assumed: tuple[str, ...] = ()


def rules_of(token: str) -> Rules:
    """The row of a type token such as `aws:ec2/vpc:Vpc`."""
    return _RULES[token]


def _row(row: Mapping[str, Any]) -> Rules:
    named = row.get("auto_name")
    return Rules(**{**row, "auto_name": AutoName(**named) if named else None})


_TABLE = {**IAM, **EC2, **ECS, **LOAD_BALANCING, **SCALING, **DATA}
_RULES = {token: _row(row) for token, row in _TABLE.items()}
