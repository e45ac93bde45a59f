"""Having the real Pulumi CLI, in the cheapest way that this machine allows.

The ways, in order: the one on PATH if it is recent enough; the one in our cache; the vendor's
installer (needs its download host); a build by Go from the published module. Whoever comes
second waits for the first and then finds the cache filled.
"""

import fcntl
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from byoc_infra.engine import obtain
from byoc_infra.errors import ToolMissing

__all__ = ["MINIMUM", "Progress", "Toolchain", "Way", "cache_dir"]

MINIMUM = (3, 220, 0)
"""The first CLI that serves events over gRPC and falls back to the state's secrets provider."""
PULUMI = "pulumi"
TOLD_EVERY_S = 5.0
"""The same step is told again after so long."""

Version = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far obtaining the CLI is: building it takes minutes the first time."""

    text: str
    elapsed_s: float
    lines: int = 0

    def __str__(self) -> str:
        figures = f" ({self.elapsed_s:.0f} s, {self.lines} lines)"
        return self.text + (figures if self.elapsed_s >= 1 else "")


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to the CLI: whether it is open on this machine, and why."""

    name: str
    possible: bool
    why: str


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """A Pulumi CLI that can be run: where it is, its version and how it came there."""

    path: Path
    version: str
    how: str

    @classmethod
    def find(cls) -> "Toolchain | None":
        """The CLI on PATH or in the cache; nothing is downloaded or built."""
        return _on_path()[0] or _cached()[0]

    @classmethod
    def obtain(cls, on_progress: Callable[[Progress], None] | None = None) -> "Toolchain":
        """The CLI, by whatever way works; `ToolMissing` lists each way that was tried."""
        if found := cls.find():
            return found
        tell = _teller(on_progress)
        with _one_builder(tell):
            return _cached()[0] or _obtained(tell)

    def language_host(self) -> Path | None:
        """Where Pulumi's Python language host lies, which only `pulumi` by hand needs, if it does.

        A released Pulumi ships it, beside the CLI.
        """
        places = (self.path.parent, self.path.resolve().parent, *os.get_exec_path())
        found = shutil.which(obtain.LANGUAGE_HOST, path=os.pathsep.join(map(str, places)))
        return Path(found) if found else None

    def with_language_host(self, on_progress: Callable[[Progress], None] | None = None) -> Path:
        """The folder with Pulumi's Python language host; one that is not here is built by Go.

        It is built into the cache and put beside a CLI of the cache, where that looks for it first.
        """
        if found := self.language_host():
            return found.parent
        tell = _teller(on_progress)
        with _one_builder(tell):
            try:
                built = obtain.build_language_host(cache_dir() / obtain.LANGUAGE_HOST, tell)
            except obtain.NotObtainedError as failure:
                raise ToolMissing(
                    obtain.LANGUAGE_HOST,
                    wanted="Pulumi's Python language host",
                    got=str(failure),
                    next_step="Install a released Pulumi, which ships it.",
                ) from failure
            if self.how == "PATH":
                return built
            return obtain.put_beside(self.path, built)

    @classmethod
    def diagnose(cls) -> tuple[Way, ...]:
        """Each way, whether it is open and why, without taking any of them."""
        return (
            Way(name="PATH", possible=_on_path()[0] is not None, why=_on_path()[1]),
            Way(name="cache", possible=_cached()[0] is not None, why=_cached()[1]),
            *(
                Way(name=w.NAME, possible=w.blocker() is None, why=w.blocker() or w.OPEN)
                for w in obtain.WAYS
            ),
        )


def cache_dir() -> Path:
    """Where built tools are kept, outside of any checkout."""
    if given := os.environ.get("BYOC_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "byoc-infra"


def _teller(on_progress: Callable[[Progress], None] | None) -> obtain.Tell:
    started = time.monotonic()
    last = ("", started)

    def tell(text: str, lines: int = 0) -> None:
        nonlocal last
        now = time.monotonic()
        if on_progress and (text != last[0] or now - last[1] >= TOLD_EVERY_S):
            last = (text, now)
            on_progress(Progress(text=text, elapsed_s=now - started, lines=lines))

    return tell


def _obtained(tell: obtain.Tell) -> Toolchain:
    tried = [f"PATH: {_on_path()[1]}", f"cache: {_cached()[1]}"]
    for way in obtain.WAYS:
        reason = way.blocker()
        if reason is None:
            try:
                way.fill(_cli_cache(), tell)
            except obtain.NotObtainedError as failure:
                reason = str(failure)
            else:
                found, why = _cached()
                if found:
                    return Toolchain(path=found.path, version=found.version, how=way.NAME)
                reason = why
        tried.append(f"{way.NAME}: {reason}")
    raise ToolMissing(
        "pulumi",
        wanted=f"the Pulumi CLI {_text(MINIMUM)} or later",
        got="; ".join(tried),
        next_step="Install Pulumi, or Go with access to its module proxy, and run this again.",
    )


def _on_path() -> tuple[Toolchain | None, str]:
    path = shutil.which(PULUMI)
    if path is None:
        return None, "no pulumi on PATH"
    version = _version_of(Path(path))
    if version is None:
        return None, f"{path} does not tell its version"
    if version < MINIMUM:
        return None, f"{path} is {_text(version)}, older than {_text(MINIMUM)}"
    return Toolchain(path=Path(path), version=_text(version), how="PATH"), f"{path}"


def _cached() -> tuple[Toolchain | None, str]:
    folder = _cli_cache()
    found = sorted(
        (version, path)
        for path in folder.glob("v*/pulumi")
        if (version := parse_version(path.parent.name)) and os.access(path, os.X_OK)
    )
    if not found or found[-1][0] < MINIMUM:
        return None, f"nothing recent in {folder}"
    version, path = found[-1]
    return Toolchain(path=path, version=_text(version), how="cache"), f"{path}"


def _cli_cache() -> Path:
    return cache_dir() / "pulumi"


def _version_of(path: Path) -> Version | None:
    quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        said = subprocess.run(  # the path is the one that PATH names
            [path, "version"], capture_output=True, text=True, timeout=30, check=True, env=quiet
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_version(said.stdout)


def parse_version(text: str) -> Version | None:
    """`v3.250.0` (or a text that starts so) as numbers."""
    found = re.match(r"\s*v?(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _text(version: Version) -> str:
    return "v" + ".".join(str(part) for part in version)


@contextmanager
def _one_builder(tell: obtain.Tell) -> Iterator[None]:
    """Two builders at once would fill the same cache: the second waits for the first."""
    folder = _cli_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise ToolMissing(
            "BYOC_CACHE_DIR",
            wanted="a folder that can be written",
            got=f"{folder}: {error.strerror}",
            next_step="Set BYOC_CACHE_DIR to a folder of yours.",
        ) from error
    with lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                tell("another process is getting the Pulumi CLI: waiting for it")
                time.sleep(1)
        yield
