"""A virtual environment with the LangGraph server, built once a machine and kept in a cache.

Every package is pinned with its hashes in `requirements.txt`. The folder's name is a hash of that
file and of the interpreter, so that two versions of this project can share one cache; a marker
written last tells a finished environment from one whose build was killed.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from byoc_infra.errors import ToolMissing

__all__ = ["REQUIREMENTS", "Progress", "ServerEnvironment", "cache_directory", "find", "prepare"]

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
FINISHED = "byoc-finished"
"""A file in the environment that exists only when the build came to its end."""
SOURCE_ONLY = ("forbiddenfruit",)
"""Pinned packages that have no wheel."""
TOLD_EVERY_S = 5.0

Progress = Callable[[str], None]
"""Told one line at a time what a long step is doing."""


@dataclass(frozen=True)
class ServerEnvironment:
    """A virtual environment from which `langhost serve` can be started."""

    path: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.path / "bin" / "python"

    @property
    def langhost(self) -> Path:
        """The server's command."""
        return self.path / "bin" / "langhost"

    @property
    def key(self) -> str:
        """Names the exact set of packages in it."""
        return self.path.name

    @property
    def constraints(self) -> Path:
        """The server's own versions, in pip's format without hashes; an app may not change them."""
        return self.path / "byoc-constraints.txt"

    @property
    def finished(self) -> bool:
        """Whether the build came to its end."""
        return (self.path / FINISHED).exists()


def cache_directory() -> Path:
    """Where this project keeps what is slow to make: $BYOC_CACHE_DIR or ~/.cache/byoc-infra."""
    if chosen := os.environ.get("BYOC_CACHE_DIR"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "byoc-infra"


def find(*, requirements: Path = REQUIREMENTS) -> ServerEnvironment | None:
    """The finished environment of this interpreter, if there is one."""
    environment = ServerEnvironment(cache_directory() / "server" / _key(requirements))
    return environment if environment.finished else None


def prepare(
    on_progress: Progress | None = None, *, requirements: Path = REQUIREMENTS
) -> ServerEnvironment:
    """The finished environment: the cached one, or one built now; two builders wait in line."""
    place = cache_directory() / "server"
    environment = ServerEnvironment(place / _key(requirements))
    if environment.finished:
        return environment
    place.mkdir(parents=True, exist_ok=True)
    tell = on_progress or (lambda _line: None)
    with _lock(place / f"{environment.key}.lock", tell):
        if not environment.finished:
            _build(environment, requirements, tell)
    return environment


def _key(requirements: Path) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    words = f"{sys.implementation.cache_tag} {sys.base_prefix}".encode()
    return f"py{version}-{hashlib.sha256(requirements.read_bytes() + words).hexdigest()[:16]}"


@contextmanager
def _lock(path: Path, tell: Progress) -> Iterator[None]:
    with path.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("waiting for another process that is building the LangGraph server environment")
            with _telling(tell, lambda seconds: f"  waiting since {seconds:.0f} s"):
                fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(environment: ServerEnvironment, requirements: Path, tell: Progress) -> None:
    tell("building the LangGraph server environment (once a machine, about 90 seconds)")
    shutil.rmtree(environment.path, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(environment.path)], tell)
    install = [str(environment.python), "-m", "pip", "install", "--no-input", "--require-hashes"]
    # A source package runs its own build code with build tools that no hash pins: wheels only,
    # but for the one that publishes none.
    binary = ["--only-binary=:all:", *(f"--no-binary={name}" for name in SOURCE_ONLY)]
    _run([*install, *binary, "--no-deps", "-r", str(requirements)], tell)
    pins = [line.rstrip(" \\") for line in requirements.read_text().splitlines() if "==" in line]
    environment.constraints.write_text("\n".join(pins) + "\n")
    (environment.path / FINISHED).touch()


def _run(command: list[str], tell: Progress) -> None:
    """Run one step, tell what it says about packages, and keep its words for the error."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    said: list[str] = []
    with (
        subprocess.Popen(
            command, env=inherited, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
        _telling(tell, lambda seconds: f"  {seconds:.0f} s, {len(said)} lines"),
    ):
        for line in process.stdout or ():
            said.append(line.strip())
            if line.startswith(("Collecting", "Installing", "Successfully")):
                tell(line.strip()[:120])
    if process.returncode:
        raise ToolMissing(
            "LangGraph server environment",
            wanted="the packages of byoc_infra/local/server/requirements.txt",
            got=" / ".join(said[-3:]) or f"exit code {process.returncode}",
            next_step="Check that pip can reach its package index, then run the command again.",
        )


@contextmanager
def _telling(tell: Progress, word: Callable[[float], str]) -> Iterator[None]:
    """Tell how far it is, every few seconds: pip may say nothing for half a minute."""
    over, started = threading.Event(), time.monotonic()

    def keep_telling() -> None:
        while not over.wait(TOLD_EVERY_S):
            tell(word(time.monotonic() - started))

    thread = threading.Thread(target=keep_telling, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
