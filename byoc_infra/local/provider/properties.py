"""Properties as Pulumi sends them: protobuf structs with marks for secrets, unknowns and outputs.

The plugin asks the engine for neither secrets nor outputs, so a value that is still wrapped is
simply unwrapped; what is unknown (at preview) becomes `UNKNOWN`.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value  # type: ignore[import-untyped]  # protobuf ships no types

__all__ = ["DEFAULTS_KEY", "UNKNOWN", "Json", "Props", "Unknown", "decode", "encode", "has_unknown"]

Json = Any
"""One property: scalar, list or object, or `UNKNOWN`."""
Props = dict[str, Json]

DEFAULTS_KEY = "__defaults"
"""The input that lists which inputs Check filled in (pulumi-terraform-bridge, pkg/tfbridge)."""

_SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a protocol constant
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_UNKNOWN_TEXTS = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",  # string
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # bool
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that a preview cannot know yet."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


def decode(struct: Struct) -> Props:
    """A request's properties as plain values."""
    return {name: _decode(value) for name, value in struct.fields.items()}


def encode(values: Mapping[str, Json]) -> Struct:
    """Plain values as a response's properties; None is left out."""
    struct = Struct()
    for name, value in values.items():
        if value is not None:
            struct.fields[name].CopyFrom(_encode(value))
    return struct


def has_unknown(value: Json) -> bool:
    """Whether some part of `value` is not known yet."""
    if isinstance(value, dict):
        return any(has_unknown(part) for part in value.values())
    if isinstance(value, list):
        return any(has_unknown(part) for part in value)
    return value is UNKNOWN


def _decode(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "string_value":
            plain: Json = value.string_value
            return UNKNOWN if plain in _UNKNOWN_TEXTS else plain
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode(part) for part in value.list_value.values]
        case "struct_value":
            return _decode_object(decode(value.struct_value))
    return None


def _decode_object(fields: Props) -> Json:
    mark = fields.get(_SIGNATURE_KEY)
    if mark == _SECRET:
        return fields.get("value")
    if mark == _OUTPUT:
        return fields.get("value", UNKNOWN)
    if mark == _RESOURCE:
        return fields.get("id", UNKNOWN)
    return fields


def _encode(value: Json) -> Value:
    whole = Value()
    match value:
        case Unknown():
            whole.string_value = _UNKNOWN_TEXT
        case bool():
            whole.bool_value = value
        case int() | float():
            whole.number_value = value
        case str():
            whole.string_value = value
        case dict():
            whole.struct_value.CopyFrom(encode(value))
        case list() | tuple():
            whole.list_value.values.extend(_encode(part) for part in value)
            whole.list_value.SetInParent()
        case _:
            whole.null_value = NULL_VALUE
    return whole
