"""Fresh databases on one PostgreSQL server, copied from a template that is migrated once."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa
from psycopg import sql

from byoc_infra.control_plane.store import Store
from byoc_infra.control_plane.workflows import schema

__all__ = ["Databases"]

TEMPLATE = "migrated"


class Databases:
    """A server on which the role of `url` may create databases."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = itertools.count(1)
        self._made = False

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """A database of its own, dropped at the end whoever still uses it; its address."""
        if migrated and not self._made:
            self._make_template()
        name = f"test{next(self._numbers)}"
        self._create(name, TEMPLATE if migrated else "template0")
        try:
            yield self._address(name)
        finally:
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
