"""What is the same and what is a change, property by property; pure."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from byoc_infra.local.provider.properties import UNKNOWN, Json, has_unknown
from byoc_infra.local.provider.rules import Rules

__all__ = ["Change", "changes", "is_zero", "same"]

Kind = Literal["ADD", "UPDATE", "DELETE"]


@dataclass(frozen=True)
class Change:
    """One property that differs."""

    path: str
    """Pulumi's property path: `tags["a.b"]`, `defaultActions[0].order`."""
    rule: str
    """The same in the rule table's form: `defaultActions.order`."""
    kind: Kind

    @property
    def name(self) -> str:
        """The top-level input."""
        return self.rule.split(".")[0].removesuffix("[]")


def is_zero(value: Json) -> bool:
    """Absent and zero are one to the provider's SDK (terraform-plugin-sdk, GetOk)."""
    return value is None or (value is not UNKNOWN and not value)


def changes(rules: Rules, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """How the inputs `new` differ from the state `old`; names only in the state are outputs."""
    return list(_object(rules, old, new, "", ""))


def same(rules: Rules, rule: str, old: Json, new: Json) -> bool:
    """Whether the state's value and the input's mean the same."""
    return not any(_value(rules, old, new, rule, rule))


def _object(
    rules: Rules, old: Mapping[str, Any], new: Mapping[str, Any], path: str, rule: str
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name.startswith("__"):
            continue
        deeper = _join(path, name), f"{rule}.{name}" if rule else name
        if name in new:
            yield from _value(rules, old.get(name), new[name], *deeper)
        elif deeper[1] not in rules.computed and not is_zero(old[name]):
            yield Change(*deeper, "DELETE")


def _value(rules: Rules, old: Json, new: Json, path: str, rule: str) -> Iterator[Change]:
    if is_zero(old) and is_zero(new):
        return
    if new is UNKNOWN:
        yield Change(path, rule, "UPDATE")
    elif (meaning := rules.meaning.get(rule)) and old is not None:
        if not MEANINGS[meaning](old, new):
            yield Change(path, rule, "UPDATE")
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _object(rules, old, new, path, rule)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list(rules, old, new, path, rule)
    elif old != new:
        yield Change(path, rule, "ADD" if is_zero(old) else "UPDATE")


def _list(rules: Rules, old: list[Any], new: list[Any], path: str, rule: str) -> Iterator[Change]:
    if rule in rules.sets:
        if has_unknown(new) or not _same_set(rules, old, new, rule):
            yield Change(path, rule, "UPDATE" if new else "DELETE")
        return
    for index, (was, becomes) in enumerate(zip(old, new, strict=False)):
        yield from _value(rules, was, becomes, f"{path}[{index}]", rule)
    for index in range(len(old), len(new)):
        yield Change(f"{path}[{index}]", f"{rule}[]", "ADD")
    for index in range(len(new), len(old)):
        yield Change(f"{path}[{index}]", f"{rule}[]", "DELETE")


def _same_set(rules: Rules, old: list[Any], new: list[Any], rule: str) -> bool:
    left = list(old)
    for wanted in new:
        match = next((i for i, was in enumerate(left) if same(rules, rule, was, wanted)), None)
        if match is None:
            return False
        del left[match]
    return not left


def _join(path: str, name: str) -> str:
    plain = name.replace("_", "").replace("-", "").isalnum()
    if not plain:
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name


def _same_policy(old: str, new: str) -> bool:
    return bool(_policy(old) == _policy(new))


def _policy(text: str) -> Json:
    try:
        document = json.loads(text)
    except ValueError:
        return text
    if not isinstance(document, dict):
        return document
    statements = document.get("Statement", [])
    if isinstance(statements, dict):
        statements = [statements]
    return {
        **{key: value for key, value in document.items() if key != "Statement"},
        "Statement": sorted(json.dumps(_unordered(s), sort_keys=True) for s in statements),
    }


def _unordered(value: Json) -> Json:
    """IAM reads one value and a list of it alike, and lists as sets."""
    if isinstance(value, dict):
        return {key: _unordered(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = sorted(json.dumps(_unordered(part), sort_keys=True) for part in value)
        return json.loads(parts[0]) if len(parts) == 1 else [json.loads(part) for part in parts]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _same_containers(old: str, new: str) -> bool:
    return bool(_containers(old) == _containers(new))


_CONTAINER_DEFAULTS = {"essential": True, "cpu": 0}
_PORT_DEFAULTS = {"protocol": "tcp"}


def _containers(text: str) -> Json:
    """Container definitions without what ECS adds (ecs: containerDefinitionsAreEquivalent)."""
    try:
        definitions = json.loads(text)
    except ValueError:
        return text
    return sorted(
        json.dumps(_container(c), sort_keys=True) for c in definitions if isinstance(c, dict)
    )


def _container(definition: dict[str, Any]) -> dict[str, Any]:
    whole = {key: value for key, value in definition.items() if value not in (None, [], {}, "")}
    for key, default in _CONTAINER_DEFAULTS.items():
        whole.setdefault(key, default)
    for key in ("environment", "secrets"):
        if key in whole:
            whole[key] = sorted(whole[key], key=lambda pair: str(pair.get("name")))
    ports = whole.get("portMappings", [])
    if ports:
        whole["portMappings"] = sorted(map(_port, ports), key=str)
    if isinstance(check := whole.get("healthCheck"), dict):
        defaults = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
        whole["healthCheck"] = {**defaults, **check}
    return whole


def _port(port: dict[str, Any]) -> dict[str, Any]:
    """In awsvpc mode the host port is the container's."""
    host = port.get("hostPort") or port.get("containerPort")
    return {**_PORT_DEFAULTS, **port, "hostPort": host}


def _same_version(old: str, new: str) -> bool:
    return old == new or old.startswith(f"{new}.")


def _same_last(old: str, new: str) -> bool:
    """An ARN and the name or id at its end."""
    return old.rsplit("/", 1)[-1] == new.rsplit("/", 1)[-1]


_PROTOCOLS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def _same_protocol(old: str, new: str) -> bool:
    return _PROTOCOLS.get(old.lower(), old.lower()) == _PROTOCOLS.get(new.lower(), new.lower())


def _ignored(_old: Json, _new: Json) -> bool:
    return True


MEANINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "policy": _same_policy,
    "containers": _same_containers,
    "version": _same_version,
    "key": _same_last,
    "cluster": _same_last,
    "task_definition": _same_last,
    "protocol": _same_protocol,
    "ignored": _ignored,
}
"""The comparisons that `Rules.meaning` may name."""
