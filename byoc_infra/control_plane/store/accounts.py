"""Connections to customers' accounts in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import AccountRow

__all__ = ["Accounts"]


class Accounts(Noun[AccountRow]):
    """Rows of `accounts`."""

    row = AccountRow
    what = "account"

    def get(self, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool = False) -> AccountRow:
        """One of the tenant's connections."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def of_tenant(
        self, tenant_id: uuid.UUID, *, limit: int, offset: int, status: str | None = None
    ) -> Sequence[AccountRow]:
        """The tenant's connections, oldest first; deleted ones only when asked for by status."""
        asked = sa.select(AccountRow).where(AccountRow.tenant_id == tenant_id)
        if status is None:
            asked = asked.where(AccountRow.deleted_at.is_(None))
        else:
            asked = asked.where(AccountRow.status == status)
        asked = asked.order_by(AccountRow.created_at, AccountRow.id)
        return self._session.scalars(asked.limit(limit).offset(offset)).all()
