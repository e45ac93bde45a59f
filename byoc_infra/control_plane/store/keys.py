"""API keys in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import ApiKeyRow

__all__ = ["Keys"]


class Keys(Noun[ApiKeyRow]):
    """Rows of `api_keys`."""

    row = ApiKeyRow
    what = "key"

    def by_prefix(self, prefix: str) -> ApiKeyRow | None:
        """The key whose public part this is, whatever has become of it."""
        return self._session.scalars(
            sa.select(ApiKeyRow).where(ApiKeyRow.prefix == prefix)
        ).one_or_none()

    def get(self, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool = False) -> ApiKeyRow:
        """One of the tenant's keys."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def of_tenant(self, tenant_id: uuid.UUID, *, limit: int, offset: int) -> Sequence[ApiKeyRow]:
        """The tenant's keys, oldest first."""
        return self._session.scalars(
            sa.select(ApiKeyRow)
            .where(ApiKeyRow.tenant_id == tenant_id)
            .order_by(ApiKeyRow.created_at, ApiKeyRow.id)
            .limit(limit)
            .offset(offset)
        ).all()

    def usable_admins(self, tenant_id: uuid.UUID) -> set[uuid.UUID]:
        """The keys that may make other keys, not revoked and not expired."""
        return set(
            self._session.scalars(
                sa.select(ApiKeyRow.id).where(
                    ApiKeyRow.tenant_id == tenant_id,
                    ApiKeyRow.scope == "admin",
                    ApiKeyRow.revoked_at.is_(None),
                    sa.or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > sa.func.now()),
                )
            )
        )
