"""What becomes of an operation, and of what it is about: all changes of status in one place.

Each function takes an operation whose row its caller has locked, and changes rows only.
"""

from typing import Any

from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import EventRow, OperationRow

__all__ = ["begin", "end", "tell", "wait_for_account", "wait_for_approval"]

REVISION_AFTER = {
    "SUCCEEDED": "DEPLOYED",
    "FAILED": "DEPLOY_FAILED",
    "CANCELLED": "INTERRUPTED",
    "SKIPPED": "SKIPPED",
}
"""By the terminal status of the operation that was to deploy it."""

Failure = dict[str, Any]


def begin(tx: Transaction, operation: OperationRow) -> None:
    """A supervisor gets it next."""
    tx.operations.begun(operation)
    operation.failure = None
    _set_revision(tx, operation, "DEPLOYING", None)
    tell(tx, operation)


def end(
    tx: Transaction, operation: OperationRow, status: str, failure: Failure | None = None
) -> None:
    """It is over: SUCCEEDED, FAILED, CANCELLED or SKIPPED."""
    tx.operations.ended(operation, status)
    operation.failure = failure
    _set_revision(tx, operation, REVISION_AFTER[status], failure)
    if status == "SUCCEEDED":
        _arrive(tx, operation)
    tell(tx, operation)


def wait_for_account(tx: Transaction, operation: OperationRow, failure: Failure | None) -> None:
    """The customer's account does not let us in: what runs goes on running, and this waits."""
    operation.status = "WAITING"
    operation.failure = failure
    _set_revision(tx, operation, "QUEUED", None)
    account = tx.accounts.get(operation.tenant_id, operation.account_id, lock=True)
    if account.status in ("active", "disconnected"):
        tx.accounts.disconnect(account, (failure or {}).get("got", ""))
    tell(tx, operation)


def wait_for_approval(tx: Transaction, operation: OperationRow) -> None:
    """A person has to agree to what it would replace or delete."""
    operation.status = "AWAITING_APPROVAL"
    _set_revision(tx, operation, "QUEUED", None)
    tell(tx, operation)


def tell(tx: Transaction, operation: OperationRow, **more: object) -> None:
    """Write the operation's status down as one of its events."""
    told = {"status": operation.status, "attempt": operation.attempt, **more}
    if operation.failure:
        told["failure"] = operation.failure
    tx.events.add(EventRow(operation_id=operation.id, kind="status", data=told))


def _set_revision(
    tx: Transaction, operation: OperationRow, status: str, failure: Failure | None
) -> None:
    if operation.kind != "deploy" or operation.revision_id is None:
        return
    revision = tx.revisions.get(operation.tenant_id, operation.revision_id, lock=True)
    revision.status = status
    revision.failure = failure


def _arrive(tx: Transaction, operation: OperationRow) -> None:
    """What the supervisor has not written already about the deployment."""
    deployment = tx.deployments.by_id(operation.deployment_id, lock=True)
    if operation.kind == "deploy":
        deployment.active_revision_id = operation.revision_id
        if deployment.status in ("AWAITING_DATABASE", "UNKNOWN"):
            deployment.status = "READY"
            deployment.status_message = ""
    elif operation.kind == "delete":
        tx.deployments.gone(deployment)
