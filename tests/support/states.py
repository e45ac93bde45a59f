"""States of older versions, kept as data: what an account gave by chance is a placeholder in them.

`templated` makes the data of an exported state. `learned` finds what the placeholders stand for in
the account at hand, by laying the data beside what is there, and `filled` puts that in.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["PLACEHOLDER", "filled", "kept", "learned", "of_account", "templated", "write"]

DATA = Path(__file__).parents[1] / "data" / "states"
PLACEHOLDER = re.compile(r"\{\{([a-z0-9_-]+)\}\}")
OF_THE_MACHINE = ("created", "modified", "sourcePosition", "stackTrace")
"""What the engine notes of a run: times and paths of who ran it."""
CHANCE = {
    "id": r"\b(vpc|subnet|igw|nat|eipalloc|eipassoc|eni|sgr|sg|rtbassoc|rtb|acl|dopt)-[0-9a-f]{17}",
    "namespace": r"\b(ns)-[0-9a-z]{16,}",
    "discovery": r"\b(srv)-[0-9a-z]{8,}",
    "instance": r"\b(db)-[0-9A-Z]{20,}",
    "iam": r"\bA[A-Z0-9]{20}\b",
    "zone": r"(?<=/hostedzone/)[A-Z0-9]{14,}\b|\bZ[A-Z0-9]{12,}\b",
    "uuid": r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",
    "balancing": r"(?<=/)[0-9a-f]{16}\b",
    "secret": r"(?<=[A-Za-z0-9_]-)[A-Za-z0-9]{6}(?=$|:[a-z]+::)",
    "host": r"\b[a-z0-9-]+(?:\.c[0-9a-f]{11}\.[a-z0-9-]+\.rds|\.[a-z0-9-]+\.elb)\.amazonaws\.com\b",
    "address": r"\b(?:127\.25\d|10\.\d+)\.\d+\.\d+\b(?!/)",
}
"""By kind: what AWS, the local cloud or the engine makes up. A group names it better."""
SECRET_ARN = re.compile(r"^arn:aws:secretsmanager:[^*]+$")


def templated(state: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The state's resources as data; `given` names what the caller chose, by its text."""
    resources = [
        {key: value for key, value in one.items() if key not in OF_THE_MACHINE}
        for one in state["deployment"]["resources"]
    ]
    if "ciphertext" in json.dumps(resources):
        raise ValueError("a secret value is in the state")
    names = {text: name for name, text in given.items()}
    # custom resources first, so that a number follows the order in which things were made
    for one in [*(r for r in resources if r.get("custom")), *resources]:
        for text in _texts(one):
            _name_all(text, names)
    return {"resources": _mapped(resources, lambda text: _put(text, names))}


def kept(version: str, stack: str) -> dict[str, Any]:
    """The state of `stack` as `version` made it, with its placeholders."""
    found: dict[str, Any] = json.loads((DATA / version / f"{stack}.json").read_text())
    return found


def write(version: str, stack: str, template: Mapping[str, Any]) -> None:
    """Keep it."""
    (DATA / version).mkdir(parents=True, exist_ok=True)
    (DATA / version / f"{stack}.json").write_text(json.dumps(template, indent=1) + "\n")


def learned(template: Any, found: Any) -> dict[str, str]:
    """What the placeholders stand for, where `found` has the shape of `template`.

    Leaves that differ otherwise say nothing.
    """
    values: dict[str, str] = {}
    for pattern, text in _pairs(template, found):
        for name, value in _read(pattern, text).items():
            if values.setdefault(name, value) != value:
                raise ValueError(f"{name} is {values[name]} and {value}")
    return values


def filled(template: Any, values: Mapping[str, str]) -> Any:
    """The data with every placeholder's value; one without a value is a KeyError."""
    return _mapped(
        template, lambda text: PLACEHOLDER.sub(lambda found: str(values[found[1]]), text)
    )


def _name_all(text: str, names: dict[str, str]) -> None:
    for kind, found in _chances(text):
        if found[0] not in names:
            word = (found.group(1) if found.re.groups else None) or kind
            number = sum(name.rpartition("-")[0] == word for name in names.values()) + 1
            names[found[0]] = f"{word}-{number}"


def _chances(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for kind, pattern in CHANCE.items():
        if kind != "secret" or SECRET_ARN.match(text):
            yield from ((kind, found) for found in re.finditer(pattern, text))


def _put(text: str, names: Mapping[str, str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    expression = "|".join(re.escape(value) for value in longest_first)
    return re.sub(expression, lambda found: f"{{{{{names[found[0]]}}}}}", text)


def _read(pattern: str, text: str) -> dict[str, str]:
    """The placeholders of one text, if the rest of it is equal."""
    expression, end, seen = "", 0, set[str]()
    for found in PLACEHOLDER.finditer(pattern):
        inside = r"[0-9a-f-]{36}" if found[1].startswith("uuid-") else ".+?"
        name = _group(found[1])
        group = f"(?P={name})" if found[1] in seen else f"(?P<{name}>{inside})"
        expression += re.escape(pattern[end : found.start()]) + group
        end = found.end()
        seen.add(found[1])
    match = re.fullmatch(expression + re.escape(pattern[end:]), text)
    return {name: match[_group(name)] for name in seen} if match else {}


def _group(name: str) -> str:
    return "n_" + name.replace("-", "__")


def _pairs(template: Any, found: Any) -> Iterator[tuple[str, str]]:
    if isinstance(template, str) and isinstance(found, str):
        yield template, found
    elif isinstance(template, dict) and isinstance(found, dict):
        for key in template.keys() & found.keys():
            yield from _pairs(template[key], found[key])
    elif isinstance(template, list) and isinstance(found, list) and len(template) == len(found):
        for one, other in zip(template, found, strict=True):
            yield from _pairs(one, other)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _mapped(one, change) for key, one in value.items()}
    return [_mapped(one, change) for one in value] if isinstance(value, list) else value


def of_account(
    template: Mapping[str, Any], state: Mapping[str, Any], known: Mapping[str, str]
) -> dict[str, str]:
    """`known`, and what the placeholders stand for in a state of the same graph."""
    found = {one["urn"]: one for one in state["deployment"]["resources"]}
    values = dict(known)
    for one in template["resources"]:
        for name, value in learned(one, found[filled(one["urn"], known)]).items():
            if values.setdefault(name, value) != value:
                raise ValueError(f"{name} is {values[name]} and {value}")
    return values
