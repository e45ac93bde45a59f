"""Rules that every component keeps. Components are found by walking, not by a list."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pulumi_aws
import pytest

import byoc_infra
from byoc_infra import components
from byoc_infra.components._base import Component
from byoc_infra.naming import DEPLOYMENT_TAG, INSTALLATION_TAG
from tests.support.examples import EXAMPLES
from tests.support.expected import compare
from tests.support.recorder import Recorder, Registration, record

TESTS = Path(__file__).parent


def _modules() -> list[ModuleType]:
    return [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(components.__path__, f"{components.__name__}.")
    ]


def _walk() -> list[type[Component]]:
    """Every component resource that is defined in the package, whatever its base."""
    found: list[Any] = [
        kind
        for module in _modules()
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, pulumi.ComponentResource)
        and kind.__module__ == module.__name__
        and kind is not Component
    ]
    return sorted(found, key=lambda kind: kind.__name__)


every_component = pytest.mark.parametrize("kind", _walk(), ids=lambda kind: kind.__name__)


RECORDED: dict[str, tuple[Recorder, Component]] = {}


def _recorded(kind: type[Component]) -> tuple[Recorder, Component]:
    if kind.__name__ not in RECORDED:
        made: list[Component] = []
        recorder = record(lambda: made.append(EXAMPLES[kind]()))
        RECORDED[kind.__name__] = recorder, made[0]
    return RECORDED[kind.__name__]


def _resource_class(type_: str) -> type:
    """The pulumi_aws class of a type token."""
    module, name = type_.removeprefix("aws:").split("/")[0], type_.rsplit(":", 1)[-1]
    found: type = getattr(getattr(pulumi_aws, module), name)
    return found


def _takes(type_: str, field: str) -> bool:
    parameters = inspect.signature(_resource_class(type_)._internal_init).parameters  # type: ignore[attr-defined]  # generated classes
    return field in parameters


def _args_class(kind: type[Component]) -> type:
    found: type = getattr(sys.modules[kind.__module__], f"{kind.__name__}Args")
    return found


def test_walking_finds_the_components_of_a_deployment() -> None:
    """The walk is not empty by mistake."""
    names = {kind.__name__ for kind in _walk()}

    assert {"CustomerAccess", "Network", "Cluster", "LangGraphDeployment"} <= names


@every_component
def test_the_type_token_is_the_class_name(kind: type[Component]) -> None:
    """A token is the identity in every state and follows one rule."""
    assert issubclass(kind, Component)
    assert f"byoc:aws:{kind.__name__}" == kind.TYPE


@every_component
def test_args_are_frozen_and_keyword_only(kind: type[Component]) -> None:
    """Arguments cannot be mixed up, and cannot change after they were checked."""
    args = _args_class(kind)

    assert dataclasses.is_dataclass(args)
    assert args.__dataclass_params__.frozen  # type: ignore[attr-defined]  # set by dataclass
    assert all(field.kw_only for field in dataclasses.fields(args))


@every_component
def test_the_constructor_takes_name_args_and_options(kind: type[Component]) -> None:
    """Every component is made the same way."""
    assert list(inspect.signature(kind).parameters) == ["name", "args", "opts"]


@every_component
def test_the_component_and_its_args_are_exported(kind: type[Component]) -> None:
    """Other people's programs import from the package itself."""
    assert getattr(byoc_infra, kind.__name__) is kind
    assert getattr(byoc_infra, f"{kind.__name__}Args") is _args_class(kind)


@every_component
def test_every_child_hangs_below_its_component(kind: type[Component]) -> None:
    """Children have a component of ours as parent and begin with its name."""
    recorder, _ = _recorded(kind)
    parents = {one.id: one for one in recorder.resources}

    for one in recorder.resources:
        if one.parent:
            assert parents[one.parent].is_component, one.id
            assert one.name.startswith(parents[one.parent].name), one.id
    assert [one.id for one in recorder.resources if not one.parent] == [f"{kind.TYPE}::orders"]


@every_component
def test_everything_that_can_carry_tags_does(kind: type[Component]) -> None:
    """Discovery, sweeps and the access role's fence rest on tags."""
    recorder, _ = _recorded(kind)
    of_deployment = _is_of_a_deployment(kind)

    for one in _aws(recorder):
        if _takes(one.type, "tags"):
            assert one.inputs["tags"][INSTALLATION_TAG] == "default", one.id
            assert not of_deployment or one.inputs["tags"][DEPLOYMENT_TAG] == "orders", one.id


@every_component
def test_every_physical_name_is_fixed(kind: type[Component]) -> None:
    """What a killed run has made is found again by its name."""
    recorder, _ = _recorded(kind)

    for one in _aws(recorder):
        for field in ("name", "identifier", "family"):
            if _takes(one.type, field):
                assert one.inputs.get(field), f"{one.id} has no {field}"


@every_component
def test_outputs_are_attributes_and_registered(kind: type[Component]) -> None:
    """What a component promises to give is there, under the same names in state."""
    recorder, component = _recorded(kind)
    announced = {name for name in inspect.get_annotations(kind) if name.islower()}

    assert announced == {name for name in announced if hasattr(component, name)}
    assert set(recorder.component_outputs[f"{kind.TYPE}::orders"]) == announced


@every_component
def test_the_resource_graph_is_the_reviewed_one(
    kind: type[Component], request: pytest.FixtureRequest
) -> None:
    """Every input of every resource, as data; a change is reviewed as a diff."""
    recorder, _ = _recorded(kind)

    compare(f"components/{kind.__name__}", recorder.graph(), request)


@every_component
def test_every_promise_has_a_test_of_its_name(kind: type[Component]) -> None:
    """A guarantee that nobody checks is not one."""
    module = kind.__module__.rsplit(".", 1)[-1]
    tests = TESTS / "components" / f"test_{module}.py"
    written = {
        node.name: ast.unparse(node)
        for node in ast.parse(tests.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }

    assert kind.PROMISES
    assert {f"test_{promise}" for promise in kind.PROMISES} <= written.keys()
    for promise in kind.PROMISES:
        text = written[f"test_{promise}"]
        assert "assert " in text or "pytest.raises" in text, f"test_{promise} checks nothing"
        assert "pytest.mark.skip" not in text


def test_importing_the_package_loads_no_pulumi() -> None:
    """`byoc --help` and pure users do not pay for the engine's SDK."""
    code = "import byoc_infra, sys; sys.exit(any(m.startswith('pulumi') for m in sys.modules))"

    assert (
        subprocess.run([sys.executable, "-c", code], check=False, cwd=TESTS.parent).returncode == 0
    )


def test_a_name_that_is_not_public_is_refused() -> None:
    """The lazy package answers as a plain one would."""
    with pytest.raises(AttributeError, match="Nothing"):
        _ = byoc_infra.Nothing
    with pytest.raises(AttributeError, match="Nothing"):
        _ = components.Nothing


def _aws(recorder: Recorder) -> list[Registration]:
    return [one for one in recorder.resources if not one.is_component]


def _is_of_a_deployment(kind: type[Component]) -> bool:
    fields = dataclasses.fields(_args_class(kind))
    return any("DeploymentNames" in str(field.type) for field in fields)
