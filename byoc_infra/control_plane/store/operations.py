"""Operations in the store."""

import uuid

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import OperationRow

__all__ = ["Operations"]


class Operations(Noun[OperationRow]):
    """Rows of `operations`."""

    row = OperationRow
    what = "operation"

    def get(self, tenant_id: uuid.UUID, id_: str, *, lock: bool = False) -> OperationRow:
        """One of the tenant's operations."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def by_id(self, id_: str, *, lock: bool = False) -> OperationRow | None:
        """An operation of whomever: for workflows, which act for all tenants."""
        return self._session.get(OperationRow, id_, with_for_update=lock)
