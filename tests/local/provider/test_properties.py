"""Properties cross the wire as Pulumi marks them."""

from google.protobuf.struct_pb2 import Struct  # type: ignore[import-untyped]  # no types shipped
from pulumi.runtime.rpc import UNKNOWN as PULUMI_UNKNOWN

from byoc_infra.local.provider.properties import UNKNOWN, decode, encode, has_unknown

SIGNATURE = "4dabf18193072939515e22adb298388d"


def struct(values: dict[str, object]) -> Struct:
    """As the engine would send `values`."""
    result = Struct()
    result.update(values)
    return result


def test_plain_values_come_back_as_they_were() -> None:
    """Whole numbers stay whole; None is left out."""
    values = {"s": "x", "i": 3, "f": 0.5, "b": False, "l": [1, {"a": []}], "m": {}}

    assert decode(encode({**values, "none": None})) == values


def test_the_unknown_sentinel_is_pulumis() -> None:
    """What a preview does not know is recognised and given back, at any depth."""
    wire = struct({"id": PULUMI_UNKNOWN, "deep": [{"x": PULUMI_UNKNOWN}]})

    values = decode(wire)

    assert values == {"id": UNKNOWN, "deep": [{"x": UNKNOWN}]}
    assert encode(values) == wire
    assert has_unknown(values["deep"])
    assert not has_unknown([{"x": "known"}])


def test_secrets_outputs_and_resources_are_unwrapped() -> None:
    """Although the plugin asks for none of them."""
    wire = struct(
        {
            "secret": {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": "hidden"},
            "output": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": 1},
            "pending": {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4"},
            "resource": {SIGNATURE: "5cf8f73096256a8f31e491e813e4eb8e", "id": "vpc-1"},
        }
    )

    assert decode(wire) == {
        "secret": "hidden",
        "output": 1,
        "pending": UNKNOWN,
        "resource": "vpc-1",
    }
