"""Every input is sent to AWS, or only told to the plugin itself, or refused: none is swallowed.

What a class sends is read from its code: the names that its methods, and what they use, mention.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from types import FunctionType
from typing import Any

import pytest
from botocore.session import get_session

from byoc_infra.local.provider.check import Naming, Settings, check
from byoc_infra.local.provider.properties import Props
from byoc_infra.local.provider.registry import RESOURCES
from byoc_infra.local.provider.resource import Resource
from byoc_infra.local.provider.rules import rules_of
from byoc_infra.local.provider.schema import Schema, schema_of

OF_ALL_TYPES = {"region", "tags"}
"""Handled by `Resource` itself."""

TOLD = {
    "aws:ecs/taskDefinition:TaskDefinition": {"trackLatest"},
    "aws:ecs/service:Service": {"forceNewDeployment"},
    "aws:rds/instance:Instance": {"allowMajorVersionUpgrade", "passwordWoVersion"},
}
"""Inputs that say how to read or to update; AWS does not keep them."""

WHOLE: dict[str, dict[str, str]] = {
    "aws:ecs/cluster:Cluster": {
        "configuration": "ecs.CreateCluster.configuration",
        "serviceConnectDefaults": "ecs.CreateCluster.serviceConnectDefaults",
    },
    "aws:ecs/taskDefinition:TaskDefinition": {
        "placementConstraints": "ecs.RegisterTaskDefinition.placementConstraints",
        "runtimePlatform": "ecs.RegisterTaskDefinition.runtimePlatform",
        "volumes": "ecs.RegisterTaskDefinition.volumes",
    },
    "aws:ecs/service:Service": {
        "capacityProviderStrategies": "ecs.CreateService.capacityProviderStrategy",
        "deploymentController": "ecs.CreateService.deploymentController",
        "loadBalancers": "ecs.CreateService.loadBalancers",
        "orderedPlacementStrategies": "ecs.CreateService.placementStrategy",
        "placementConstraints": "ecs.CreateService.placementConstraints",
    },
}
"""Blocks that are sent as they are, so their fields must be AWS's own names."""

RENAMED = {"volumes.configureAtLaunch", "volumes.hostPath"}

every_type = pytest.mark.parametrize("token", sorted(RESOURCES))


def mentioned(kind: type[Resource], *methods: str) -> set[str]:
    """The strings in these methods, in what they call and in the tables they use."""
    found: set[str] = set()
    seen: set[FunctionType] = set()
    waiting = [getattr(kind, method) for method in methods]
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        words, used = _parts(function)
        found |= words
        for name, of_self in used:
            one = _used(kind, function, name, of_self=of_self)
            if isinstance(one, FunctionType):
                waiting.append(one)
            else:
                found |= set(_strings(one))
    return found


@cache
def _parts(function: FunctionType) -> tuple[set[str], set[tuple[str, bool]]]:
    """A function's strings and keywords; the names it uses, and whether they are of `self`."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    words: set[str] = set()
    used: set[tuple[str, bool]] = set()
    body = definition.body[1:] if ast.get_docstring(definition) else definition.body
    for node in (node for statement in body for node in ast.walk(statement)):
        match node:
            case ast.Constant(value=str() as text):
                words.add(text)
            case ast.keyword(arg=str() as name):
                words.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                used.add((name, True))
            case ast.Name(id=name):
                used.add((name, False))
    return words, used


READING = {"look", "state_of", "read_names", "describe", "unmodelled", "_find", "title", "gone"}


def _used(kind: type[Resource], function: FunctionType, name: str, *, of_self: bool) -> Any:
    """A function or table of the services' modules; nothing that only reads."""
    if name in READING:
        return None
    found = inspect.getattr_static(kind, name, None) if of_self else function.__globals__.get(name)
    if isinstance(found, FunctionType):
        return found if ".provider.services." in found.__module__ else None
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for pair in value.items() for part in pair for text in _strings(part))
    elif isinstance(value, tuple | list | set | frozenset):
        yield from (text for part in value for text in _strings(part))


def fields(schema: Schema, name: str) -> Iterator[str]:
    """The paths of every field in an input's blocks."""
    yield from _fields(schema, schema.inputs[name], name)


def _fields(schema: Schema, shape: Any, path: str) -> Iterator[str]:
    if isinstance(shape, str):
        return
    if "list" in shape:
        yield from _fields(schema, shape["list"], path)
    elif "object" in shape:
        for name, inner in schema.objects[shape["object"]]["properties"].items():
            yield f"{path}.{name}"
            yield from _fields(schema, inner, f"{path}.{name}")


def modelled(token: str) -> list[str]:
    """The inputs of a type that Check lets through."""
    refused = {*RESOURCES[token].unmodelled_paths(), *OF_ALL_TYPES}
    extra = {"rotationEnabled"} if token.endswith(":SecretRotation") else set()
    return [name for name in schema_of(token).inputs if name not in refused | extra]


@every_type
def test_an_input_is_sent_or_refused(token: str) -> None:
    """At create, or where it says how to delete."""
    sent = mentioned(RESOURCES[token], "make", "settle", "remove") | TOLD.get(token, set())

    assert [name for name in modelled(token) if name not in sent] == []


@every_type
def test_a_change_in_place_is_sent_or_refused(token: str) -> None:
    """What does not replace and is not only kept in the state, the update names."""
    rules = rules_of(token)
    sent = mentioned(RESOURCES[token], "change", "unknown_after") | {*rules.replace, *rules.kept}
    sent |= {"namePrefix", "identifierPrefix"}
    schema, refused = schema_of(token), RESOURCES[token].unmodelled_paths()
    left = [name for name in modelled(token) if name not in sent]

    assert [name for name in left if not _all_refused([*fields(schema, name)], refused)] == []


def _all_refused(paths: list[str], refused: list[str]) -> bool:
    """A block whose every field is refused cannot change."""
    return bool(paths) and all(_below(path, refused) for path in paths)


@every_type
def test_a_field_of_a_block_is_sent_or_refused(token: str) -> None:
    """Also deep inside; blocks that are sent whole are checked against AWS's own shapes."""
    schema, refused = schema_of(token), RESOURCES[token].unmodelled_paths()
    sent = mentioned(RESOURCES[token], "make", "settle")
    left = [
        path
        for name in modelled(token)
        if name not in WHOLE.get(token, {})
        for path in fields(schema, name)
        if path.rsplit(".", 1)[-1] not in sent
    ]

    assert [path for path in left if not _below(path, refused)] == []


def _below(path: str, tops: list[str]) -> bool:
    return any(path == top or path.startswith(f"{top}.") for top in tops)


@pytest.mark.parametrize(
    ("token", "name"), [(token, name) for token, names in WHOLE.items() for name in names]
)
def test_a_block_sent_whole_has_aws_own_fields(token: str, name: str) -> None:
    """Field by field, by the service's description in botocore."""
    service, operation, *steps = WHOLE[token][name].split(".")
    model = get_session().get_service_model(service)
    refused = RESOURCES[token].unmodelled_paths()
    for path in fields(schema_of(token), name):
        if not _below(path, refused) and path not in RENAMED:
            shape: Any = model.operation_model(operation).input_shape
            for step in [*steps, *path.split(".")[1:]]:
                shape = getattr(shape, "member", shape)
                assert step in shape.members, path
                shape = shape.members[step]


def refusals(token: str, inputs: Props) -> dict[str, str]:
    """Path → reason of what the class refuses."""
    naming = Naming("thing", b"seed")
    result, _ = check(token, {}, inputs, settings=Settings(region="eu-west-1"), naming=naming)
    return {failure.path: failure.reason for failure in RESOURCES[token].refusals(result)}


def _given(schema: Schema, shape: Any, steps: list[str]) -> Any:
    """A value of a shape that has something at the end of the steps."""
    if isinstance(shape, str):
        return {"string": "given", "boolean": True}.get(shape, 7)
    if "list" in shape:
        return [_given(schema, shape["list"], steps)]
    if "map" in shape:
        return {"key": "given"}
    properties = schema.objects[shape["object"]]["properties"]
    step, *rest = steps or [next(iter(properties))]
    return {step: _given(schema, properties[step], rest)}


@pytest.mark.parametrize(
    ("token", "path"),
    [(t, path) for t in sorted(RESOURCES) for path in RESOURCES[t].unmodelled_paths()],
)
def test_what_is_not_modelled_is_refused_by_name(token: str, path: str) -> None:
    """Each input and field on a class's list, in the same words."""
    schema = schema_of(token)
    name, *steps = path.split(".")

    found = refusals(token, {name: _given(schema, schema.inputs[name], steps)})

    assert found.get(path) == "the local cloud does not model this input"


def test_the_default_of_what_is_not_modelled_is_taken() -> None:
    """Check itself fills it in."""
    token = "aws:lb/loadBalancer:LoadBalancer"

    assert refusals(token, {"loadBalancerType": "application"}) == {}
    assert refusals(token, {"enableCrossZoneLoadBalancing": False}) == {}
    assert "loadBalancerType" in refusals(token, {"loadBalancerType": "network"})


def test_switching_rotation_off_is_refused() -> None:
    """Also when it is false, which elsewhere is as good as absent."""
    token = "aws:secretsmanager/secretRotation:SecretRotation"
    rules = {"automaticallyAfterDays": 30}

    found = refusals(token, {"secretId": "x", "rotationRules": rules, "rotationEnabled": False})

    assert found == {"rotationEnabled": "the local cloud does not model this input"}
