"""What every noun of the store does the same way."""

import uuid
from typing import ClassVar, Generic, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from byoc_infra.control_plane.store.tables import Base
from byoc_infra.errors import NotFound

__all__ = ["Noun", "missing"]

Row = TypeVar("Row", bound=Base)


class Noun(Generic[Row]):
    """Rows of one table. Every read of a tenant's rows names the tenant: a foreign id is not
    there.
    """

    row: ClassVar[type[Base]]
    what: ClassVar[str]
    """In the errors."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Row) -> Row:
        """Insert the row now, so that what the database refuses is refused here."""
        self._session.add(row)
        self._session.flush()
        return row

    def _of_tenant(self, tenant_id: uuid.UUID, id_: uuid.UUID | str, *, lock: bool = False) -> Row:
        found = self._find(tenant_id, id_, lock=lock)
        if found is None:
            raise missing(self.what, id_)
        return found

    def _find(
        self, tenant_id: uuid.UUID, id_: uuid.UUID | str, *, lock: bool = False
    ) -> Row | None:
        table = self.row.__table__
        asked = sa.select(self.row).where(table.c.tenant_id == tenant_id, table.c.id == id_)
        if lock:
            asked = asked.with_for_update()
        return cast("Row | None", self._session.scalars(asked).one_or_none())


def missing(what: str, id_: object) -> NotFound:
    """The refusal of an id that is not there, or not this tenant's, which reads the same."""
    return NotFound(
        what,
        wanted=f"the id of a {what} of this tenant",
        got=str(id_),
        next_step="List them, and take an id from there.",
    )
