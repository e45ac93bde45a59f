"""Runs the migrations; apart from the store, since few processes have any to run."""

from pathlib import Path

import psycopg
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from byoc_infra.errors import DatabaseUnreachable, SpecError

__all__ = ["upgrade"]

LOCK_S = 30
"""An engine that is stopped within a transaction may hold a table for longer than anybody waits."""


def upgrade(engine: sa.Engine, migrations: Path, *, lock_s: float = LOCK_S) -> None:
    """Bring the schema up to date, one process after the other, and all of it or nothing.

    Raises `SpecError` where a newer release has made the schema, and `DatabaseUnreachable` where
    somebody holds one of the tables.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations))
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('byoc.migrate'))"))
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{lock_s * 1000:.0f}ms'"))
            connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS byoc"))
            _refuse_newer(connection, ScriptDirectory.from_config(config))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except sa.exc.OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        raise DatabaseUnreachable(
            "database",
            wanted=f"every table of the control plane within {lock_s:g} s, to migrate it",
            got="another session holds one",
            next_step="Look for it in pg_stat_activity; nothing was changed: start again.",
        ) from error


def _refuse_newer(connection: sa.Connection, known: ScriptDirectory) -> None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "byoc"})
    found = context.get_current_revision()
    if found is not None and found not in {one.revision for one in known.walk_revisions()}:
        raise SpecError(
            "BYOC_DATABASE_URL",
            wanted=f"a schema of this release, {known.get_current_head()}, or of an earlier one",
            got=f"{found}, of a later one",
            next_step="Run the release that migrated it, or restore the backup from before.",
        )
