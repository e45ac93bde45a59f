"""Write docs/components.md and docs/settings.md from docstrings, fields, promises and recordings.

`--check` writes nothing and fails when a committed page is not what would be written.
"""

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from byoc_infra import components
from byoc_infra.components._base import Component
from scripts import write_settings_reference as settings
from scripts.reference import FieldText, fields, measured, table, words
from tests.support.examples import EXAMPLES
from tests.support.recorder import record

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "components.md"
ORDER = (
    "CustomerAccess",
    "Network",
    "ExistingNetwork",
    "Cluster",
    "PlatformSecrets",
    "LangGraphDeployment",
    "Database",
    "ExternalDatabase",
    "Cache",
    "Secrets",
    "Service",
    "Queue",
    "Scaling",
)
"""The account's first, then a deployment and its parts."""
WHOLE, PARTS = "LangGraphDeployment", ("Service", "Queue", "Database", "Secrets", "Cache")
"""What is composed, and of what; the first part that has a field says what it is."""
EXAMPLE = "orders"
"""What the recorded example of every component is called."""
HEAD = """\
# Components

<!-- Written by scripts/write_components_reference.py: change the docstrings, then run it. -->

Pulumi component resources, for a program of your own: `from byoc_infra import Network, \
NetworkArgs`. Args are frozen and keyword-only, and refuse what cannot work before anything is \
made. Names and tags of everything come from `byoc_infra.naming`.

Where they stand: the customer's account stack makes `CustomerAccess`, `Network` \
or `ExistingNetwork`, `Cluster` and `PlatformSecrets`; the vendor's deployment stack makes \
`LangGraphDeployment`, which composes the others \
([architecture](architecture.md#two-stacks-two-owners)).

How to read a section. **Inputs** are the fields of the Args class; `Input` means that an output \
of another resource may stand there. **Makes** is what the smallest sensible use registers, \
recorded by running it, with `<name>` for the name that you give the component; more inputs may \
make more. **Promises** are guarantees; each is the name of a test, with what the test says.
"""


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    pages = {PAGE: page(), settings.PAGE: settings.page()}
    if "--check" in arguments:
        return int(any(file.read_text() != text for file, text in pages.items()))
    for file, text in pages.items():
        file.write_text(text)
    return 0


def page() -> str:
    """The whole page of the components."""
    public = {name: getattr(components, name) for name in components.__all__}
    if set(ORDER) != {name for name, what in public.items() if issubclass(what, Component)}:
        raise LookupError("ORDER must name every component")
    others = [name for name in public if name not in ORDER and name.removesuffix("Args") == name]
    return "\n".join(
        [
            HEAD,
            *(_section(public[name]) for name in ORDER),
            *(_value(public[name]) for name in others),
        ]
    )


def _section(kind: type[Component]) -> str:
    own = _written(kind.__name__)
    rows = [
        f"## {kind.__name__}",
        f"{words(ast.get_docstring(own) or '')} Type `{kind.TYPE}`.",
        "### Inputs",
        table(
            ("input", "type", "default", "meaning"),
            _inputs(kind, getattr(components, f"{kind.__name__}Args")),
        ),
        "### Outputs",
        table(("output", "type", "meaning"), _outputs(kind)),
        "### Makes",
        table(("resource", "name"), _made(kind)),
        "### Promises",
        f"Held by `{_tests(kind).relative_to(ROOT)}`.",
        table(("promise", "the test says"), _promises(kind)),
    ]
    # the same four headings stand in every section, and each must be a target of its own
    return "\n\n".join(re.sub(r"^### ", f"### {kind.__name__}: ", row) for row in rows) + "\n"


def _value(kind: type) -> str:
    """What components hand to each other."""
    own = _written(kind.__name__)
    head = ("field", "type", "default", "meaning")
    said = words(ast.get_docstring(own) or "")
    return f"## {kind.__name__}\n\n{said}\n\n{table(head, _inputs(kind, kind))}\n"


def _written(name: str) -> ast.ClassDef:
    """The public class of this name as it stands in its module."""
    module = inspect.getmodule(getattr(components, name))
    tree = ast.parse(inspect.getsource(module)) if module else ast.Module([], [])
    return next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)


def told(kind: type, of: str) -> Iterator[FieldText]:
    """The public fields of the component (`of` is its name) or of its Args.

    What `LangGraphDeployment` only passes on, under the same name, is described where it is used.
    """
    parts = PARTS if kind.__name__ == WHOLE else ()
    ending = of.removeprefix(kind.__name__)
    known = {
        one.name: one.words
        for part in reversed(parts)
        for one in fields(_written(f"{part}{ending}"))
    }
    for one in fields(_written(of)):
        if "ClassVar" not in one.annotation:
            yield dataclasses.replace(one, words=one.words or known.get(one.name, ""))


def _inputs(kind: type, args: "type[DataclassInstance]") -> Iterator[tuple[str, ...]]:
    defaults = {one.name: _default(one) for one in dataclasses.fields(args)}
    for one in told(kind, args.__name__):
        if one.name in defaults:
            yield (
                f"`{one.name}`",
                measured(_type(one.annotation), one.name),
                defaults[one.name],
                one.words,
            )


def _outputs(kind: type[Component]) -> Iterator[tuple[str, ...]]:
    for one in told(kind, kind.__name__):
        yield f"`{one.name}`", _type(one.annotation), one.words


def _made(kind: type[Component]) -> Iterator[tuple[str, ...]]:
    """Direct children of the recorded example: resources of AWS, and components of ours."""
    made = record(EXAMPLES[kind])
    for one in sorted(made.resources, key=lambda child: (child.type, child.name)):
        if one.parent == f"{kind.TYPE}::{EXAMPLE}":
            name = re.sub(rf"^{EXAMPLE}\b", "<name>", one.name)
            yield _resource(one.type), f"`{name}`"


def _resource(type_: str) -> str:
    """`aws:ecs/service:Service` as it is written in Python, or a link to one of ours."""
    package, module, name = type_.split(":")
    if package == "byoc":
        return f"[{name}](#{name.lower()})"
    return f"`aws.{module.partition('/')[0]}.{name}`"


def _promises(kind: type[Component]) -> Iterator[tuple[str, ...]]:
    said = {
        node.name: words(ast.get_docstring(node) or "")
        for node in ast.parse(_tests(kind).read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    for promise in kind.PROMISES:
        yield promise.replace("_", " "), said[f"test_{promise}"]


def _tests(kind: type[Component]) -> Path:
    return ROOT / "tests" / "components" / f"test_{kind.__module__.rsplit('.', 1)[-1]}.py"


def _type(annotation: str) -> str:
    text = annotation.replace("pulumi.", "").replace("'", '"')
    return f"`{text}`".replace("|", "\\|")


def _default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
        keys = ", ".join(f'"{key}": …' for key in made) if isinstance(made, dict) else ""
        return f"`{{{keys}}}`" if keys else f"`{made!r}`"
    if field.default is dataclasses.MISSING:
        return "required"
    shown = getattr(field.default, "__name__", None) or repr(field.default)
    return f"`{shown}`".replace("'", '"')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
