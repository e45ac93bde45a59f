"""What comes from a command's options: secrets, whose values are never among them, and sizes."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from byoc_infra import redaction
from byoc_infra.errors import DuplicateName, SpecError

__all__ = ["secrets", "sizes"]

LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def secrets(
    names: Sequence[str], file: Path | None, env: Mapping[str, str] | None = None
) -> dict[str, str] | None:
    """All that a revision shall have; None where nothing was said, which keeps what there is."""
    if not names and file is None:
        return None
    environment = os.environ if env is None else env
    found = {} if file is None else _file(file)
    for name in names:
        if name in found:
            raise DuplicateName(
                "secret",
                wanted="each name once",
                got=f"{name} twice",
                next_step="Leave one of the two out.",
            )
        if name not in environment:
            raise SpecError(
                "secret",
                wanted="the name of a variable of this shell",
                got=name,
                next_step=f"Set it first: read -rs {name}; export {name}",
            )
        found[name] = environment[name]
    for value in found.values():
        redaction.hide(value)
    return found


def sizes(given: Sequence[str]) -> dict[str, float]:
    """`max_scale=4` as a field of the platform's `resource_spec`."""
    found: dict[str, float] = {}
    for one in given:
        name, _, value = one.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise SpecError(
                "resource",
                wanted="a name and a number, such as max_scale=4",
                got=one,
                next_step="docs/control-plane.md lists the names.",
            ) from None
        found[name] = int(number) if number.is_integer() else number
    return found


def _file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            "secrets-file",
            wanted="a text file that can be read",
            got=f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}",
            next_step="Give another file.",
        ) from None  # a decoding error holds the value
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = LINE.fullmatch(line.strip())
        if parts is None or parts[1] in found:
            raise SpecError(
                "secrets-file",
                wanted="lines NAME=value, each name once",
                got=f"another in line {number}",  # not the line: it may hold a value
                next_step="Correct the line.",
            )
        found[parts[1]] = _unquoted(parts[2])
    return found


def _unquoted(value: str) -> str:
    quote = value[:1]
    if len(value) >= 2 and quote in "\"'" and value.endswith(quote):
        return value[1:-1]
    return value
