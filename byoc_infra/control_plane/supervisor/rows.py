"""What an operation is about, read from the store in one transaction, and what came of it."""

import uuid
from dataclasses import dataclass

from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store.tables import AccountRow, OperationRow, RevisionRow
from byoc_infra.control_plane.supervisor.lease import Lease, lost
from byoc_infra.errors import SpecError
from byoc_infra.redaction import hide
from byoc_infra.spec import AccessSpec, DeploymentSpec, parse

__all__ = ["Task", "load", "write"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One operation with all that its flow needs."""

    operation: OperationRow
    access: AccessSpec
    connection: str
    """The status of the account's connection."""
    spec: DeploymentSpec | None
    """What to bring about, or what to take away; None where there never was a revision."""
    running: DeploymentSpec | None
    """What the active revision says."""
    running_package: str | None
    """The version of this package that brought it about."""
    values: tuple[str, ...]
    """The ARNs of all revisions' secrets."""


def load(store: Store, operation_id: str, *, session_s: int) -> Task:
    """The operation as it is now."""
    with store.begin() as tx:
        operation = tx.operations.by_id(operation_id)
        if operation is None:
            raise SpecError(
                "operation",
                wanted="the id of an operation",
                got=operation_id,
                next_step="Take the id from the list of operations.",
            )
        account = tx.accounts.get(operation.tenant_id, operation.account_id)
        deployment = tx.deployments.get(operation.tenant_id, operation.deployment_id)
        last = tx.operations.last_deployed(deployment.id)
        active = _revision(tx, operation, deployment.active_revision_id)
        if operation.kind == "delete":
            wanted = active or _revision(tx, operation, deployment.latest_revision_id)
        else:
            wanted = _revision(tx, operation, operation.revision_id)
        arns = tx.revisions.secrets_of(deployment.id)
    return Task(
        operation=operation,
        access=_access(account, operation, session_s),
        connection=account.status,
        spec=_spec(wanted),
        running=_spec(active),
        running_package=(last.result or {}).get("package") if last is not None else None,
        values=tuple(arns),
    )


def write(
    store: Store, lease: Lease, operation_id: str, *, url: object = None, **found: object
) -> None:
    """Write `result` or `plan` of the operation, and where it is served; under the lease."""
    with store.begin() as tx:
        if not tx.leases.holds(lease.stack, lease.token):
            raise lost(lease.stack)
        operation = tx.operations.by_id(operation_id, lock=True)
        if operation is None or operation.finished_at is not None:
            return
        for name, value in found.items():
            setattr(operation, name, value)
        if url is not None:
            deployment = tx.deployments.get(operation.tenant_id, operation.deployment_id, lock=True)
            deployment.url = str(url)


def _revision(
    tx: Transaction, operation: OperationRow, id_: uuid.UUID | None
) -> RevisionRow | None:
    return None if id_ is None else tx.revisions.get(operation.tenant_id, id_)


def _spec(revision: RevisionRow | None) -> DeploymentSpec | None:
    return None if revision is None else parse(DeploymentSpec, revision.spec)


def _access(account: AccountRow, operation: OperationRow, session_s: int) -> AccessSpec:
    hide(account.external_id)
    return AccessSpec(
        role_arn=account.role_arn,
        external_id=account.external_id,
        source_identity=operation.source_identity,
        duration_s=session_s,
    )
