"""Connections to customers' accounts in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import AccountRow, DeploymentRow, OperationRow

__all__ = ["Accounts"]


class Accounts(Noun[AccountRow]):
    """Rows of `accounts`; a deleted one is only there for who asks for that status."""

    row = AccountRow
    what = "account"

    def get(self, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool = False) -> AccountRow:
        """One of the tenant's connections."""
        return self._of_tenant(tenant_id, id_, lock=lock)

    def by_id(self, id_: uuid.UUID) -> AccountRow | None:
        """A connection of whomever: for work that goes on for all tenants."""
        return self._session.get(AccountRow, id_)

    def usable(self, tenant_id: uuid.UUID, *, limit: int = 10) -> Sequence[AccountRow]:
        """The tenant's active connections, oldest first."""
        return self.of_tenant(tenant_id, limit=limit, offset=0, status="active")

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

    def disconnect(self, account: AccountRow, cause: str) -> None:
        """Its role lets us in no more, or still not."""
        account.status = "disconnected"
        account.status_message = cause
        account.checked_at = sa.func.now()

    def reconnect(self, account: AccountRow) -> None:
        """Its role lets us in again."""
        account.status = "active"
        account.status_message = ""
        account.checked_at = sa.func.now()

    def claim_to_probe(self, *, soonest_s: float, latest_s: float) -> Sequence[AccountRow]:
        """Disconnected ones whose role may be tried again, by the caller alone. While operations
        wait, the time between two tries is as long as they had waited by the first of both, within
        the limits; while none does it is the longest.
        """
        waiting = (
            sa.select(OperationRow.account_id, sa.func.min(OperationRow.updated_at).label("since"))
            .where(OperationRow.status == "WAITING")
            .group_by(OperationRow.account_id)
            .subquery()
        )
        longest = _seconds(latest_s)
        waited = sa.func.coalesce(AccountRow.checked_at - waiting.c.since, longest)
        pause = sa.func.least(sa.func.greatest(waited, _seconds(soonest_s)), longest)
        due = sa.or_(AccountRow.checked_at.is_(None), AccountRow.checked_at + pause < sa.func.now())
        claimed = self._session.scalars(
            sa.select(AccountRow)
            .outerjoin(waiting, waiting.c.account_id == AccountRow.id)
            .where(AccountRow.status == "disconnected", due)
            .order_by(AccountRow.id)
            .with_for_update(of=AccountRow, skip_locked=True)
        ).all()
        for account in claimed:
            account.checked_at = sa.func.now()
        return claimed

    def with_waiting(self) -> Sequence[AccountRow]:
        """Active ones for which operations still wait."""
        waiting = sa.select(OperationRow.account_id).where(OperationRow.status == "WAITING")
        return self._session.scalars(
            sa.select(AccountRow)
            .where(AccountRow.status == "active", AccountRow.id.in_(waiting))
            .order_by(AccountRow.id)
        ).all()

    def named(self, tenant_id: uuid.UUID, name: str) -> AccountRow | None:
        """The tenant's connection of that name."""
        return self._session.scalars(
            sa.select(AccountRow).where(
                AccountRow.tenant_id == tenant_id,
                AccountRow.name == name,
                AccountRow.deleted_at.is_(None),
            )
        ).one_or_none()

    def proven(self, role_arn: str) -> Sequence[AccountRow]:
        """Connections of whomever that have proven the role."""
        return self._session.scalars(
            sa.select(AccountRow).where(
                AccountRow.role_arn == role_arn,
                AccountRow.status.in_(("active", "disconnected")),
            )
        ).all()

    def lock_role(self, role_arn: str) -> None:
        """Hold back others who are about to take the role into use, until the transaction ends."""
        key = sa.func.hashtextextended(f"byoc.role/{role_arn}", 0)
        self._session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    def deployments(self, account_id: uuid.UUID) -> int:
        """How many there are in the account."""
        return (
            self._session.scalar(
                sa.select(sa.func.count())
                .select_from(DeploymentRow)
                .where(DeploymentRow.account_id == account_id, DeploymentRow.deleted_at.is_(None))
            )
            or 0
        )

    def _find(
        self, tenant_id: uuid.UUID, id_: uuid.UUID | str, *, lock: bool = False
    ) -> AccountRow | None:
        found = super()._find(tenant_id, id_, lock=lock)
        return None if found is None or found.deleted_at is not None else found


def _seconds(seconds: float) -> sa.ColumnElement[object]:
    return sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
