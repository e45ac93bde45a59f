"""Who did what, in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import AuditRow

__all__ = ["Audit"]


class Audit(Noun[AuditRow]):
    """Rows of `audit`."""

    row = AuditRow
    what = "entry"

    def of_tenant(
        self, tenant_id: uuid.UUID, *, limit: int, offset: int, object_id: str | None = None
    ) -> Sequence[AuditRow]:
        """The tenant's entries, newest first; of one object, if one is named."""
        asked = sa.select(AuditRow).where(AuditRow.tenant_id == tenant_id)
        if object_id is not None:
            asked = asked.where(AuditRow.object_id == object_id)
        return self._session.scalars(
            asked.order_by(AuditRow.seq.desc()).limit(limit).offset(offset)
        ).all()
