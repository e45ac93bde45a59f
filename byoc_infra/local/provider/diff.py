"""Diff: which changes are done in place and which by a replacement, as the bridge answers; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from byoc_infra.local.provider.compare import Change, changes
from byoc_infra.local.provider.properties import DEFAULTS_KEY, Props
from byoc_infra.local.provider.rules import Rules, rules_of
from byoc_infra.local.provider.schema import schema_of

__all__ = ["EXCEPTIONS", "Difference", "difference", "input_changes"]


Exceptional = Literal["in place", "no change"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The answer to Diff."""

    detailed: Mapping[str, str]
    """Property path → ADD, UPDATE or DELETE, with `_REPLACE` where it replaces."""
    changed: Sequence[str]
    """Top-level inputs."""
    replaces: Sequence[str]
    stables: Sequence[str]
    delete_before_replace: bool


def difference(
    token: str, state: Props, inputs: Props, *, region: str = "", ignore: Sequence[str] = ()
) -> Difference:
    """How `inputs` differ from `state`."""
    rules = rules_of(token)
    found = [
        change
        for change in input_changes(token, state, inputs, region=region)
        if not any(_ignored(change, path) for path in ignore)
    ]
    replacing = [
        change
        for change in found
        if _replaces(rules, change) and _exception(rules, change, state, inputs) is None
    ]
    changed = {change.name for change in found}
    replaces = sorted({change.name for change in replacing})
    return Difference(
        detailed={c.path: f"{c.kind}_REPLACE" if c in replacing else c.kind for c in found},
        changed=sorted(changed),
        replaces=replaces,
        stables=sorted({p.split(".")[0] for p in _replace_paths(token, rules)} - changed),
        delete_before_replace=bool(replaces) and _delete_first(rules, inputs),
    )


def input_changes(token: str, state: Props, inputs: Props, *, region: str = "") -> list[Change]:
    """The changes to the inputs themselves: outputs and the provider's own region left aside."""
    schema = schema_of(token)
    settable = {*schema.inputs, "tagsAll"} - {"namePrefix", "identifierPrefix"}
    settable |= {"namePrefix", "identifierPrefix"} & inputs.keys()
    if "tagsAll" not in inputs and "tagsAll" in schema.outputs and rules_of(token).framework:
        settable.discard("tagsAll")
    old = {name: value for name, value in state.items() if name in settable}
    new = {name: value for name, value in inputs.items() if name in settable}
    if region and {old.get("region", region), new.get("region", region)} == {region}:
        old.pop("region", None)
        new.pop("region", None)
    rules = rules_of(token)
    return [
        change
        for change in changes(rules, old, new)
        if _exception(rules, change, state, inputs) != "no change"
    ]


def _replace_paths(token: str, rules: Rules) -> tuple[str, ...]:
    return (*rules.replace, "region") if "region" in schema_of(token).inputs else rules.replace


def _replaces(rules: Rules, change: Change) -> bool:
    paths = (*rules.replace, "region")
    plain = change.rule.removesuffix("[]")
    return any(path in {change.rule, plain} or plain.startswith(f"{path}.") for path in paths)


def _exception(rules: Rules, change: Change, state: Props, inputs: Props) -> Exceptional | None:
    name = rules.unless.get(change.rule)
    return EXCEPTIONS[name](state, inputs) if name else None


def _dedicated_to_default(state: Props, inputs: Props) -> Exceptional | None:
    """ModifyVpcTenancy goes this way only (ec2: resourceVPCCustomizeDiff)."""
    ways = state.get("instanceTenancy"), inputs.get("instanceTenancy", "default")
    return "in place" if ways == ("dedicated", "default") else None


def _autoscaling_suffix(_state: Props, inputs: Props) -> Exceptional | None:
    """AWS itself gives these roles a suffix (iam: resourceServiceLinkedRole)."""
    own = ".application-autoscaling." in str(inputs.get("awsServiceName"))
    return "no change" if own and not inputs.get("customSuffix") else None


def _interface_endpoint(_state: Props, inputs: Props) -> Exceptional | None:
    """Private names change in place on interface endpoints only (ec2: resourceVPCEndpoint)."""
    return "in place" if inputs.get("vpcEndpointType") == "Interface" else None


EXCEPTIONS: Mapping[str, Callable[[Props, Props], Exceptional | None]] = {
    "dedicated to default": _dedicated_to_default,
    "suffix of autoscaling": _autoscaling_suffix,
    "interface endpoint": _interface_endpoint,
}
"""What `Rules.unless` may name: how a change of state and inputs is not a replacement."""


def _delete_first(rules: Rules, inputs: Props) -> bool:
    if rules.delete_first:
        return True
    if rules.framework or rules.auto_name is None or DEFAULTS_KEY not in inputs:
        return False
    name = rules.auto_name.input
    return name in inputs and name not in inputs[DEFAULTS_KEY]


def _ignored(change: Change, path: str) -> bool:
    return change.path == path or change.path.startswith((f"{path}.", f"{path}["))
