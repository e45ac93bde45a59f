"""A file backend's files: the state read without a CLI, the history of updates kept short."""

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from byoc_infra.engine.outcome import StackRef

__all__ = ["KEEP", "forget", "prune", "recorded", "state_file"]

KEEP = 20


def prune(stack: StackRef) -> None:
    """Keep the newest `KEEP` updates of a stack on a file backend."""
    root = backend_root(stack.backend_url)
    if root is None:
        return
    folder = root / ".pulumi" / "history" / stack.project / stack.name
    by_update: dict[str, list[Path]] = {}
    for file in folder.glob(f"{stack.name}-*"):
        if found := re.match(r"\d+", file.name[len(stack.name) + 1 :]):
            by_update.setdefault(found[0], []).append(file)
    for update in sorted(by_update, key=int)[:-KEEP]:
        for file in by_update[update]:
            file.unlink(missing_ok=True)


def forget(stack: StackRef) -> None:
    """Remove what `stack rm` leaves of a stack on a file backend."""
    file, root = state_file(stack), backend_root(stack.backend_url)
    if file is None or root is None or file.exists():
        return
    for left in file.parent.glob(f"{file.name}.bak*"):
        left.unlink(missing_ok=True)
    for kind in ("history", "locks/organization", "backups"):
        with suppress(OSError):  # there, and not empty, or not there
            (root / ".pulumi" / kind / stack.project / stack.name).rmdir()


def recorded(stack: StackRef) -> dict[str, Any] | None:
    """The stack's state as `pulumi stack export` gives it; None where only the CLI can tell."""
    file = state_file(stack)
    try:
        read = json.loads(file.read_text()) if file is not None else {}
        return {"version": read["version"], "deployment": read["checkpoint"]["latest"] or {}}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def state_file(stack: StackRef) -> Path | None:
    """Where a file backend keeps the stack; None with other backends."""
    root = backend_root(stack.backend_url)
    return root and root / ".pulumi" / "stacks" / stack.project / f"{stack.name}.json"


def backend_root(backend_url: str) -> Path | None:
    """The folder of a `file://` backend."""
    parts = urlsplit(backend_url)
    if parts.scheme != "file":
        return None
    return Path(unquote(parts.netloc + parts.path)).expanduser()
