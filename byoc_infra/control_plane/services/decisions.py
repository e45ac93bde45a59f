"""What one may decide about an operation that is there: cancel, approve, reject."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.services import audit
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store._base import missing
from byoc_infra.control_plane.store.tables import EventRow, OperationRow
from byoc_infra.control_plane.workflows import statuses
from byoc_infra.control_plane.workflows.queue import Enqueues
from byoc_infra.errors import Cancelled, Conflict

__all__ = ["Operations"]

IDLE = ("QUEUED", "WAITING", "AWAITING_APPROVAL")
"""Nobody works on such a one: it ends at once. A RUNNING one is told, and ends by itself."""


class Operations:
    """A tenant's operations."""

    def __init__(self, store: Store, queue: Enqueues) -> None:
        self._store = store
        self._queue = queue

    def get(self, caller: Caller, operation_id: str) -> OperationRow:
        """One of them."""
        with self._store.begin() as tx:
            return tx.operations.get(caller.tenant_id, operation_id)

    def page(
        self,
        caller: Caller,
        *,
        limit: int,
        offset: int,
        deployment_id: uuid.UUID | None,
        kind: str | None,
        status: Sequence[str],
    ) -> Sequence[OperationRow]:
        """Some of them, newest first."""
        with self._store.begin() as tx:
            return tx.operations.of_tenant(
                caller.tenant_id,
                limit=limit,
                offset=offset,
                deployment_id=deployment_id,
                kind=kind,
                status=status,
            )

    def events(
        self, operation_id: str, seq: int, *, limit: int
    ) -> tuple[OperationRow, Sequence[EventRow]]:
        """The operation as it is, and its events behind `seq`.

        The operation is read first: when it has ended, every event of it is already there.
        """
        with self._store.begin() as tx:
            row = tx.operations.by_id(operation_id)
            if row is None:
                raise missing("operation", operation_id)
            return row, tx.events.after(operation_id, seq, limit=limit)

    def cancel(self, caller: Caller, operation_id: str) -> OperationRow:
        """Let it end: at once where nobody works on it, else when what is in flight is done."""
        with self._store.begin() as tx:
            row = tx.operations.get(caller.tenant_id, operation_id, lock=True)
            if row.finished_at is not None:
                raise _ended(row)
            before = audit.state(row)
            if row.cancel_requested_at is None:
                row.cancel_requested_at = datetime.now(UTC)
            if row.status in IDLE:
                _end(tx, row, f"cancelled by {caller.key_name}")
            audit.note(
                tx, caller, "operation.cancel", row, before=before, operation_id=operation_id
            )
            return row

    def approve(self, caller: Caller, operation_id: str) -> OperationRow:
        """Let it go on: what its plan would replace or delete may be."""
        with self._store.begin() as tx:
            row = _waiting(tx, caller, operation_id)
            before = audit.state(row)
            row.approved_by = caller.source_identity
            row.status = "QUEUED"
            row.attempt += 1
            self._queue.enqueue(tx, row.id, deployment_id=row.deployment_id, attempt=row.attempt)
            statuses.tell(tx, row, message=f"approved by {caller.key_name}")
            audit.note(
                tx, caller, "operation.approve", row, before=before, operation_id=operation_id
            )
            return row

    def reject(self, caller: Caller, operation_id: str) -> OperationRow:
        """Let it end: its plan is not to be carried out."""
        with self._store.begin() as tx:
            row = _waiting(tx, caller, operation_id)
            before = audit.state(row)
            _end(tx, row, f"rejected by {caller.key_name}")
            audit.note(
                tx, caller, "operation.reject", row, before=before, operation_id=operation_id
            )
            return row


def _waiting(tx: Transaction, caller: Caller, operation_id: str) -> OperationRow:
    row = tx.operations.get(caller.tenant_id, operation_id, lock=True)
    if row.status != "AWAITING_APPROVAL":
        raise Conflict(
            "operation",
            wanted="one that waits for approval",
            got=f"one that is {row.status}",
            next_step="Look at the operation; another may have decided.",
        )
    return row


def _ended(row: OperationRow) -> Conflict:
    return Conflict(
        "operation",
        wanted="one that has not ended",
        got=f"one that is {row.status}",
        next_step="Roll back instead, or deploy again.",
    )


def _end(tx: Transaction, row: OperationRow, why: str) -> None:
    """It is over. A deletion that never began leaves the deployment what it was."""
    failure = Cancelled(
        "operation",
        wanted="to be carried out",
        got=why,
        next_step="Ask for it again if it is wanted after all.",
    )
    statuses.end(tx, row, "CANCELLED", failure.as_dict())
    if row.kind == "delete" and row.started_at is None:
        deployment = tx.deployments.get(row.tenant_id, row.deployment_id, lock=True)
        deployment.status = "READY" if deployment.active_revision_id else "AWAITING_DATABASE"
