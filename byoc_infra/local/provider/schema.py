"""The property table of every resource type, and the typing of what a program gives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from byoc_infra.local.provider.properties import UNKNOWN, Json

__all__ = ["Failure", "Schema", "known_types", "schema_of"]

Shape = Any
"""As `generate_schema` writes it."""


@dataclass(frozen=True)
class Failure:
    """One input that Check refuses: its path and why."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The properties of one resource type."""

    inputs: Mapping[str, Shape]
    required: frozenset[str]
    outputs: frozenset[str]
    objects: Mapping[str, Any]

    def coerce(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[Failure]]:
        """`values` in their declared types, and every input that does not fit or is missing."""
        failures: list[Failure] = []
        fields = {"properties": self.inputs, "required": self.required}
        return self._object(fields, values, "", failures), failures

    def _object(
        self, fields: Mapping[str, Any], given: Mapping[str, Any], at: str, failures: list[Failure]
    ) -> dict[str, Any]:
        properties = fields["properties"]
        result = {}
        for name, value in given.items():
            path = f"{at}.{name}" if at else name
            if name.startswith("__") or value is None:
                continue
            if name not in properties:
                failures.append(Failure(path, _unknown_name(name, properties)))
            else:
                result[name] = self._value(properties[name], value, path, failures)
        for name in fields["required"]:
            if result.get(name) is None and given.get(name) is None:
                path = f"{at}.{name}" if at else name
                failures.append(Failure(path, f"missing required property '{name}'"))
        return result

    def _value(self, shape: Shape, value: Json, at: str, failures: list[Failure]) -> Json:
        if value is UNKNOWN or value is None:
            return value
        if isinstance(shape, str):
            return _scalar(shape, value, at, failures)
        if "list" in shape and isinstance(value, list):
            inner = shape["list"]
            return [
                self._value(inner, v, f"{at}[{i}]", failures)
                for i, v in enumerate(value)
                if v is not None
            ]
        if "map" in shape and isinstance(value, dict):
            inner = shape["map"]
            return {
                key: self._value(inner, part, f'{at}["{key}"]', failures)
                for key, part in value.items()
                if part is not None and key != "__defaults"
            }
        if "object" in shape and isinstance(value, dict):
            return self._object(self.objects[shape["object"]], value, at, failures)
        failures.append(Failure(at, f"expected {next(iter(shape))}, got {type(value).__name__}"))
        return value


def _scalar(kind: str, value: Json, at: str, failures: list[Failure]) -> Json:
    """The bridge turns scalars of the wrong kind round where that loses nothing."""
    match kind, value:
        case ("string", bool() | int() | float()):
            return str(value).lower()
        case ("string", str()) | ("boolean", bool()):
            return value
        case ("integer" | "number", int() | float()) if not isinstance(value, bool):
            return value
        case ("boolean", "true" | "false"):
            return value == "true"
        case ("integer", str()) if value.lstrip("-").isdigit():
            return int(value)
    failures.append(Failure(at, f"expected a {kind}, got {type(value).__name__}"))
    return value


def _unknown_name(name: str, properties: Mapping[str, Any]) -> str:
    close = get_close_matches(name, properties, n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"unexpected property '{name}'{hint}"


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text())
    return table


def known_types() -> list[str]:
    """Every type token that the local cloud serves."""
    return list(_table()["resources"])


@cache
def schema_of(token: str) -> Schema:
    """The schema of one type token; KeyError for a type that is not served."""
    row = _table()["resources"][token]
    return Schema(
        inputs=row["inputs"],
        required=frozenset(row["required"]),
        outputs=frozenset(row["outputs"]),
        objects=_table()["objects"],
    )
