"""Which local clouds there are on this machine: their names, directories and networks.

A local cloud is a directory. Its network N, out of 127.N.0.0/16, is chosen once, under a lock that
all local clouds of one user share, and written into the directory.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from byoc_infra.errors import AddressTaken, SpecError
from byoc_infra.local.world import CUSTOMER_ACCOUNT, VENDOR_ACCOUNT
from byoc_infra.postgres_install import reachable

__all__ = ["ENDPOINT_PORT", "NAME_VARIABLE", "Instance", "LocalAccount", "instance_name"]

NAME_VARIABLE = "BYOC_LOCAL_NAME"
"""Overrides the name that is made from the working directory."""
ENDPOINT_PORT = 4566
NETWORKS = range(16, 250)
"""Low ones are left to what a machine's owner may have given 127.0/16 … 127.15/16 to."""
OPEN_PLACES = ("/tmp", "/var/tmp")  # noqa: S108 - what is made there is checked for its owner
"""Where root's local clouds are when TMPDIR is closed to others."""
SOCKET_PATH_LIMIT = 107
"""`sun_path` of unix(7), without its closing zero."""


@dataclass(frozen=True)
class LocalAccount:
    """One emulated AWS account and the access key of its user."""

    id: str
    access_key_id: str
    secret_access_key: str
    principal_arn: str


def instance_name(env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """The name of this directory's local cloud, so that two clones never share one."""
    given = (os.environ if env is None else env).get(NAME_VARIABLE)
    if given:
        return checked_name(given)
    place = (cwd or Path.cwd()).resolve()
    base = re.sub(r"[^a-z0-9]+", "-", place.name.lower()).strip("-")[:31] or "byoc"
    return f"{base}-{hashlib.sha256(str(place).encode()).hexdigest()[:8]}"


def checked_name(name: str) -> str:
    """`name`, or the error that says which names work."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
        raise SpecError(
            "name",
            wanted="1 to 40 of a-z, 0-9 and '-'",
            got=repr(name),
            next_step=f"Give another name, or unset {NAME_VARIABLE}.",
        )
    return name


@dataclass(frozen=True)
class Instance:
    """What `instance.json` holds: all that the emulator and its callers must agree on."""

    name: str
    network: int
    region: str
    max_session_s: float | None
    passphrase: str
    """For Pulumi's secrets in this cloud's state backend."""
    customer: LocalAccount
    vendor: LocalAccount
    vendor_admin: LocalAccount

    @property
    def directory(self) -> Path:
        """Everything of this local cloud is in here."""
        return directory_of(self.name)

    @property
    def address(self) -> str:
        """Where the AWS API listens."""
        return f"127.{self.network}.0.1"

    @property
    def endpoint(self) -> str:
        """For `AWS_ENDPOINT_URL`."""
        return f"http://{self.address}:{ENDPOINT_PORT}"

    @classmethod
    def load(cls, directory: Path) -> "Instance | None":
        """The instance whose directory this is, if it is one."""
        try:
            fields: dict[str, Any] = json.loads((directory / "instance.json").read_text())
        except (OSError, ValueError):
            return None
        for who in ("customer", "vendor", "vendor_admin"):
            fields[who] = LocalAccount(**fields[who])
        return cls(**fields)

    @classmethod
    def claim(cls, name: str, *, region: str, max_session_s: float | None) -> "Instance":
        """The instance of this name; a new one gets a network that nobody else has."""
        directory = directory_of(checked_name(name))
        if len(str(directory / "control.sock")) > SOCKET_PATH_LIMIT:
            raise SpecError(
                "TMPDIR",
                wanted=f"a path that leaves {SOCKET_PATH_LIMIT} characters for control.sock",
                got=str(_home().parent),
                next_step="Set TMPDIR to a shorter path.",
            )
        with _register():
            found = cls.load(directory)
            if found is not None:
                return found
            phrase = secrets.token_urlsafe(24)
            made = cls(name, _free_network(directory), region, max_session_s, phrase, *_accounts())
            _make_directory(directory)
            _write(directory / "instance.json", json.dumps(asdict(made), indent=1))
            return made

    def release(self) -> None:
        """Remove the directory, and the shared one once nobody is left in it."""
        forget(self.directory)


def directory_of(name: str) -> Path:
    """Where the local cloud of this name lives, whether it exists or not."""
    return _home() / name


def forget(directory: Path) -> None:
    """Remove an instance's directory; done twice it does nothing."""
    with _register():
        shutil.rmtree(directory, ignore_errors=True)
        if all(entry.name == "networks.lock" for entry in _home().iterdir()):
            (_home() / "networks.lock").unlink(missing_ok=True)
            with suppress(OSError):
                _home().rmdir()


def _home() -> Path:
    """In TMPDIR, or where that is closed to PostgreSQL's user, in the first place that is not.

    Under root PostgreSQL runs as somebody else, whom a TMPDIR of root's own keeps out.
    """
    asked = tempfile.gettempdir()
    for place in (asked, *OPEN_PLACES):
        if reachable(Path(place)):
            return Path(place) / f"byoc-{os.getuid()}"
    raise SpecError(
        "TMPDIR",
        wanted="a directory that every user may pass through: PostgreSQL never runs as root",
        got=asked,
        next_step=f"Set TMPDIR to another one, or `chmod o+x` {asked} and what is above it.",
    )


def _make_directory(directory: Path) -> None:
    # PostgreSQL refuses to run as root, so under root it runs as somebody else, who must be able
    # to pass through here to its own data directory.
    mode = 0o711 if os.getuid() == 0 else 0o700
    directory.mkdir(exist_ok=True)
    directory.chmod(mode)
    _home().chmod(mode)


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(text)
    beside.replace(path)


@contextmanager
def _register() -> Iterator[None]:
    """Hold the lock under which instances of this user come and go."""
    while True:
        _home().mkdir(mode=0o711, exist_ok=True)
        if _home().stat().st_uid != os.getuid():
            raise SpecError(
                "TMPDIR",
                wanted=f"{_home()} owned by this user",
                got=f"owner {_home().stat().st_uid}",
                next_step="Remove it or set TMPDIR.",
            )
        path = _home() / "networks.lock"
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            continue  # the last instance left between the two lines above
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _same_file(handle, path):
                yield
                return
        finally:
            os.close(handle)


def _same_file(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _free_network(directory: Path) -> int:
    """One that nobody has, each directory from another number on: those who start at the same time
    with another TMPDIR, or as another user, have a register of their own.
    """
    claimed = {found.network for one in _home().iterdir() if (found := Instance.load(one))}
    first = zlib.crc32(bytes(directory)) % len(NETWORKS)
    for place in range(len(NETWORKS)):
        network = NETWORKS[(first + place) % len(NETWORKS)]
        if network not in claimed and _can_bind(f"127.{network}.0.1"):
            return network
    raise AddressTaken(
        "network",
        wanted=f"a free 127.N.0.1:{ENDPOINT_PORT} with N from {NETWORKS[0]} to {NETWORKS[-1]}",
        got="all are taken",
        next_step="Stop a local cloud with `byoc local down`.",
    )


def _can_bind(address: str) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, ENDPOINT_PORT))
        except OSError:
            return False
        return True


def _accounts() -> tuple[LocalAccount, LocalAccount, LocalAccount]:
    return (
        _account(CUSTOMER_ACCOUNT, "admin"),
        _account(VENDOR_ACCOUNT, "control-plane"),
        _account(VENDOR_ACCOUNT, "admin"),
    )


def _account(account_id: str, user: str) -> LocalAccount:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return LocalAccount(
        id=account_id,
        access_key_id="AKIA" + "".join(secrets.choice(alphabet) for _ in range(16)),
        secret_access_key=secrets.token_urlsafe(30),
        principal_arn=f"arn:aws:iam::{account_id}:user/{user}",
    )
