"""Secrets that no revision has claimed yet, in the store."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import UnclaimedSecretRow

__all__ = ["UnclaimedSecrets"]


class UnclaimedSecrets(Noun[UnclaimedSecretRow]):
    """Rows of `unclaimed_secrets`."""

    row = UnclaimedSecretRow
    what = "secret"

    def announce(self, account_id: uuid.UUID, name: str) -> bool:
        """Say that the secret is about to be written; false if it is being deleted."""
        made = insert(UnclaimedSecretRow).values(account_id=account_id, name=name)
        made = made.on_conflict_do_update(
            index_elements=["account_id", "name"],
            set_={"created_at": sa.func.now()},
            where=UnclaimedSecretRow.doomed_at.is_(None),
        )
        return bool(self._session.scalars(made.returning(UnclaimedSecretRow.name)).all())

    def claim(self, account_id: uuid.UUID, name: str) -> bool:
        """The secret belongs to a revision now; false if it is being deleted."""
        return self._gone(account_id, name, UnclaimedSecretRow.doomed_at.is_(None))

    def doom_one(self, account_id: uuid.UUID, name: str) -> bool:
        """Nobody will claim it any more; false if it has been claimed."""
        row = self._session.get(UnclaimedSecretRow, (account_id, name), with_for_update=True)
        if row is not None:
            row.doomed_at = sa.func.now()
            self._session.flush()
        return row is not None

    def doom(self, *, older_than: timedelta, limit: int = 100) -> Sequence[UnclaimedSecretRow]:
        """Those that nobody will claim any more, of all accounts; they are to be deleted."""
        left = sa.select(UnclaimedSecretRow).where(
            UnclaimedSecretRow.created_at < sa.func.now() - older_than
        )
        rows = self._session.scalars(left.limit(limit).with_for_update(skip_locked=True)).all()
        for row in rows:
            row.doomed_at = sa.func.now()
        self._session.flush()
        return rows

    def forget(self, account_id: uuid.UUID, name: str) -> None:
        """The secret is gone."""
        self._gone(account_id, name)

    def _gone(self, account_id: uuid.UUID, name: str, *only: sa.ColumnElement[bool]) -> bool:
        taken = sa.delete(UnclaimedSecretRow).where(
            UnclaimedSecretRow.account_id == account_id, UnclaimedSecretRow.name == name, *only
        )
        return bool(self._session.scalars(taken.returning(UnclaimedSecretRow.name)).all())
