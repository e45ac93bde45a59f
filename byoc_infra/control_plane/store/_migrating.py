"""Runs the migrations; apart from the store, since few processes have any to run."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

__all__ = ["upgrade"]


def upgrade(engine: sa.Engine, migrations: Path) -> None:
    """Bring the schema up to date, one process after the other."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('byoc.migrate'))"))
        connection.execute(sa.text("CREATE SCHEMA IF NOT EXISTS byoc"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
