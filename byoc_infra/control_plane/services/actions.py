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
from byoc_infra.control_plane.services import audit, operations, views
from byoc_infra.control_plane.services._rollout import Tools, alive, headers
from byoc_infra.control_plane.services.idempotency import Claim, Reply
from byoc_infra.control_plane.services.revisions import bring_again
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store._base import missing
from byoc_infra.control_plane.store.tables import DeploymentRow, OperationRow, RevisionRow
from byoc_infra.errors import Conflict, SpecError
from byoc_infra.flows.names import stack_name
from byoc_infra.spec import DeploymentSpec

__all__ = ["Actions"]


class Actions:
    """On a tenant's deployments."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._store = tools.store

    def roll_back(
        self, caller: Caller, deployment_id: uuid.UUID, asked: RollbackRequest, claim: Claim
    ) -> Reply:
        """A new revision that is what an earlier one was: image, environment, secrets, size."""
        with self._store.begin() as tx:
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id, lock=True))
            earlier = _chosen(tx, caller, deployment, asked.revision_id, asked.number)
            if earlier.status != "DEPLOYED":
                raise Conflict(
                    "revision_id",
                    wanted="a revision that has served",
                    got=f"number {earlier.number}, which is {earlier.status}",
                    next_step="Choose one that is DEPLOYED, or deploy anew.",
                )
            _, operation = bring_again(
                tx,
                self._tools,
                caller,
                deployment,
                earlier,
                id_=claim.id("revision"),
                action="deployment.roll_back",
            )
            return claim.finish(tx, _started(operation))

    def preview(
        self, caller: Caller, deployment_id: uuid.UUID, asked: PreviewRequest, claim: Claim
    ) -> Reply:
        """What bringing a revision up would change; nothing is changed."""
        with self._store.begin() as tx:
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id, lock=True))
            chosen = asked.revision_id or deployment.latest_revision_id
            revision = _chosen(tx, caller, deployment, chosen, None)
            operation = operations.start(
                tx,
                self._tools.queue,
                caller=caller,
                deployment=deployment,
                kind="preview",
                revision_id=revision.id,
            )
            audit.note(tx, caller, "deployment.preview", deployment, operation_id=operation.id)
            return claim.finish(tx, _started(operation))

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


def _started(operation: OperationRow) -> Reply:
    shown = views.operation(operation).model_dump(mode="json")
    return Reply(status=202, body=shown, headers=headers(operation))


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


def _stack(tx: Transaction, caller: Caller, deployment: DeploymentRow) -> str:
    if deployment.latest_revision_id is None:
        return ""
    revision = tx.revisions.get(caller.tenant_id, deployment.latest_revision_id)
    return stack_name(DeploymentSpec.model_validate(revision.spec))
