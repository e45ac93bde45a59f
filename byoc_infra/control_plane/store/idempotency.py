"""Requests that may come again, in the store."""

import uuid
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import IdempotencyRow

__all__ = ["Idempotency"]


class Idempotency(Noun[IdempotencyRow]):
    """Rows of `idempotency_keys`."""

    row = IdempotencyRow
    what = "request"

    def first(self, row: IdempotencyRow) -> bool:
        """Insert the row; false where the tenant's key is there already."""
        made = insert(IdempotencyRow).values(
            tenant_id=row.tenant_id,
            key=row.key,
            request_hmac=row.request_hmac,
            seed=row.seed,
            claim=row.claim,
            headers={},
        )
        made = made.on_conflict_do_nothing()
        return bool(self._session.scalars(made.returning(IdempotencyRow.key)).all())

    def locked(self, tenant_id: uuid.UUID, key: str) -> IdempotencyRow | None:
        """The row, held until the transaction ends."""
        return self._session.get(
            IdempotencyRow, (tenant_id, key), with_for_update=True, populate_existing=True
        )

    def older_than(self, row: IdempotencyRow, age: timedelta) -> bool:
        """Whether the row's claim is that old, by the database's clock."""
        return bool(self._session.scalar(sa.select(sa.func.now() - age > row.claimed_at)))

    def take_over(self, row: IdempotencyRow, claim: uuid.UUID) -> None:
        """The request is answered by another process from now on."""
        row.claim = claim
        row.claimed_at = sa.func.now()
        self._session.flush()

    def release(self, tenant_id: uuid.UUID, key: str, claim: uuid.UUID) -> None:
        """The request failed and left nothing: it may come again."""
        self._session.execute(
            sa.delete(IdempotencyRow).where(
                IdempotencyRow.tenant_id == tenant_id,
                IdempotencyRow.key == key,
                IdempotencyRow.claim == claim,
                IdempotencyRow.status_code.is_(None),
            )
        )

    def drop_older_than(self, age: timedelta, *, limit: int = 100) -> None:
        """Forget some of the keys that are that old."""
        old = (
            sa.select(IdempotencyRow.tenant_id, IdempotencyRow.key)
            .where(IdempotencyRow.created_at < sa.func.now() - age)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        self._session.execute(
            sa.delete(IdempotencyRow).where(
                sa.tuple_(IdempotencyRow.tenant_id, IdempotencyRow.key).in_(old)
            )
        )
