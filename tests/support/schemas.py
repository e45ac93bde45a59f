"""The smallest body that an OpenAPI document takes for an operation."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

__all__ = ["smallest"]

SAMPLES = (
    "production",
    "222222222222",
    "eu-west-1",
    "agents",
    "op-0123456789abcdef",
    "2099-01-01T00:00:00Z",
    "A_NAME",
)
"""Something for each pattern of the API."""


def smallest(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    """A value that the schema takes, with what is required and nothing else."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return smallest(document["components"]["schemas"][name], document)
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        if schema.get(key):
            return schema[key][0]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return smallest(schema[key][0], document)
    return _of_type(schema, document)


def _of_type(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            needed = schema.get("required", ())
            return {name: smallest(schema["properties"][name], document) for name in needed}
        case "array":
            return [smallest(schema["items"], document)] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "string":
            return _text(schema)
    return None


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return str(uuid.UUID(int=7))
    pattern = re.compile(schema.get("pattern", ".*"))
    return next(one for one in SAMPLES if pattern.search(one))
