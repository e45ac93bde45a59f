"""Operations in the store."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from byoc_infra.control_plane.store._base import Noun
from byoc_infra.control_plane.store.tables import OperationRow

__all__ = ["Operations"]

SUPERSEDING = ("QUEUED", "RUNNING", "WAITING", "AWAITING_APPROVAL", "SUCCEEDED")


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

    def is_superseded(self, operation: OperationRow) -> bool:
        """Whether a later operation brings the deployment to where this one need not go: a newer
        revision, or its deletion, that has not failed.
        """
        later = sa.tuple_(OperationRow.created_at, OperationRow.id) > sa.tuple_(
            sa.literal(operation.created_at), sa.literal(operation.id)
        )
        asked = sa.select(OperationRow.id).where(
            OperationRow.deployment_id == operation.deployment_id,
            OperationRow.kind.in_(("deploy", "delete")),
            OperationRow.status.in_(SUPERSEDING),
            later,
        )
        return self._session.scalars(asked.limit(1)).first() is not None

    def begun(self, operation: OperationRow) -> None:
        """It runs from now on."""
        operation.status = "RUNNING"
        if operation.started_at is None:
            operation.started_at = sa.func.now()

    def ended(self, operation: OperationRow, status: str) -> None:
        """It is over for good, with one of the terminal statuses."""
        operation.status = status
        operation.finished_at = sa.func.now()

    def untouched(self, *, for_s: float, after: str, limit: int) -> Sequence[OperationRow]:
        """Those of all tenants that some worker should run or be running, in whose rows nothing
        has happened for a while; by id, from the one after `after`.
        """
        since = sa.func.now() - sa.func.make_interval(0, 0, 0, 0, 0, 0, for_s)
        return self._session.scalars(
            sa.select(OperationRow)
            .where(
                OperationRow.finished_at.is_(None),
                OperationRow.status.in_(("QUEUED", "RUNNING")),
                OperationRow.updated_at < since,
                OperationRow.id > after,
            )
            .order_by(OperationRow.id)
            .limit(limit)
        ).all()

    def waiting_for(self, account_id: uuid.UUID) -> Sequence[OperationRow]:
        """Those that wait until the account can be reached, locked, oldest first."""
        return self._session.scalars(
            sa.select(OperationRow)
            .where(OperationRow.account_id == account_id, OperationRow.status == "WAITING")
            .order_by(OperationRow.created_at, OperationRow.id)
            .with_for_update()
        ).all()

    def of_tenant(
        self,
        tenant_id: uuid.UUID,
        *,
        limit: int,
        offset: int,
        deployment_id: uuid.UUID | None = None,
        kind: str | None = None,
        status: Sequence[str] = (),
    ) -> Sequence[OperationRow]:
        """The tenant's operations, newest first."""
        asked = sa.select(OperationRow).where(OperationRow.tenant_id == tenant_id)
        if deployment_id is not None:
            asked = asked.where(OperationRow.deployment_id == deployment_id)
        if kind is not None:
            asked = asked.where(OperationRow.kind == kind)
        if status:
            asked = asked.where(OperationRow.status.in_(status))
        asked = asked.order_by(OperationRow.created_at.desc(), OperationRow.id.desc())
        return self._session.scalars(asked.limit(limit).offset(offset)).all()

    def of_revision(self, tenant_id: uuid.UUID, revision_id: uuid.UUID) -> Sequence[OperationRow]:
        """What was done about a revision, oldest first."""
        return self._session.scalars(
            sa.select(OperationRow)
            .where(OperationRow.tenant_id == tenant_id, OperationRow.revision_id == revision_id)
            .order_by(OperationRow.created_at, OperationRow.id)
        ).all()

    def open_of(self, deployment_id: uuid.UUID, *, lock: bool = False) -> Sequence[OperationRow]:
        """What has not ended on a deployment, oldest first."""
        asked = sa.select(OperationRow).where(
            OperationRow.deployment_id == deployment_id, OperationRow.finished_at.is_(None)
        )
        if lock:
            asked = asked.with_for_update()
        return self._session.scalars(asked.order_by(OperationRow.created_at)).all()

    def last_deployed(self, deployment_id: uuid.UUID) -> OperationRow | None:
        """The operation that brought about what runs now."""
        return self._session.scalars(
            sa.select(OperationRow)
            .where(
                OperationRow.deployment_id == deployment_id,
                OperationRow.kind == "deploy",
                OperationRow.status == "SUCCEEDED",
            )
            .order_by(OperationRow.finished_at.desc())
            .limit(1)
        ).one_or_none()

    def cancel(self, operation: OperationRow) -> None:
        """Ask for it to stop; what is in flight may finish."""
        if operation.cancel_requested_at is None:
            operation.cancel_requested_at = sa.func.now()
            self._session.flush()
