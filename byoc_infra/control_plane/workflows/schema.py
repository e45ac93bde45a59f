"""DBOS's own tables, in the schema `dbos` of the store's database."""

from dbos import DBOS

__all__ = ["migrate"]


def migrate(url: str) -> None:
    """Bring them up to date; safe to call at every start, from many processes."""
    DBOS.migrate(url)
