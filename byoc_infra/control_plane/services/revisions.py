"""Revisions: read, made, and brought up again."""

import uuid
from typing import get_args

from byoc_infra.control_plane.caller import Caller
from byoc_infra.control_plane.models.deployments import (
    DeploymentPatch,
    Revision,
    RevisionFilter,
    RevisionsList,
    RevisionStatus,
)
from byoc_infra.control_plane.services import _asked, _shown, audit
from byoc_infra.control_plane.services._rollout import Tools, alive, headers, write
from byoc_infra.control_plane.services.deployments import Deployments
from byoc_infra.control_plane.services.idempotency import Claim, Reply
from byoc_infra.control_plane.store import Transaction
from byoc_infra.control_plane.store.tables import DeploymentRow, OperationRow, RevisionRow
from byoc_infra.errors import SpecError

__all__ = ["Revisions", "bring_again"]


class Revisions:
    """A deployment's revisions."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._store = tools.store

    def page(
        self, caller: Caller, deployment_id: uuid.UUID, which: RevisionFilter
    ) -> RevisionsList:
        """Some of them, newest first."""
        statuses = _statuses(which.status)
        with self._store.begin() as tx:
            tx.deployments.get(caller.tenant_id, deployment_id)
            if which.remote_reconciled is False:
                return RevisionsList(resources=[], offset=which.offset)
            rows = tx.revisions.page(
                deployment_id, limit=which.limit, offset=which.offset, statuses=statuses
            )
            shown = [_shown.revision(one) for one in rows]
        return RevisionsList(resources=shown, offset=which.offset + len(shown))

    def get(self, caller: Caller, deployment_id: uuid.UUID, revision_id: uuid.UUID) -> Revision:
        """One of them."""
        with self._store.begin() as tx:
            tx.deployments.get(caller.tenant_id, deployment_id)
            row = tx.revisions.get(caller.tenant_id, revision_id, deployment_id=deployment_id)
            return _shown.revision(row)

    def add(
        self, caller: Caller, deployment_id: uuid.UUID, body: DeploymentPatch, claim: Claim
    ) -> Reply:
        """A new one in any case, even if nothing of it is new; the list of secrets is taken at
        its word, also an empty one.
        """
        asked = _asked.of_patch(body, keep_if_empty=False)
        return Deployments(self._tools).change(
            caller, deployment_id, body, asked, claim, status=201, always=True
        )

    def redeploy(
        self, caller: Caller, deployment_id: uuid.UUID, revision_id: uuid.UUID, claim: Claim
    ) -> Reply:
        """A new revision that is what an earlier one was: image, sizes, variables, values."""
        with self._store.begin() as tx:
            deployment = alive(tx.deployments.get(caller.tenant_id, deployment_id, lock=True))
            earlier = tx.revisions.get(caller.tenant_id, revision_id, deployment_id=deployment_id)
            revision, operation = bring_again(
                tx,
                self._tools,
                caller,
                deployment,
                earlier,
                id_=claim.id("revision"),
                action="deployment.redeploy",
            )
            shown = _shown.deployment(deployment, revision).model_dump(mode="json")
            return claim.finish(tx, Reply(status=200, body=shown, headers=headers(operation)))


def bring_again(
    tx: Transaction,
    tools: Tools,
    caller: Caller,
    deployment: DeploymentRow,
    earlier: RevisionRow,
    *,
    id_: uuid.UUID,
    action: str,
) -> tuple[RevisionRow, OperationRow]:
    """A new revision that is what an earlier one was, queued; `action` is the audit row's."""
    before = audit.state(deployment)
    revision = _again(earlier, id_)
    operation = write(tx, tools, caller, deployment, revision)
    audit.note(tx, caller, action, deployment, before=before, operation_id=operation.id)
    return revision, operation


def _again(earlier: RevisionRow, id_: uuid.UUID) -> RevisionRow:
    """The next revision, as an earlier one was. Its values are still there: no revision's secret
    is ever overwritten.
    """
    return RevisionRow(
        id=id_,
        tenant_id=earlier.tenant_id,
        deployment_id=earlier.deployment_id,
        source=earlier.source,
        source_revision_config=earlier.source_revision_config,
        status="QUEUED",
        spec=earlier.spec,
        secret_names=earlier.secret_names,
        secrets_arn=earlier.secrets_arn,
        resource_spec=earlier.resource_spec,
    )


def _statuses(listed: str | None) -> list[str] | None:
    if not listed:
        return None
    asked = [one.strip() for one in listed.split(",") if one.strip()]
    for one in asked:
        if one not in get_args(RevisionStatus):
            raise SpecError(
                "status",
                wanted="statuses of revisions, comma between: "
                + ", ".join(get_args(RevisionStatus)),
                got=one,
                next_step="Leave it out to list all.",
            )
    return asked
