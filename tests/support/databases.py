"""Fresh databases on one PostgreSQL server: emptied ones, or copies of a migrated template."""

import fcntl
import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import sqlalchemy as sa
from psycopg import sql

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.workflows import schema

__all__ = ["Databases", "held_directory", "postmaster"]

TEMPLATE = "migrated"
TABLES = """
SELECT schemaname, tablename FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
AND tablename NOT IN ('alembic_version', 'dbos_migrations')
"""
"""Those that hold something of a test."""


class Databases:
    """A server on which the role of `url` may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._made = False
        self._idle: list[str] = []
        """Migrated and empty: a copy costs a hundred times what emptying one does."""
        self._stores: dict[str, Store] = {}
        self._backends: dict[str, set[int]] = {}
        self._doors: dict[str, psycopg.Connection] = {}
        """Connections for emptying, by database; a new one takes longer than that."""

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """A database of its own, whoever still uses it is cut off at the end; its address."""
        name = self._idle.pop() if migrated and self._idle else self._made_new(migrated=migrated)
        try:
            yield self._address(name)
        finally:
            if migrated:
                self._empty(name)
                self._idle.append(name)
            else:
                self._drop(name)

    def store(self, url: str) -> Store:
        """The store on a migrated one. It stays open: each new one composes all statements anew."""
        if url not in self._stores:
            store, self._backends[url] = Store(url), set[int]()
            note = self._backends[url].add
            sa.event.listen(store.engine, "connect", lambda made, _: note(made.info.backend_pid))
            self._stores[url] = store
        return self._stores[url]

    def close(self) -> None:
        """Close what was kept open."""
        for store in self._stores.values():
            store.close()
        for door in self._doors.values():
            door.close()

    def _made_new(self, *, migrated: bool) -> str:
        if migrated and not self._made:
            self._make_template()
        name = f"test{next(self._numbers)}"
        self._create(name, TEMPLATE if migrated else "template0")
        return name

    def _empty(self, name: str) -> None:
        """Delete every row in one statement, at whose end foreign keys are looked at."""
        connection = self._door(name)
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database()"
            " AND usename = current_user"  # a vacuum is not ours to end
            " AND pid <> pg_backend_pid() AND pid <> ALL(%s)",
            [self._at_rest(self._address(name))],
        )
        tables = connection.execute(TABLES).fetchall()
        deletions = [
            sql.SQL("{} AS (DELETE FROM {})").format(
                sql.Identifier(f"_{number}"), sql.Identifier(*table)
            )
            for number, table in enumerate(tables)
        ]
        connection.execute("ALTER TABLE byoc.audit DISABLE TRIGGER USER")  # refuses deletions
        connection.execute(sql.SQL("WITH {} SELECT").format(sql.SQL(", ").join(deletions)))
        connection.execute("ALTER TABLE byoc.audit ENABLE TRIGGER USER")

    def _door(self, name: str) -> psycopg.Connection:
        """A connection to the database: the one that is kept, if no test has cut it off."""
        try:
            self._doors[name].execute("SELECT")
        except (KeyError, psycopg.OperationalError):
            self._doors[name] = psycopg.connect(self._address(name), autocommit=True)
        return self._doors[name]

    def _at_rest(self, url: str) -> list[int]:
        """The backends of the store that is kept; of one that is still in use, none is."""
        if url in self._stores and self._stores[url].engine.pool.checkedout():  # type: ignore[attr-defined]  # of QueuePool
            self._stores.pop(url).close()
            self._backends.pop(url)
        return list(self._backends.get(url, ()))

    def _drop(self, name: str) -> None:
        with self._connection() as connection:
            connection.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def _make_template(self) -> None:
        self._create(TEMPLATE, "template0")
        migrating = Store(self._address(TEMPLATE))
        migrating.migrate()
        migrating.close()
        schema.migrate(self._address(TEMPLATE))
        self._made = True

    def _create(self, name: str, template: str) -> None:
        with self._connection() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.url, autocommit=True)

    def _address(self, name: str) -> str:
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)


def postmaster(place: Path) -> psutil.Process | None:
    """The process of the embedded server that runs in a directory."""
    try:
        found = psutil.Process(int((place / "data" / "postmaster.pid").read_text().split()[0]))
        return None if found.status() == psutil.STATUS_ZOMBIE else found
    except (OSError, psutil.NoSuchProcess):
        return None


@contextmanager
def held_directory(prefix: str) -> Iterator[Path]:
    """A directory for embedded servers within the block.

    Such servers outlive whoever started them: those of a process that was killed are ended here,
    by the next that asks. A lock that dies with its process tells which directories are in use.
    """
    temporary = Path(tempfile.gettempdir())
    for left in temporary.glob(f"{prefix}*"):
        _end_if_left(left)
    made = Path(tempfile.mkdtemp(prefix=f"new-{prefix}"))
    made.chmod(0o711)
    lock = os.open(made / "held", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    place = made.rename(temporary / made.name.removeprefix("new-"))
    try:
        yield place
    finally:
        shutil.rmtree(place)
        os.close(lock)


def _end_if_left(place: Path) -> None:
    try:
        lock = os.open(place / "held", os.O_RDWR)
    except OSError:  # not one of ours, or just being removed
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        for one in place.iterdir():
            server = postmaster(one)
            if server is not None:
                server.send_signal(signal.SIGQUIT)  # its own processes get it from there
                psutil.wait_procs([server], timeout=10)
        shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(lock)
