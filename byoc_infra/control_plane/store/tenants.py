"""Tenants in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun, missing
from byoc_infra.control_plane.store.tables import TenantRow

__all__ = ["Tenants"]

LOCK = "byoc.tenants"


class Tenants(Noun[TenantRow]):
    """Rows of `tenants`."""

    row = TenantRow
    what = "tenant"

    def get(self, id_: uuid.UUID, *, lock: bool = False) -> TenantRow:
        """The tenant; `lock` serialises what counts against its quota."""
        found = self._session.get(TenantRow, id_, with_for_update=lock)
        if found is None:
            raise missing(self.what, id_)
        return found

    def lock(self) -> None:
        """Until the transaction ends nobody else makes a tenant."""
        self._session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(LOCK))))

    def named(self, name: str) -> TenantRow | None:
        """The tenant of that name."""
        return self._session.scalars(
            sa.select(TenantRow).where(TenantRow.name == name)
        ).one_or_none()

    def all(self) -> Sequence[TenantRow]:
        """Every tenant, by name."""
        return self._session.scalars(sa.select(TenantRow).order_by(TenantRow.name)).all()
