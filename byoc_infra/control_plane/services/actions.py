"""What one may do with a deployment beyond the platform's API: roll back, preview, forget."""

import uuid
from datetime import UTC, datetime

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.operations import (
    ForgetRequest,
    Forgotten,
    PreviewRequest,
    RollbackRequest,
)
from byoc_infra.control_plane.services import audit, operations
from byoc_infra.control_plane.store import Store, Transaction
from byoc_infra.control_plane.store._base import missing
from byoc_infra.control_plane.store.tables import DeploymentRow, OperationRow, RevisionRow
from byoc_infra.control_plane.workflows.queue import Enqueues
from byoc_infra.errors import Conflict, SpecError
from byoc_infra.flows.deployment import stack_name
from byoc_infra.spec import DeploymentSpec

__all__ = ["Actions"]


class Actions:
    """On a tenant's deployments."""

    def __init__(self, store: Store, queue: Enqueues) -> None:
        self._store = store
        self._queue = queue

    def roll_back(
        self, caller: Caller, deployment_id: uuid.UUID, asked: RollbackRequest
    ) -> OperationRow:
        """A new revision that is what an earlier one was: image, environment, secrets, size."""
        with self._store.begin() as tx:
            deployment = _alive(tx, caller, deployment_id)
            earlier = _chosen(tx, caller, deployment, asked.revision_id, asked.number)
            if earlier.status != "DEPLOYED":
                raise Conflict(
                    "revision_id",
                    wanted="a revision that has served",
                    got=f"number {earlier.number}, which is {earlier.status}",
                    next_step="Choose one that is DEPLOYED, or deploy anew.",
                )
            before = audit.state(deployment)
            revision = tx.revisions.add(_copy(tx, deployment, earlier))
            deployment.latest_revision_id = revision.id
            operation = operations.start(
                tx,
                self._queue,
                caller=caller,
                deployment=deployment,
                kind="deploy",
                revision_id=revision.id,
            )
            audit.note(
                tx,
                caller,
                "deployment.roll_back",
                deployment,
                before=before,
                operation_id=operation.id,
            )
            return operation

    def preview(
        self, caller: Caller, deployment_id: uuid.UUID, asked: PreviewRequest
    ) -> OperationRow:
        """What bringing a revision up would change; nothing is changed."""
        with self._store.begin() as tx:
            deployment = _alive(tx, caller, deployment_id)
            chosen = asked.revision_id or deployment.latest_revision_id
            revision = _chosen(tx, caller, deployment, chosen, None)
            operation = operations.start(
                tx,
                self._queue,
                caller=caller,
                deployment=deployment,
                kind="preview",
                revision_id=revision.id,
            )
            audit.note(tx, caller, "deployment.preview", deployment, operation_id=operation.id)
            return operation

    def forget(self, caller: Caller, deployment_id: uuid.UUID, asked: ForgetRequest) -> Forgotten:
        """Know nothing more of a deployment; all that it has in AWS stays and runs on."""
        with self._store.begin() as tx:
            deployment = tx.deployments.get(caller.tenant_id, deployment_id, lock=True)
            if asked.name != deployment.name:
                raise SpecError(
                    "name",
                    wanted="the deployment's own name, as a sign that it is meant",
                    got="another",
                    next_step="Give the name of the deployment that is to be forgotten.",
                )
            if still := tx.operations.open_of(deployment.id):
                raise Conflict(
                    "deployment",
                    wanted="a deployment on which nothing is being done",
                    got=f"operation {still[0].id}, which is {still[0].status}",
                    next_step="Cancel it first, or wait until it has ended.",
                )
            account = tx.accounts.get(caller.tenant_id, deployment.account_id)
            before = audit.state(deployment)
            deployment.deleted_at = datetime.now(UTC)
            deployment.status_message = "forgotten; its resources were left as they are"
            audit.note(tx, caller, "deployment.forget", deployment, before=before)
            return Forgotten(
                deployment_id=deployment.id,
                name=deployment.name,
                stack=_stack(tx, caller, deployment),
                aws_account_id=account.aws_account_id,
                region=account.region,
                next_step="It runs on and costs what it costs. A new deployment of this name in "
                "this account takes its resources up again.",
            )


def _alive(tx: Transaction, caller: Caller, deployment_id: uuid.UUID) -> DeploymentRow:
    deployment = tx.deployments.get(caller.tenant_id, deployment_id, lock=True)
    if deployment.status == "AWAITING_DELETE":
        raise Conflict(
            "deployment",
            wanted="one that is not being deleted",
            got=deployment.status,
            next_step="Cancel its deletion first, if it has not begun.",
        )
    return deployment


def _chosen(
    tx: Transaction,
    caller: Caller,
    deployment: DeploymentRow,
    revision_id: uuid.UUID | None,
    number: int | None,
) -> RevisionRow:
    if revision_id is not None:
        found = tx.revisions.get(caller.tenant_id, revision_id)
        if found.deployment_id == deployment.id:
            return found
    elif number is not None and (found_ := tx.revisions.numbered(deployment.id, number)):
        return found_
    raise missing("revision", revision_id or number)


def _copy(tx: Transaction, deployment: DeploymentRow, earlier: RevisionRow) -> RevisionRow:
    """Its values are still there: no revision's secret is ever overwritten."""
    return RevisionRow(
        tenant_id=earlier.tenant_id,
        deployment_id=earlier.deployment_id,
        number=tx.revisions.next_number(deployment.id),
        source=earlier.source,
        source_revision_config=earlier.source_revision_config,
        status="QUEUED",
        spec=earlier.spec,
        secret_names=earlier.secret_names,
        secrets_arn=earlier.secrets_arn,
        resource_spec=earlier.resource_spec,
    )


def _stack(tx: Transaction, caller: Caller, deployment: DeploymentRow) -> str:
    if deployment.latest_revision_id is None:
        return ""
    revision = tx.revisions.get(caller.tenant_id, deployment.latest_revision_id)
    return stack_name(DeploymentSpec.model_validate(revision.spec))
