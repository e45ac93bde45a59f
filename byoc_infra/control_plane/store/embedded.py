"""A real PostgreSQL of the control plane's own, for those who bring none.

Its server outlives whoever started it: killed, the control plane finds it running and goes on with
it. Several processes of one machine may hold it at a time; the last to close it stops it.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from byoc_infra.errors import SpecError, ToolMissing
from byoc_infra.postgres_install import (
    BUILDS,
    PLAIN_ENVIRONMENT,
    as_other_user,
    binaries,
    initdb,
    make_directory,
    other_user,
    reachable,
)
from byoc_infra.redaction import hide

__all__ = ["Embedded"]

NEWEST = max(BUILDS)
DATABASE = "byoc"
OWNER = "byoc_owner"
"""The role that owns the database; no superuser. Not named as the schema `byoc`: that would become
its default one, and tools read a default schema's names in another way."""
SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 107
"""`sun_path` of unix(7), without its closing zero."""
START_TIMEOUT_S = 60.0
"""A server that was killed first replays its log."""
STOP_TIMEOUT_S = 20.0
PASSED_ON = ("BYOC_LOCAL_OWNER",)
"""The mark of a local cloud, which ends what carries it."""
SETTINGS = {
    "listen_addresses": "",  # nobody reaches it but through the socket file
    "max_connections": "200",
    "dynamic_shared_memory_type": "mmap",  # a container's /dev/shm may be small
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}
"""Safe against the death of any process, since commits are written; not of the machine."""


@dataclass
class Embedded:
    """The server whose files are in `directory`, which belongs to this user alone."""

    directory: Path
    durable: bool = True
    """Off, what was committed may be lost with the machine: for tests."""
    _held: int | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where the server takes connections, for libpq and whoever speaks its addresses."""
        password = self._password(OWNER)
        hide(password)
        return (
            f"postgresql://{OWNER}:{password}@/{DATABASE}?host={quote(str(self._sockets), safe='')}"
        )

    def open(self) -> str:
        """Start the server, or take up the one that runs; its address."""
        self._prepare()
        with self._locked("start.lock"):
            if self._held is None:
                self._held = _lock_file(self.directory / "users.lock")
                fcntl.flock(self._held, fcntl.LOCK_SH)
            self._ensure()
        return self.url

    def revive(self) -> bool:
        """Start the server again if it has died; whether it had."""
        if self._postmaster() is not None:
            return False
        with self._locked("start.lock"):
            return self._ensure()

    def close(self, *, patience_s: float = 0.0) -> None:
        """Let go of the server, and stop it if nobody else on this machine holds it.

        Whoever still works with it, such as a supervisor whose engine is stopping, gets up to
        `patience_s` to finish.
        """
        if self._held is None:
            return
        with self._locked("start.lock"):
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._await_departure(patience_s)
                self._stop()
            os.close(self._held)
            self._held = None

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _sockets(self) -> Path:
        return self.directory / "socket"

    @property
    def _log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def _build(self) -> int:
        """The major version: of existing files theirs."""
        written = self._data / "PG_VERSION"
        if not written.exists():
            return NEWEST
        build = int(written.read_text())
        if build not in BUILDS:
            raise ToolMissing(
                "postgres",
                wanted=f"the files of PostgreSQL {' or '.join(map(str, BUILDS))}",
                got=f"those of {build} in {self._data}",
                next_step="Run the release of byoc-infra that made them.",
            )
        return build

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.directory.stat().st_uid != os.getuid():
            raise self._unusable("a directory of this user", "one of somebody else")
        if other_user() is not None:
            self.directory.chmod(0o711)
        if not reachable(self.directory):
            raise self._unusable(
                "a directory open to its user: nobody, when root starts it",
                f"{self.directory}",
            )
        if len(os.fsencode(self._sockets / SOCKET)) > SOCKET_PATH_LIMIT:
            raise self._unusable("a short path: a socket file is inside", f"{self.directory}")

    def _unusable(self, wanted: str, got: str) -> SpecError:
        return SpecError(
            "BYOC_DATA_DIR",
            wanted=wanted,
            got=got,
            next_step="Set BYOC_DATA_DIR to another directory, or BYOC_DATABASE_URL to a server.",
        )

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        handle = _lock_file(self.directory / name)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _ensure(self) -> bool:
        """Have a server that takes connections; whether it had to be started."""
        running = self._postmaster()
        taken_up = running is not None and self._await_connections(running)
        if not taken_up:
            self._start()
        self._make_owner()
        return not taken_up

    def _start(self) -> None:
        if not self._data.exists():
            self._initdb()
        make_directory(self._sockets)
        if other_user() is not None:
            self.directory.chmod(0o711)
        options = {
            **SETTINGS,
            "unix_socket_directories": str(self._sockets),
            **({} if self.durable else FORGETFUL),
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        program = str(binaries(self.directory, self._build) / "postgres")
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            # Killed, its predecessor may have left processes that have not noticed yet.
            if self._await_connections(self._spawn([program, "-D", str(self._data), *flags])):
                return
            if time.monotonic() > deadline:
                raise self._did_not_start()
            time.sleep(0.2)

    def _spawn(self, command: list[str]) -> psutil.Process | None:
        """Start it as nobody's child, since it outlives us; None if it has ended already."""
        marks = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        with self._log.open("ab") as out:
            done = subprocess.run(
                ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh", *command],
                env={**PLAIN_ENVIRONMENT, **marks},
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                check=True,
                start_new_session=True,
                **as_other_user(),
            )
        try:
            return psutil.Process(int(done.stdout))
        except psutil.NoSuchProcess:
            return None

    def _await_connections(self, process: psutil.Process | None) -> bool:
        """Wait for a server that is starting; False if it has ended instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._as_superuser().close()
            except psycopg.OperationalError:
                if not _alive(process):
                    return False
                if time.monotonic() > deadline:
                    raise self._did_not_start() from None
                time.sleep(0.03)
            else:
                return True

    def _await_departure(self, patience_s: float) -> None:
        asked = "SELECT 1 FROM pg_stat_activity WHERE usename = %s"
        deadline = time.monotonic() + patience_s
        with suppress(psycopg.OperationalError):
            while time.monotonic() < deadline:
                with self._as_superuser() as connection:
                    if _row(connection, asked, OWNER) is None:
                        return
                time.sleep(0.1)

    def _did_not_start(self) -> ToolMissing:
        words = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        return ToolMissing(
            "postgres",
            wanted="a server that takes connections",
            got=" / ".join(words) or "nothing in its log",
            next_step=f"Look into {self._log}, or set BYOC_DATABASE_URL to another server.",
        )

    def _postmaster(self) -> psutil.Process | None:
        """The server's process, if it lives."""
        try:
            found = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
            ours = found.name() == "postgres" and found.cwd() == str(self._data.resolve())
            return found if ours and _alive(found) else None
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def _stop(self) -> None:
        found = self._postmaster()
        if found is None:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(psutil.NoSuchProcess):
                found.send_signal(number)
            deadline = time.monotonic() + STOP_TIMEOUT_S
            while _alive(found) and time.monotonic() < deadline:
                time.sleep(0.02)
            if not _alive(found):
                return

    def _password(self, role: str) -> str:
        path = self.directory / f"{role}.password"
        if not path.exists():
            beside = path.with_suffix(f".{os.getpid()}")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
                out.write(secrets.token_urlsafe(24))
            beside.rename(path)
        return path.read_text()

    def _initdb(self) -> None:
        making = self.directory / "data.new"
        shutil.rmtree(making, ignore_errors=True)  # what a killed one has left
        make_directory(making)
        initdb(
            making,
            programs=binaries(self.directory, NEWEST),
            superuser=SUPERUSER,
            password=self._password(SUPERUSER),
            durable=self.durable,
        )
        making.rename(self._data)

    def _as_superuser(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self._sockets),
            port=5432,
            user=SUPERUSER,
            password=self._password(SUPERUSER),
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _make_owner(self) -> None:
        """The role and its database; safe to do again after a kill in between."""
        with self._as_superuser() as connection:
            if _row(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", OWNER) is None:
                verifier = connection.pgconn.encrypt_password(
                    self._password(OWNER).encode(), OWNER.encode(), b"scram-sha-256"
                ).decode()
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(
                        sql.Identifier(OWNER), verifier
                    )
                )
            if _row(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE) is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(OWNER)
                    )
                )


def _row(connection: psycopg.Connection, asked: str, *values: str) -> object:
    return connection.execute(asked.encode(), values).fetchone()


def _lock_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _alive(process: psutil.Process | None) -> bool:
    try:
        # Who takes over orphans may be slow to bury them.
        return process is not None and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
