"""A backend's own records: the state read without a CLI, the history of updates kept short."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from byoc_infra.engine import state_table
from byoc_infra.engine.outcome import StackRef
from byoc_infra.engine.state_table import Unreadable

__all__ = [
    "KEEP",
    "Unreadable",
    "absent",
    "forget",
    "prune",
    "read_state",
    "recorded",
    "state_file",
]

KEEP = 20


def prune(stack: StackRef) -> None:
    """Keep the newest `KEEP` updates of a stack, where the backend can be read."""
    folder = f".pulumi/history/{stack.project}/{stack.name}/"
    root = backend_root(stack.backend_url)
    if root is not None:
        for name in _old(stack, [file.name for file in (root / folder).glob("*")]):
            (root / folder / name).unlink(missing_ok=True)
    elif state_table.is_one(stack.backend_url):
        with suppress(Unreadable):  # the next time then
            keys = state_table.keys(stack.backend_url, folder)
            old = _old(stack, [key.removeprefix(folder) for key in keys])
            state_table.delete(stack.backend_url, [folder + name for name in old])


def _old(stack: StackRef, names: list[str]) -> list[str]:
    """The files of all but the newest updates; each update has several."""
    by_update: dict[str, list[str]] = {}
    for name in names:
        if found := re.match(rf"{re.escape(stack.name)}-(\d+)", name):
            by_update.setdefault(found[1], []).append(name)
    return [name for update in sorted(by_update, key=int)[:-KEEP] for name in by_update[update]]


def forget(stack: StackRef) -> None:
    """Remove what `stack rm` leaves of a stack, where the backend can be read."""
    if state_table.is_one(stack.backend_url):
        with suppress(Unreadable):
            _forget_rows(stack)
        return
    file, root = state_file(stack), backend_root(stack.backend_url)
    if file is None or root is None or file.exists():
        return
    for left in file.parent.glob(f"{file.name}.bak*"):
        left.unlink(missing_ok=True)
    for kind in ("history", "locks/organization", "backups"):
        with suppress(OSError):  # there, and not empty, or not there
            (root / ".pulumi" / kind / stack.project / stack.name).rmdir()


def _forget_rows(stack: StackRef) -> None:
    if state_table.read(stack.backend_url, _key(stack)) is not None:
        return
    for prefix in (f"{_key(stack)}.bak", f".pulumi/history/{stack.project}/{stack.name}/"):
        state_table.delete(stack.backend_url, state_table.keys(stack.backend_url, prefix))


def read_state(stack: StackRef) -> str | None:
    """The stack's checkpoint as it is kept; None where there is no such stack.

    `Unreadable` where only the CLI can tell.
    """
    if state_table.is_one(stack.backend_url):
        return state_table.read(stack.backend_url, _key(stack))
    file = state_file(stack)
    if file is None:
        raise Unreadable
    try:
        return file.read_text()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unreadable from error


def absent(stack: StackRef) -> bool:
    """Whether the backend's records say that there is no such stack; False in doubt."""
    try:
        if state_table.is_one(stack.backend_url):
            return not state_table.keys(stack.backend_url, _key(stack))
        root = backend_root(stack.backend_url)
        if root is None or not root.is_dir():
            return False
        kept = root / _key(stack)
        # compressed, or as backends kept it that knew no projects
        older = (kept.with_name(f"{kept.name}.gz"), *kept.parents[1].glob(f"{kept.name}*"))
        return not any(path.exists() for path in (kept, *older))
    except (Unreadable, OSError):
        return False


def recorded(stack: StackRef) -> dict[str, Any] | None:
    """The stack's state as `pulumi stack export` gives it; None where only the CLI can tell."""
    try:
        read = json.loads(read_state(stack) or "{}")
        return {"version": read["version"], "deployment": read["checkpoint"]["latest"] or {}}
    except (Unreadable, ValueError, KeyError, TypeError):
        return None


def state_file(stack: StackRef) -> Path | None:
    """Where a file backend keeps the stack; None with other backends."""
    root = backend_root(stack.backend_url)
    return root and root / _key(stack)


def backend_root(backend_url: str) -> Path | None:
    """The folder of a `file://` backend."""
    parts = urlsplit(backend_url)
    if parts.scheme != "file":
        return None
    return Path(unquote(parts.netloc + parts.path)).expanduser()


def _key(stack: StackRef) -> str:
    return f".pulumi/stacks/{stack.project}/{stack.name}.json"
