"""What both reference pages need: fields out of source text, and Markdown tables."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["FieldText", "fields", "measured", "table", "words"]

UNITS = {
    "_s": "seconds",
    "_mib": "MiB",
    "_gib": "GiB",
    "_days": "days",
    "_percent": "percent",
    "_minutes": "minutes",
    "cpu": "CPU units (1024 a vCPU)",
}
"""By the end of a field's name."""


@dataclass(frozen=True)
class FieldText:
    """An annotated name of a class with the string that follows it."""

    name: str
    annotation: str
    words: str
    """Empty where nobody has written any."""


def fields(node: ast.ClassDef) -> Iterator[FieldText]:
    """All of a class's own public ones, in order."""
    followers = [*node.body[1:], ast.Pass()]
    for statement, after in zip(node.body, followers, strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            told = after.value if isinstance(after, ast.Expr) else None
            text = told.value if isinstance(told, ast.Constant) else ""
            yield FieldText(
                statement.target.id, ast.unparse(statement.annotation), words(str(text))
            )


def measured(type_: str, name: str) -> str:
    """The type, and in which unit a number of this name is."""
    said = next((unit for end, unit in UNITS.items() if name.endswith(end)), None)
    return f"{type_}, {said}" if said and "int" in type_ else type_


def words(text: str) -> str:
    """On one line, and safe in a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; columns that are empty in every row are left out."""
    listed = list(rows)
    kept = [place for place in range(len(head)) if any(row[place] for row in listed)]
    lines = [head, ("---",) * len(head), *listed]
    return "\n".join(f"| {' | '.join(line[place] for place in kept)} |" for line in lines)
