"""Write docs/settings.md from the fields and docstrings of the specs.

`python -m scripts.write_components_reference` writes this page too.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from byoc_infra import spec
from scripts.reference import FieldText, fields, measured, table, words

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
PLACES = {
    "AccountSpec": "The account's file (`account.yaml`)",
    "NetworkSpec": "`network` in the account's file",
    "ExistingNetworkSpec": "`existing_network` in the account's file",
    "ExternalDatabaseSpec": "`external_databases` in the account's file",
    "TaskRoleSpec": "One of `task_roles` in the account's file",
    "TracingSpec": "`tracing` in the account's file",
    "DeploymentSpec": "A deployment's file (`deployment.yaml`)",
    "SecretReference": "A secret reference",
    "AccessSpec": "`access` in a deployment's file",
}
"""The files' own first, each followed by what may stand inside it; others follow."""
HEAD = """\
# Settings

<!-- Written by scripts/write_components_reference.py: change byoc_infra/spec.py, then run it. -->

Every field of the two files that `byoc` reads ([the command](cli.md)). By hand, the same names \
are keys of `pulumi config`. A name that is not on this page is refused, and so is one that is \
written twice. Units are in the names.
"""
LIMITS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "min_length": "length at least {}",
    "max_length": "length at most {}",
    "pattern": "`{}`",
}
"""By pydantic's names for them."""


def page() -> str:
    """The whole page."""
    order = dict.fromkeys([*PLACES, *models()])
    return "\n".join([HEAD, *(_section(name) for name in order)])


def models() -> dict[str, type[BaseModel]]:
    """The public specs by name."""
    found = {name: getattr(spec, name) for name in spec.__all__}
    return {
        name: one
        for name, one in found.items()
        if inspect.isclass(one) and issubclass(one, BaseModel)
    }


def texts(name: str) -> list[FieldText]:
    """The fields of a spec as they are written, with those of a base that it shares."""
    tree = ast.parse(inspect.getsource(spec))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    bases = [ast.unparse(base) for base in classes[name].bases]
    inherited = [one for base in bases if base in classes for one in fields(classes[base])]
    return [*inherited, *fields(classes[name])]


def _section(name: str) -> str:
    model = models()[name]
    node = words(inspect.getdoc(model) or "")
    head = ("field", "type", "default", "meaning")
    return f"## {PLACES.get(name, name)}\n\n{node} `{name}`.\n\n{table(head, _rows(name, model))}\n"


def _rows(name: str, model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    for one in texts(name):
        if one.name in model.model_fields:
            info = model.model_fields[one.name]
            yield (
                f"`{one.name}`",
                measured(_type(one.annotation), one.name),
                _default(info.get_default(call_default_factory=True)),
                " ".join([one.words, *_limits(info.metadata)]),
            )


def _type(annotation: str) -> str:
    """As a writer of YAML thinks of it: aliases opened, tuples as lists, absence left out."""
    for name, alias in vars(spec).items():
        if get_origin(alias) is Annotated:
            annotation = re.sub(rf"\b{name}\b", get_args(alias)[0].__name__, annotation)
        elif get_origin(alias) is Literal:
            annotation = re.sub(rf"\b{name}\b", f"Literal{list(get_args(alias))}", annotation)
    text = re.sub(r"tuple\[(.+), \.\.\.\]", r"list[\1]", annotation)
    return f"`{text.removesuffix(' | None')}`".replace("'", '"').replace("|", "\\|")


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, bool) or value is None:
        return {True: "`true`", False: "`false`", None: "`null`"}[value]
    shown = list(value) if isinstance(value, tuple) else value
    return f"`{shown!r}`".replace("'", '"')


def _limits(metadata: list[Any]) -> Iterator[str]:
    """In brackets behind the meaning, where there are any."""
    found = [
        said.format(getattr(one, key))
        for one in metadata
        for key, said in LIMITS.items()
        if getattr(one, key, None) is not None
    ]
    if found:
        yield f"({'; '.join(found)})".replace("|", "\\|")
