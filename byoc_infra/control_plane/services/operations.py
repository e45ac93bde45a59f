"""Operations: what is to be done on a deployment's stack, one after the other."""

import uuid
from typing import Literal

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import DeploymentRow, OperationRow
from byoc_infra.control_plane.workflows.queue import Enqueues
from byoc_infra.flows.work import new_operation

__all__ = ["OperationKind", "start"]

OperationKind = Literal["deploy", "preview", "delete"]


def start(
    tx: Transaction,
    queue: Enqueues,
    *,
    caller: Caller,
    deployment: DeploymentRow,
    kind: OperationKind,
    revision_id: uuid.UUID | None = None,
) -> OperationRow:
    """The operation's row and its place in the queue, both in the caller's transaction."""
    operation = tx.operations.add(
        OperationRow(
            id=new_operation(),
            tenant_id=deployment.tenant_id,
            account_id=deployment.account_id,
            deployment_id=deployment.id,
            revision_id=revision_id,
            kind=kind,
            status="QUEUED",
            source_identity=caller.source_identity,
            request_id=caller.request_id,
        )
    )
    queue.enqueue(tx, operation.id, deployment_id=deployment.id, attempt=operation.attempt)
    return operation
