"""Write docs/components.md from the components' own docstrings, fields and promises.

`--check` writes nothing and fails when the committed page is not what would be written.
"""

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from byoc_infra import components
from byoc_infra.components._base import Component

PAGE = Path(__file__).resolve().parents[1] / "docs" / "components.md"
ORDER = (
    "CustomerAccess",
    "Network",
    "Cluster",
    "LangGraphDeployment",
    "Database",
    "ExternalDatabase",
    "Cache",
    "Secrets",
    "Service",
)
"""The account's first, then a deployment and its parts."""
HEAD = """\
# Components

<!-- Written by scripts/write_components_reference.py: change the docstrings, then run it. -->

Pulumi component resources, for a program of your own: `from byoc_infra import Network, \
NetworkArgs`. Args are frozen and keyword-only, and refuse what cannot work before anything is \
made. Units are in the names: `_s` seconds, `_mib` and `_gib` memory and storage, `_days` days. \
Names and tags of everything come from `byoc_infra.naming`. Each promise is the name of a test.

Where they stand: the customer's account stack makes `CustomerAccess`, `Network` and `Cluster`; \
the vendor's deployment stack makes `LangGraphDeployment`, which composes the others \
([architecture](architecture.md#two-stacks-two-owners)).
"""


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" in arguments:
        return int(PAGE.read_text() != text)
    PAGE.write_text(text)
    return 0


def page() -> str:
    """The whole page."""
    public = {name: getattr(components, name) for name in components.__all__}
    if set(ORDER) != {name for name, what in public.items() if issubclass(what, Component)}:
        raise LookupError("ORDER must name every component")
    return "\n".join([HEAD, *(_section(getattr(components, name)) for name in ORDER)])


def _section(kind: type[Component]) -> str:
    module = inspect.getmodule(kind)
    tree = ast.parse(inspect.getsource(module)) if module else ast.Module([], [])
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    args = getattr(components, f"{kind.__name__}Args")
    rows = [
        f"## {kind.__name__}",
        f"{_words(ast.get_docstring(classes[kind.__name__]) or '')} Type `{kind.TYPE}`.",
        f"Makes: {', '.join(f'`{name}`' for name in _made(tree, kind))}.",
        _table(
            ("argument", "type", "default", "meaning"),
            _arguments(args, classes[args.__name__]),
        ),
        _table(("output", "type", "meaning"), _outputs(classes[kind.__name__])),
        f"Promises: {'; '.join(one.replace('_', ' ') for one in kind.PROMISES)}.",
    ]
    return "\n\n".join(rows) + "\n"


def _made(tree: ast.Module, kind: type[Component]) -> list[str]:
    """What the module constructs: resources of `aws.…`, and other components."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.startswith("aws.") and name.rpartition(".")[2][0].isupper():
                found.append(name.removeprefix("aws."))
            elif name in ORDER and name != kind.__name__:
                found.append(name)
    return sorted(set(found))


def _arguments(args: type, node: ast.ClassDef) -> Iterator[tuple[str, ...]]:
    defaults = {one.name: _default(one) for one in dataclasses.fields(args)}
    for name, type_, words in _fields(node):
        if name in defaults:
            yield f"`{name}`", type_, defaults[name], words


def _outputs(node: ast.ClassDef) -> Iterator[tuple[str, ...]]:
    for name, type_, words in _fields(node):
        if "ClassVar" not in type_:
            yield f"`{name}`", type_, words


def _fields(node: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    """Annotated names of a class with the string that follows each."""
    followers = [*node.body[1:], ast.Pass()]
    for statement, after in zip(node.body, followers, strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            told = after.value if isinstance(after, ast.Expr) else None
            words = told.value if isinstance(told, ast.Constant) else ""
            yield statement.target.id, _type(statement.annotation), _words(str(words))


def _type(annotation: ast.expr) -> str:
    text = ast.unparse(annotation).replace("pulumi.", "").replace("'", '"')
    return f"`{text}`".replace("|", "\\|")


def _default(field: "dataclasses.Field[object]") -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    if field.default is dataclasses.MISSING:
        return "required"
    shown = getattr(field.default, "__name__", None) or repr(field.default)
    return f"`{shown}`".replace("'", '"')


def _words(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
