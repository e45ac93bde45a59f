"""The store: its schema, and what every noun does the same way."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError

from byoc_infra.control_plane.store import Store, _migrating
from byoc_infra.control_plane.store.database import MIGRATIONS, newest_migration
from byoc_infra.control_plane.store.tables import Base, TenantRow
from byoc_infra.errors import DatabaseUnreachable, NotFound, SpecError
from tests.support.databases import Databases


def differences(store: Store) -> list[object]:
    """What Alembic would still change to come from the database to `tables.py`."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == "byoc",
                "include_object": lambda _, name, kind, *__: (
                    (kind, name) != ("table", "alembic_version")
                ),
                "compare_type": True,
                "compare_server_default": False,
                "version_table_schema": "byoc",
            },
        )
        return list(compare_metadata(context, Base.metadata))


def test_the_migrations_make_what_the_tables_say(store: Store) -> None:
    """Else a new installation and the code would not agree."""
    assert differences(store) == []


def test_a_difference_between_migrations_and_tables_is_found(store: Store) -> None:
    """The test above can fail."""
    with store.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE byoc.tenants ADD COLUMN colour text"))
        connection.execute(sa.text("DROP INDEX byoc.events_operation_id_seq_ix"))
    found = differences(store)
    with store.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE byoc.tenants DROP COLUMN colour"))
        connection.execute(
            sa.text("CREATE INDEX events_operation_id_seq_ix ON byoc.events (operation_id, seq)")
        )

    assert len(found) == 2


def test_partial_and_unique_indexes_are_those_of_the_tables(store: Store) -> None:
    """Alembic does not compare what an index leaves out."""
    asked = sa.text(
        "SELECT indexname, indexdef LIKE 'CREATE UNIQUE%', indexdef LIKE '% WHERE %'"
        " FROM pg_indexes WHERE schemaname = 'byoc' AND tablename <> 'alembic_version'"
        " AND indexname NOT LIKE '%_pkey'"
    )
    with store.engine.connect() as connection:
        there = {name: (unique, partial) for name, unique, partial in connection.execute(asked)}
    declared = {
        str(index.name): (
            bool(index.unique),
            index.dialect_options["postgresql"]["where"] is not None,
        )
        for table in Base.metadata.tables.values()
        for index in table.indexes
    }

    assert {name: there[name] for name in declared} == declared


def test_many_processes_may_migrate_at_once(databases: Databases) -> None:
    """Every server and worker does it when it starts."""
    with databases.fresh(migrated=False) as url:
        stores = [Store(url, pool_size=1) for _ in range(4)]
        assert not stores[0].is_current()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Store.migrate, stores))

        assert differences(stores[0]) == []
        assert stores[0].is_current()

        for one in stores:
            one.close()


def test_the_newest_migration_is_the_one_that_alembic_ends_with() -> None:
    """A file's name says its version, so that a start need not load Alembic to know."""
    assert newest_migration() == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_an_older_schema_is_not_current_and_is_migrated(databases: Databases) -> None:
    """Alembic is loaded just for that."""
    with databases.fresh(migrated=False) as url:
        store = Store(url)
        store.migrate()
        with store.engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE pulumi_state"))
            connection.execute(sa.text("DROP FUNCTION byoc.fence_states"))
            connection.execute(sa.text("UPDATE byoc.alembic_version SET version_num = '0001'"))
        was_current = store.is_current()
        store.migrate()

        assert not was_current
        assert store.is_current()
        assert differences(store) == []
        store.close()


def test_the_schema_of_a_later_release_is_refused(databases: Databases) -> None:
    """With words, and without touching it."""
    with databases.fresh(migrated=False) as url, closing(Store(url)) as store:
        store.migrate()
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE byoc.alembic_version SET version_num = '9999'"))
        with pytest.raises(SpecError, match="9999, of a later one"):
            store.migrate()


def test_a_migration_does_not_wait_for_ever(databases: Databases) -> None:
    """An engine stopped at a write holds the table; nothing is changed, and later it works."""
    with databases.fresh(migrated=False) as url, closing(Store(url)) as store:
        store.migrate()
        with store.engine.begin() as connection:
            connection.execute(sa.text("DROP FUNCTION byoc.fence_states CASCADE"))
            connection.execute(sa.text("UPDATE byoc.alembic_version SET version_num = '0001'"))
        with store.engine.begin() as holder:
            holder.execute(sa.text("LOCK TABLE pulumi_state IN ROW EXCLUSIVE MODE"))
            with pytest.raises(DatabaseUnreachable, match="another session holds one"):
                _migrating.upgrade(store.engine, MIGRATIONS, lock_s=0.2)
        was_current = store.is_current()
        store.migrate()

        assert not was_current
        assert store.is_current()


def test_rows_stay_readable_after_their_transaction(store: Store) -> None:
    """Load, work, apply: the work is done outside."""
    with store.begin() as tx:
        row = tx.tenants.add(TenantRow(name="acme"))

    assert row.name == "acme"
    assert row.deployment_limit == 100
    with store.begin() as tx:
        assert tx.tenants.get(row.id).name == "acme"


def test_an_exception_takes_back_the_whole_transaction(store: Store) -> None:
    """All of it or nothing."""

    def twice() -> None:
        with store.begin() as tx:
            tx.tenants.add(TenantRow(name="acme"))
            tx.tenants.add(TenantRow(name="acme"))

    with pytest.raises(IntegrityError):
        twice()
    with store.begin() as tx:
        assert tx.tenants.all() == []


@pytest.mark.parametrize("noun", ["accounts", "deployments", "revisions", "operations", "keys"])
def test_an_unknown_id_is_not_found(store: Store, noun: str) -> None:
    """Whatever it belongs to."""
    unknown = "op-0123456789abcdef" if noun == "operations" else uuid.uuid4()

    with store.begin() as tx, pytest.raises(NotFound):
        getattr(tx, noun).get(uuid.uuid4(), unknown)
