"""The store: PostgreSQL through SQLAlchemy. Only here is SQL spoken."""

from byoc_infra.control_plane.store.database import Store, Transaction

__all__ = ["Store", "Transaction"]
