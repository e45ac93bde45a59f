"""Alembic's entry: runs the migrations on the connection that `Store.migrate` holds."""

from alembic import context

from byoc_infra.control_plane.store.tables import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    version_table_schema="byoc",
    include_schemas=True,
    include_name=lambda name, kind, _: kind != "schema" or name == "byoc",
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
