"""Check: the inputs that a program gives become the inputs that the provider works with; pure."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from byoc_infra.local.provider.properties import (
    DEFAULTS_KEY,
    UNKNOWN,
    Json,
    Props,
    has_unknown,
)
from byoc_infra.local.provider.rules import AutoName, Rules, rules_of
from byoc_infra.local.provider.schema import Failure, schema_of

__all__ = ["Naming", "Settings", "check", "values_at"]


@dataclass(frozen=True)
class Settings:
    """What the provider's configuration adds to inputs."""

    region: str = ""
    default_tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Naming:
    """How Check finds a name: the logical name, the engine's seed, the stack's autonaming."""

    logical: str
    seed: bytes = b""
    proposed: str | None = None
    disabled: bool = False


def check(
    token: str, olds: Props, news: Props, *, settings: Settings, naming: Naming
) -> tuple[Props, list[Failure]]:
    """The checked inputs, and every reason to refuse them."""
    schema, rules = schema_of(token), rules_of(token)
    inputs, failures = schema.coerce({k: v for k, v in news.items() if k != "tagsAll"})
    filled: list[str] = []
    failures += _name(rules, inputs, olds, naming, filled)
    _fill_defaults(rules, inputs, filled)
    if "region" in schema.inputs and "region" not in inputs and settings.region:
        inputs["region"] = settings.region
        filled.append("region")
    if "tagsAll" in schema.outputs and not rules.framework:
        _merge_tags(inputs, settings)
    failures += _refusals(rules, inputs)
    inputs[DEFAULTS_KEY] = sorted(filled)
    return inputs, failures


def _name(
    rules: Rules, inputs: Props, olds: Props, naming: Naming, filled: list[str]
) -> list[Failure]:
    auto = rules.auto_name
    if auto is None or inputs.get(auto.input) or inputs.get(f"{auto.input}Prefix"):
        return []
    filled.append(auto.input)
    if auto.input in olds.get(DEFAULTS_KEY, []) and olds.get(auto.input):
        inputs[auto.input] = olds[auto.input]
        return []
    if naming.disabled:
        return [Failure(auto.input, f"missing required property '{auto.input}'")]
    name = f"{auto.before}{naming.proposed or _random_name(auto, naming)}"
    inputs[auto.input] = name
    if len(name) > auto.limit + len(auto.before):
        reason = f"automatic name '{name}' is longer than {auto.limit} characters"
        return [
            Failure(auto.input, f"{reason}; give the resource a shorter name or '{auto.input}'")
        ]
    return []


def _random_name(auto: AutoName, naming: Naming) -> str:
    digits = hashlib.sha256(naming.seed + naming.logical.encode()).hexdigest()[:7]
    return f"{naming.logical}{auto.separator}{digits}"


def _fill_defaults(rules: Rules, inputs: Props, filled: list[str]) -> None:
    for path, value in rules.defaults.items():
        *blocks, leaf = path.split(".")
        if not blocks and leaf not in inputs:
            filled.append(leaf)
        for holder in _holders(inputs, blocks):
            holder.setdefault(leaf, value)


def _holders(values: Json, blocks: list[str]) -> list[dict[str, Any]]:
    """Every object at the end of `blocks`; a block that was not given has none."""
    if isinstance(values, list):
        return [holder for part in values for holder in _holders(part, blocks)]
    if not isinstance(values, dict):
        return []
    return _holders(values.get(blocks[0]), blocks[1:]) if blocks else [values]


def _merge_tags(inputs: Props, settings: Settings) -> None:
    tags = inputs.get("tags", {})
    merged = tags if tags is UNKNOWN else {**settings.default_tags, **tags}
    if merged:
        inputs["tagsAll"] = merged


def _refusals(rules: Rules, inputs: Props) -> list[Failure]:
    failures = [
        Failure(given[1], f"'{given[1]}' conflicts with '{given[0]}'")
        for names in rules.conflicts
        if len(given := [name for name in names if inputs.get(name)]) > 1
    ]
    for names in rules.one_of:
        given = [name for name in names if name in inputs]
        if len(given) != 1:
            got = " and ".join(given) or "none"
            failures.append(
                Failure(given[1] if given else names[0], f"exactly one of {names}, got {got}")
            )
    for path, (low, high) in rules.ranges.items():
        failures += _each(inputs, path, range(low, high + 1).__contains__, f"{low} to {high}")
    for path, choices in rules.choices.items():
        failures += _each(inputs, path, choices.__contains__, f"one of {choices}")
    for path, pattern in rules.patterns.items():
        failures += _each(inputs, path, re.compile(pattern).search, pattern)
    return failures


def values_at(inputs: Props, path: str) -> list[Json]:
    """What is given at a path, once for each element of the lists on the way."""
    *blocks, leaf = path.split(".")
    return [holder[leaf] for holder in _holders(inputs, blocks) if leaf in holder]


def _each(inputs: Props, path: str, fits: Callable[[Json], object], wanted: str) -> list[Failure]:
    return [
        Failure(path, f"expected {wanted}, got {one!r}")
        for value in values_at(inputs, path)
        for one in (value if isinstance(value, list) else [value])
        if one is not None and not has_unknown(one) and not fits(one)
    ]
