"""One real PostgreSQL server in a directory of its own, with a password on every way in."""

import contextlib
import logging
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import psycopg
from psycopg import sql

from byoc_infra.local.postgres_files import make_files
from byoc_infra.local.world import World
from byoc_infra.postgres_install import (
    BUILDS,
    PLAIN_ENVIRONMENT,
    binaries,
    make_directory,
    other_user,
)

__all__ = ["ADMIN", "Postgres"]

ADMIN = "rdsadmin"
"""The role that AWS keeps for itself; here its password is known to the emulator only."""
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
SETTINGS = {
    "listen_addresses": "",  # clients come through the TLS front, and it uses the socket file
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory, so that none stays behind
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    # Safe against the death of any process, since commits are written; not of the machine.
    "fsync": "off",
    "full_page_writes": "off",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
log = logging.getLogger(__name__)


@dataclass
class Postgres:
    """A server whose files are in `directory` and whose socket file is in `socket_directory`."""

    world: World
    directory: Path
    socket_directory: Path
    version: str
    """What was asked for; the nearest build that is not older runs."""
    max_connections: int
    process: Popen[bytes] | None = None

    @property
    def build(self) -> int:
        """The major version that runs: of existing files theirs, or else the one asked for."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.data / "PG_VERSION").read_text())
        major = self.version.partition(".")[0]
        return min((one for one in BUILDS if major.isdigit() and one >= int(major)), default=18)

    @property
    def data(self) -> Path:
        """PostgreSQL's own directory."""
        return self.directory / "data"

    @property
    def socket_path(self) -> Path:
        """Where the server listens."""
        return self.socket_directory / ".s.PGSQL.5432"

    def create(self, *, user: str, password: str, database: str | None) -> None:
        """Make the files, start the server, and give `user` what RDS gives a master user."""
        shutil.rmtree(self.directory, ignore_errors=True)
        make_directory(self.directory)
        self._admin_file.touch(mode=0o600)
        programs = binaries(self.world.directory, self.build)
        self._admin_file.write_text(
            make_files(self.data, programs=programs, build=self.build, superuser=ADMIN)
        )
        self.start()
        self._take_over()
        self._make_master(user, password, database)

    def start(self) -> None:
        """Start the server on existing files and wait until it takes connections."""
        make_directory(self.socket_directory)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = {
            **SETTINGS,
            "max_connections": str(self.max_connections),
            "unix_socket_directories": str(self.socket_directory),
        }
        if self.build >= 18:
            options["io_method"] = "sync"  # no helper processes for what stays in memory
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.process = self.world.spawn(
            [
                str(binaries(self.world.directory, self.build) / "postgres"),
                "-D",
                str(self.data),
                *flags,
            ],
            env=PLAIN_ENVIRONMENT,
            cwd=self.directory,
            log=self.directory / "postgres.log",
            user=other_user(),
        )
        self._await_start()

    def stop(self) -> None:
        """End the server now; its clients are cut off."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self) -> None:
        """Stop it and leave no file."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    def set_password(self, user: str, password: str) -> None:
        """Change a role's password; the server sees only what SCRAM keeps of it."""
        with self._admin() as connection:
            verifier = connection.pgconn.encrypt_password(
                password.encode(), user.encode(), b"scram-sha-256"
            ).decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), verifier)
            )

    @property
    def _admin_file(self) -> Path:
        return self.directory / "admin.password"

    def _admin(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.socket_directory),
            port=5432,
            user=ADMIN,
            password=self._admin_file.read_text(),
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _await_start(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._admin().close()
            except psycopg.OperationalError:
                ended = self.process is None or self.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    tail = (self.directory / "postgres.log").read_text(errors="replace")[-500:]
                    raise RuntimeError(f"postgres did not start: {tail}") from None
                time.sleep(0.03)
            else:
                return

    def _take_over(self) -> None:
        """No other server has this one's superuser's password."""
        own = secrets.token_urlsafe(24)
        self.set_password(ADMIN, own)
        self._admin_file.write_text(own)

    def _make_master(self, user: str, password: str, database: str | None) -> None:
        name = sql.Identifier(user)
        with self._admin() as connection:
            connection.execute("CREATE ROLE rds_superuser NOLOGIN")
            connection.execute(
                "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser"
                " WITH ADMIN OPTION"
            )
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser").format(
                    name
                )
            )
            # As on RDS, the master user owns what clients may connect to.
            connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(name))
            if database and database != "postgres":
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), name)
                )
        self.set_password(user, password)
